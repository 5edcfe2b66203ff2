# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Whatever goes wrong is said in a line, the engine continues, and it can be closed at any time."""

import socket
import subprocess
import sys
import threading
import time

import pytest
import tensorflow as tf
from PIL import Image

from ssd_tf.utils.errors import UserError
from ssd_tf.viewer.engine.engine import State
from tests.fixtures.live import FRAMES, write_video
from tests.fixtures.live_viewer import PATIENCE, Viewer, engine_threads


@pytest.mark.parametrize("text", ["nowhere.mp4", "words.mp4", "97", "empty", "rtsp://127.0.0.1:9/live"])
def test_source_that_cannot_be_opened_is_lost_and_another_can_be_opened(viewer, video, tmp_path, text):
    (tmp_path / "words.mp4").write_text("words")
    (tmp_path / "empty").mkdir()
    viewer.engine.open(str(tmp_path / text) if (tmp_path / text).exists() else text)
    assert text in viewer.wait_for_state(State.LOST)
    viewer.engine.open(str(video))
    viewer.wait_for_state(State.ENDED)
    assert viewer.indices[-1] == FRAMES - 1


def test_video_that_is_damaged_in_the_middle_is_lost_after_its_last_frame(viewer, tmp_path):
    damaged = write_video(tmp_path / "film.avi", frames=60)
    damaged.write_bytes(damaged.read_bytes()[: damaged.stat().st_size // 2])
    viewer.engine.open(str(damaged))
    text = viewer.wait_for_state(State.LOST)
    assert text == f"film.avi is damaged: it breaks off after {viewer.indices[-1] + 1} of 60 frames"


def test_model_that_cannot_be_loaded_is_said_and_loaded_again_with_the_next_source(detector, video):
    answers = iter([UserError("model.tflite: not a model"), tf.errors.NotFoundError(None, None, "no file"), detector])

    def load():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    viewer = Viewer(load, fast=True)
    viewer.engine.start()
    assert viewer.wait_for_state(State.FAILED) == "the model cannot be loaded: model.tflite: not a model"
    assert viewer.engine.predictor is None
    viewer.engine.open(str(video))
    assert "no file" in viewer.wait_for_state(State.FAILED, times=2)
    viewer.engine.open(str(video))
    viewer.wait_for_state(State.ENDED)
    assert [state for state, _ in viewer.states] == [State.LOADING, State.FAILED] * 2 + [
        State.LOADING,
        State.RUNNING,
        State.ENDED,
    ]
    assert viewer.engine.close(PATIENCE) == []


def test_model_that_fails_in_the_middle_is_said_once_and_can_continue(viewer, video, detector):
    detector.error = UserError("out of memory")
    viewer.engine.open(str(video))
    assert viewer.wait_for_state(State.FAILED) == "the model failed: out of memory"
    detector.error = None
    viewer.engine.open(str(video))
    viewer.wait_for_state(State.ENDED)
    assert [state for state, _ in viewer.states].count(State.FAILED) == 1


def test_why_a_model_failed_on_a_lone_image_is_the_last_word(viewer, detector, tmp_path):
    Image.new("RGB", (16, 12)).save(tmp_path / "p.png")
    detector.error = UserError("out of memory")
    viewer.engine.open(str(tmp_path / "p.png"))
    viewer.wait_for_state(State.FAILED)
    detector.error = None
    viewer.engine.open(str(tmp_path / "p.png"))
    assert viewer.wait_for_state(State.ENDED) == "p.png has ended"  # of the second time
    assert [state for state, _ in viewer.states][-4:] == [State.RUNNING, State.FAILED, State.RUNNING, State.ENDED]
    assert viewer.shown[-1].frame_name == "p.png" and viewer.shown[-1].frame_size == (16, 12)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_mistake_of_the_program_is_said_and_the_engine_can_be_closed(viewer, video, detector):
    detector.error = TypeError("a mistake")
    viewer.engine.open(str(video))
    assert viewer.wait_for_state(State.FAILED) == "the inference thread has ended: TypeError: a mistake"


@pytest.mark.parametrize("frames", [1, 5])
def test_recording_that_breaks_off_is_said_when_it_is_asked_for(viewer, tmp_path, frames):
    video = write_video(tmp_path / "grey.mp4", frames=frames)
    folder = tmp_path / "gone"
    folder.mkdir()
    viewer.engine.start_recording(folder / "out.mp4")
    folder.rmdir()
    viewer.engine.open(str(video))
    viewer.wait_for_state(State.ENDED)
    assert viewer.indices[-1] == frames - 1
    while viewer.engine.recording:  # at once, though nobody has asked yet
        time.sleep(0.001)
    with pytest.raises(OSError, match=r"out\.mp4: a video of 160 x 120 pixels, 25 frames/s, cannot be written"):
        viewer.engine.stop_recording()


def test_closing_says_where_the_recording_is_lost(detector, video, tmp_path):
    viewer = Viewer(lambda: detector, fast=True)
    folder = tmp_path / "gone"
    folder.mkdir()
    viewer.engine.start()
    viewer.engine.start_recording(folder / "out.mp4")
    folder.rmdir()
    viewer.engine.open(str(video))
    viewer.wait_for_state(State.ENDED)
    assert viewer.engine.close(PATIENCE) == []
    state, text = viewer.states[-1]
    assert state is State.CLOSED and "out.mp4" in text


def test_closing_while_playing_ends_all_threads(detector, slow_video):
    viewer = Viewer(lambda: detector)
    viewer.engine.start()
    viewer.engine.open(str(slow_video))
    viewer.wait(lambda: viewer.shown)
    assert viewer.engine.close() == []
    assert engine_threads() == []
    assert viewer.states[-1][0] is State.CLOSED
    assert viewer.engine.close() == []  # and once more


def test_closing_while_paused_ends_all_threads(detector, slow_video):
    viewer = Viewer(lambda: detector)
    viewer.engine.start()
    viewer.engine.open(str(slow_video))
    viewer.engine.set_paused(True)
    viewer.wait_for_state(State.PAUSED)
    assert viewer.engine.close() == []
    assert engine_threads() == []


def test_closing_before_anything_is_open_or_started_ends_all_threads(detector):
    viewer = Viewer(lambda: detector)
    assert viewer.engine.close() == []
    viewer = Viewer(lambda: detector)
    viewer.engine.start()
    viewer.wait(lambda: viewer.engine.predictor or viewer.states)
    assert viewer.engine.close(PATIENCE) == []
    assert engine_threads() == []


def test_closing_while_the_model_is_loaded_names_the_thread_that_continues(detector, video):
    go = threading.Event()
    viewer = Viewer(lambda: (go.wait(PATIENCE), detector)[1])
    viewer.engine.start()
    viewer.engine.open(str(video))
    viewer.wait_for_state(State.LOADING)
    assert viewer.engine.close(0.1) == ["ssd_tf-inference"]
    go.set()
    for thread in threading.enumerate():
        if thread.name == "ssd_tf-inference":
            thread.join(PATIENCE)
    assert engine_threads() == [] and viewer.shown == []


@pytest.mark.parametrize("leave", ["close", "open"])
def test_stream_that_hangs_in_the_middle_keeps_nobody(detector, video, serve, tmp_path, leave):
    film = write_video(tmp_path / "film.avi", frames=60, size=(320, 240)).read_bytes()
    viewer = Viewer(lambda: detector, fast=True)
    viewer.engine.start()
    viewer.engine.open(serve(film, len(film) * 3 // 4))
    viewer.wait(lambda: viewer.shown)
    if leave == "open":
        viewer.engine.open(str(video))
        assert viewer.wait_for_state(State.ENDED) == "grey.mp4 has ended"
    assert viewer.engine.close() == []
    assert State.LOST not in [state for state, _ in viewer.states]


def test_server_that_says_nothing_keeps_nobody(detector):
    with socket.create_server(("127.0.0.1", 0)) as server:
        viewer = Viewer(lambda: detector)
        viewer.engine.start()
        viewer.engine.open(f"rtsp://127.0.0.1:{server.getsockname()[1]}/live")
        connection, _ = server.accept()
        with connection:
            assert viewer.engine.close() == []
    assert engine_threads() == []


def test_threads_do_not_keep_a_program_from_ending():
    # A model that takes an hour to load.
    code = (
        "import time\nfrom ssd_tf.viewer.engine.engine import Engine\n"
        "Engine(lambda: time.sleep(3600), print, lambda *_: None).start()\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=PATIENCE, check=False).returncode == 0
