# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The capture thread by itself: what it hands on when nobody takes it, when it is late, and when it is paused."""

import threading
import time

import numpy as np
import pytest
from PIL import Image

from ssd_tf.media.latest import LatestSlot
from ssd_tf.media.source import Frame, Source, SourceInfo
from ssd_tf.viewer.engine import capture as capturing_module
from ssd_tf.viewer.engine.capture import Capture
from ssd_tf.viewer.engine.messages import Captured, State, StateMessage
from tests.fixtures.live import FRAMES, NotingSlot
from tests.fixtures.live_viewer import PATIENCE


class Watched(LatestSlot):
    """Tells when the end of the source waits behind the frames."""

    def __init__(self) -> None:
        super().__init__()
        self.ended = threading.Event()

    def put(self, item, keep: bool = False) -> None:
        if isinstance(item, StateMessage) and item.state is State.ENDED:
            self.ended.set()
        super().put(item, keep)


class Endless(Source):
    """A source whose frames take five milliseconds each to read."""

    def __init__(self, info: SourceInfo):
        self.info = info
        self.reads = self.skips = 0

    def open(self) -> None:
        pass

    def read(self) -> Frame:
        time.sleep(0.005)
        self.reads += 1
        index = self.reads + self.skips - 1
        return Frame(np.zeros((2, 2, 3), np.uint8), index, index / (self.info.fps or 1000))

    def skip(self) -> bool:
        self.skips += 1
        return True

    def close(self) -> None:
        pass


@pytest.fixture
def play(monkeypatch):
    """play(source): its Capture, and where that puts what it reads."""
    started = []

    def start(source: Source | str, output: LatestSlot | None = None) -> tuple[Capture, LatestSlot]:
        output = output or LatestSlot()
        if isinstance(source, Source):
            monkeypatch.setattr(capturing_module, "find_source", lambda _: source)
        capture = Capture(output, fast=not isinstance(source, Source))
        thread = threading.Thread(target=capture.run)
        capture.allow()
        capture.play(1, str(source))
        thread.start()
        started.append((capture, output, thread))
        return capture, output

    yield start
    for capture, output, thread in started:
        capture.close()
        output.close()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def take_frame(output: LatestSlot) -> Captured:
    while not isinstance(message := output.take(), Captured):
        assert message is not None
    return message


def test_latest_frame_wins_and_the_end_comes_after_it(play, video):
    watched = Watched()
    _, output = play(str(video), watched)
    running = output.take()
    assert running.state is State.RUNNING
    assert watched.ended.wait(PATIENCE)  # all has been read, and nothing was taken
    assert output.take().frame.index == FRAMES - 1
    assert output.take().state is State.ENDED


def test_video_that_cannot_be_decoded_in_time_leaves_out_frames(play):
    source = Endless(SourceInfo("fast.mp4", "video", 1000.0, 0, 2, 2))
    _, output = play(source)
    indices = [take_frame(output).frame.index for _ in range(60)]
    assert source.skips > 0
    assert indices == sorted(set(indices))
    # At most so many in a row, so that something is seen however slow the machine is.
    assert max(np.diff(indices)) > 1


def test_images_are_never_left_out(play):
    source = Endless(SourceInfo("folder", "images", 1000.0, 0, 2, 2))
    _, output = play(source)
    for _ in range(60):
        take_frame(output)
    assert source.skips == 0


def test_paused_camera_is_read_on_so_that_the_next_frame_is_fresh(play):
    source = Endless(SourceInfo("camera 0", "camera", 0.0, 0, 2, 2))
    capture, output = play(source)
    capture.set_paused(True)
    while not (isinstance(message := output.take(), StateMessage) and message.state is State.PAUSED):
        pass
    held = source.reads
    while source.reads < held + 10:
        time.sleep(0.001)
    capture.step()
    assert take_frame(output).frame.index >= held + 10


def test_paused_video_stays_where_it_is(play):
    source = Endless(SourceInfo("film.mp4", "video", 200.0, 0, 2, 2))
    capture, output = play(source)
    capture.set_paused(True)
    last = -1
    while not (isinstance(message := output.take(), StateMessage) and message.state is State.PAUSED):
        last = message.frame.index if isinstance(message, Captured) else last
    capture.step()
    assert take_frame(output).frame.index == last + 1
    assert source.reads + source.skips == last + 2


def pause(capture: Capture, output: LatestSlot) -> None:
    capture.set_paused(True)
    while not (isinstance(message := output.take(), StateMessage) and message.state is State.PAUSED):
        pass


def test_images_that_nobody_takes_are_waited_for(play, tmp_path):
    for k in range(5):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{k}.png")
    slot = NotingSlot()
    play(str(tmp_path), slot)  # as fast as possible
    frames = []
    while not (isinstance(message := slot.take(), StateMessage) and message.state is State.ENDED):
        if isinstance(message, Captured):
            frames.append(message.frame)
    assert all(keep for item, keep in slot.noted if isinstance(item, Captured))
    assert [(frame.index, frame.name) for frame in frames] == [(k, f"{k}.png") for k in range(5)]


def test_image_after_one_that_came_late_is_seen_as_long_as_any():
    capture = Capture(LatestSlot(), fast=False)
    capture._pace.due(0.0, time.monotonic() - 10)  # the first one, for which a model has taken ten seconds
    now = capture._keep_pace(Endless(SourceInfo("folder", "images", 1.0, 0, 2, 2)), 1.0)
    assert capture._pace.due(2.0, now) == pytest.approx(now + 1.0)


def test_steps_do_not_pile_up(play, video):
    capture, output = play(Endless(SourceInfo("film.mp4", "video", 200.0, 0, 2, 2)))
    pause(capture, output)
    with capture._changed:  # the thread cannot take one meanwhile
        for _ in range(9):
            capture.step()
        assert capture._steps == 2


def test_pausing_what_is_paused_loses_no_step(play):
    capture, output = play(Endless(SourceInfo("film.mp4", "video", 200.0, 0, 2, 2)))
    pause(capture, output)
    with capture._changed:
        capture.step()
        capture.set_paused(True)
        assert capture._steps == 1
    assert take_frame(output).kept


def test_source_is_not_named_before_it_is_open(video):
    output: LatestSlot = LatestSlot()
    capture = Capture(output, fast=True)
    thread = threading.Thread(target=capture.run)
    thread.start()
    capture.allow()
    capture.play(1, str(video))
    while not (isinstance(message := output.take(), StateMessage) and message.state is State.ENDED):
        pass
    assert capture.source_info and capture.source_info.name == "grey.mp4"
    capture.play(2, "nowhere.mp4")
    assert capture.source_info is None
    lost = output.take()
    assert isinstance(lost, StateMessage) and lost.state is State.LOST
    assert capture.source_info is None
    capture.close()
    output.close()
    thread.join(PATIENCE)


def test_only_the_opening_that_is_meant_is_stopped(play):
    capture, output = play(Endless(SourceInfo("film.mp4", "video", 200.0, 0, 2, 2)))
    take_frame(output)
    capture.stop(7)  # an older one, of which a model has just failed
    assert not capture._stopped
    capture.stop(1)
    assert capture._stopped
