# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The engine with its real threads on real videos: what is shown when, and that all threads end."""

import threading
import time

import cv2
import keras
import numpy as np
import pytest

import ssd_tf
from ssd_tf.data.annotations import Category
from ssd_tf.inference.predictor import Predictor
from ssd_tf.viewer.engine.engine import State, View
from tests.fixtures.live import FRAMES, HEIGHT, WIDTH, frame_number, write_video
from tests.fixtures.live_viewer import PATIENCE, Viewer


def test_frames_are_shown_with_their_boxes_and_the_end_is_said(viewer, video):
    viewer.engine.open(str(video))
    assert viewer.wait_for_state(State.ENDED) == "grey.mp4 has ended"
    assert [state for state, _ in viewer.states] == [State.LOADING, State.RUNNING, State.ENDED]
    assert viewer.indices == sorted(set(viewer.indices))
    for shown in viewer.shown:
        assert frame_number(shown.image) == shown.index
        assert shown.seconds == pytest.approx(shown.index / 25)
        assert shown.objects == 2 and shown.counts == {1: 1, 2: 1}
        assert np.ptp(shown.image.astype(int), axis=-1).max() > 50
    assert viewer.engine.predictor is not None
    assert viewer.engine.source_info and viewer.engine.source_info.name == "grey.mp4"


def test_slow_model_leaves_out_frames_but_never_the_last(viewer, video, detector):
    class Slow(threading.Event):
        """Opens for a frame when the one before is on the screen, so that drawing is never the slower part."""

        def wait(self, timeout: float | None = None) -> bool:
            viewer.wait(lambda: len(viewer.shown) == len(detector.seen) - 1)
            return True

    detector.gate = Slow()
    viewer.engine.open(str(video))
    viewer.wait_for_state(State.ENDED)
    assert detector.seen == viewer.indices  # nothing is detected for nothing
    assert viewer.indices[-1] == FRAMES - 1
    stats = viewer.shown[-1].stats
    assert (stats.shown, stats.skipped) == (len(viewer.shown), FRAMES - len(viewer.shown))
    assert all(shown.stats.latency_ms >= shown.stats.inference_ms > 0 for shown in viewer.shown)


def test_file_plays_at_its_own_pace(live_viewer, slow_video):
    live_viewer.engine.open(str(slow_video))
    live_viewer.wait_for_state(State.ENDED)
    rates = [shown.stats.source_fps for shown in live_viewer.shown[5:]]
    assert np.median(rates) == pytest.approx(5.0, rel=0.1)
    # A machine that is busy for a moment shows fewer frames, and none later.
    assert live_viewer.indices == sorted(set(live_viewer.indices)) and live_viewer.indices[0] == 0
    assert len(live_viewer.indices) >= FRAMES // 2


def test_pause_holds_and_each_step_shows_the_next_frame(live_viewer, slow_video):
    engine = live_viewer.engine
    engine.open(str(slow_video))
    live_viewer.wait(lambda: len(live_viewer.shown) >= 2)
    engine.set_paused(True)
    assert live_viewer.wait_for_state(State.PAUSED) == "slow.mp4 is paused"
    held = live_viewer.indices[-1]
    for step in range(1, 4):
        engine.step()
        live_viewer.wait(lambda step=step: live_viewer.indices[-1] >= held + step)
    assert live_viewer.indices == list(range(held + 4))
    engine.set_paused(False)
    live_viewer.wait_for_state(State.RUNNING, times=2)
    live_viewer.wait(lambda: len(live_viewer.shown) > held + 4)
    assert live_viewer.indices[held + 4] == held + 4


def test_step_does_nothing_while_playing(live_viewer, slow_video):
    live_viewer.engine.open(str(slow_video))
    live_viewer.wait(lambda: live_viewer.shown)
    live_viewer.engine.step()
    live_viewer.engine.set_paused(True)
    live_viewer.wait_for_state(State.PAUSED)
    held = len(live_viewer.shown)
    live_viewer.engine.step()
    live_viewer.wait(lambda: len(live_viewer.shown) > held)
    assert live_viewer.indices == list(range(held + 1))


def test_steps_reach_the_end(live_viewer, tmp_path):
    live_viewer.engine.open(str(write_video(tmp_path / "short.mp4", fps=5.0, frames=3)))
    live_viewer.wait(lambda: live_viewer.shown)
    live_viewer.engine.set_paused(True)
    live_viewer.wait_for_state(State.PAUSED)
    while live_viewer.states[-1][0] is not State.ENDED:
        live_viewer.engine.step()
        time.sleep(0.001)
    assert live_viewer.indices == [0, 1, 2]


@pytest.mark.parametrize(
    ("view", "objects"),
    [
        (View(), 2),
        (View(score_threshold=0.1), 3),
        (View(score_threshold=0.95), 0),
        (View(score_threshold=0.0, hidden_classes=frozenset({1, 3})), 1),
    ],
)
def test_new_view_draws_the_last_frame_again_after_the_end(viewer, video, view, objects):
    viewer.engine.open(str(video))
    viewer.wait_for_state(State.ENDED)
    before = len(viewer.shown)
    viewer.engine.set_view(view)
    viewer.wait(lambda: len(viewer.shown) > before)
    again = viewer.shown[-1]
    assert (again.index, again.objects) == (FRAMES - 1, objects)
    assert again.stats == viewer.shown[before - 1].stats
    assert (np.ptp(again.image.astype(int), axis=-1).max() > 50) == (objects > 0)


def test_hidden_classes_are_counted_all_the_same(viewer, video):
    viewer.engine.set_view(View(score_threshold=0.5, hidden_classes=frozenset({1})))
    viewer.engine.open(str(video))
    viewer.wait_for_state(State.ENDED)
    assert (viewer.shown[-1].objects, viewer.shown[-1].counts) == (1, {1: 1, 2: 1})


def test_view_set_before_the_model_is_loaded_holds(detector, video):
    go = threading.Event()
    viewer = Viewer(lambda: (go.wait(PATIENCE), detector)[1], fast=True)
    viewer.engine.start()
    viewer.engine.set_view(View(size=(80, 200)))
    viewer.engine.open(str(video))
    go.set()
    viewer.wait_for_state(State.ENDED)
    assert {shown.image.shape for shown in viewer.shown} == {(60, 80, 3)}
    assert viewer.engine.close(PATIENCE) == []


def test_view_set_while_playing_holds_from_the_next_image_on(live_viewer, slow_video):
    live_viewer.engine.open(str(slow_video))
    live_viewer.wait(lambda: live_viewer.shown)
    live_viewer.engine.set_view(View(size=(80, 200)))
    live_viewer.wait_for_state(State.ENDED)
    sizes = [shown.image.shape for shown in live_viewer.shown]
    assert sizes[0] == (HEIGHT, WIDTH, 3) and sizes[-1] == (60, 80, 3)
    assert sorted(sizes, reverse=True) == sizes


def test_snapshot_has_the_frames_own_size_and_boxes(viewer, video):
    assert viewer.engine.snapshot() is None
    viewer.engine.set_view(View(size=(40, 30)))
    viewer.engine.open(str(video))
    viewer.wait_for_state(State.ENDED)
    assert viewer.shown[-1].image.shape == (30, 40, 3)
    taken = viewer.engine.snapshot()
    assert taken is not None
    snapshot, index = taken
    assert snapshot.shape == (HEIGHT, WIDTH, 3)
    assert frame_number(snapshot) == index == FRAMES - 1 and np.ptp(snapshot.astype(int), axis=-1).max() > 50


def test_recording_has_the_frames_own_size_and_plays_in_real_time(viewer, video, tmp_path):
    viewer.engine.set_view(View(size=(40, 30)))
    viewer.engine.start_recording(tmp_path / "out.mp4")
    assert viewer.engine.recording and viewer.engine.recorded_seconds == 0.0
    viewer.engine.open(str(video))
    viewer.wait_for_state(State.ENDED)
    if len(viewer.indices) > 1:  # the last one is held
        deadline = time.monotonic() + PATIENCE
        while not viewer.engine.recorded_seconds:
            assert time.monotonic() < deadline
            time.sleep(0.001)
    assert viewer.engine.stop_recording() == tmp_path / "out.mp4"
    assert not viewer.engine.recording and viewer.engine.stop_recording() is None
    assert viewer.engine.recorded_seconds == 0.0
    capture = cv2.VideoCapture(str(tmp_path / "out.mp4"), cv2.CAP_FFMPEG)
    assert (capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)) == (WIDTH, HEIGHT)
    # From the first frame to the last, whichever of those between were shown; a busy machine may lower the rate.
    fps = capture.get(cv2.CAP_PROP_FPS)
    seconds = capture.get(cv2.CAP_PROP_FRAME_COUNT) / fps
    assert seconds == pytest.approx((FRAMES - 1 - viewer.indices[0]) / 25 + 1 / fps, abs=0.51 / fps)
    capture.release()


def test_recording_is_refused_where_it_would_replace_a_file_or_another_recording(viewer, video, tmp_path):
    with pytest.raises(FileExistsError, match=r"grey\.mp4, which is there"):
        viewer.engine.start_recording(video)
    viewer.engine.start_recording(tmp_path / "a.mp4")
    with pytest.raises(ValueError, match=r"b\.mp4, while .*a\.mp4 is recorded"):
        viewer.engine.start_recording(tmp_path / "b.mp4")
    assert viewer.engine.stop_recording() is None  # no frame came


def test_closing_keeps_the_recording(detector, video, tmp_path):
    viewer = Viewer(lambda: detector, fast=True)
    viewer.engine.start()
    viewer.engine.start_recording(tmp_path / "out.mp4")
    viewer.engine.open(str(video))
    viewer.wait_for_state(State.ENDED)
    viewer.engine.close(PATIENCE)
    assert viewer.states[-1] == (State.CLOSED, "")
    assert [path.name for path in tmp_path.glob("*out*")] == ["out.mp4"]


def test_opening_again_starts_again(viewer, video):
    for times in (1, 2):
        viewer.engine.open(str(video))
        viewer.wait_for_state(State.ENDED, times)
    assert viewer.indices.count(FRAMES - 1) == 2
    assert viewer.shown[-1].stats.shown + viewer.shown[-1].stats.skipped == FRAMES


def test_frames_of_the_source_before_never_come_after_another_was_opened(viewer, video, tmp_path, detector):
    other = write_video(tmp_path / "other.mp4", frames=3)
    detector.gate = threading.Event()
    viewer.engine.open(str(video))
    assert detector.entered.wait(PATIENCE)
    viewer.engine.open(str(other))
    before = len(viewer.shown)
    detector.gate.set()
    assert viewer.wait_for_state(State.ENDED) == "other.mp4 has ended"
    assert viewer.indices[before:][-1] == 2 and len(viewer.indices[before:]) <= 3


def test_opening_ends_a_pause(live_viewer, slow_video):
    live_viewer.engine.open(str(slow_video))
    live_viewer.engine.set_paused(True)
    live_viewer.wait_for_state(State.PAUSED)
    live_viewer.engine.open(str(slow_video))
    before = len(live_viewer.shown)
    live_viewer.wait(lambda: len(live_viewer.shown) >= before + 2)


def test_real_model_on_a_real_video(shared):
    categories = (Category(1, "person"), Category(2, "bag"))

    def load() -> Predictor:
        keras.utils.set_random_seed(0)
        model = ssd_tf.build_model("ssd128_tiny", len(categories))
        return Predictor(ssd_tf.spec("ssd128_tiny"), categories, model)

    viewer = Viewer(load, View(score_threshold=0.0, size=(640, 640)), fast=True)
    viewer.engine.start()
    viewer.engine.open(str(shared / "data" / "videos" / "people.mp4"))
    viewer.wait(lambda: len(viewer.shown) >= 5)
    assert viewer.engine.close(PATIENCE) == []
    assert viewer.indices[:5] == sorted(set(viewer.indices[:5]))
    for shown in viewer.shown:
        assert shown.image.shape == (360, 640, 3)
        assert shown.objects > 0
