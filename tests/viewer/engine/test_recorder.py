# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The recording thread holds up nobody, plays in real time, and never leaves half a file."""

import pathlib
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from ssd_tf.geometry.detections import Detections
from ssd_tf.media import video_writer as recording_module
from ssd_tf.media.source import Frame
from ssd_tf.media.video_writer import VideoWriter
from ssd_tf.viewer.engine.engine import State
from ssd_tf.viewer.engine.messages import Captured, Detected
from ssd_tf.viewer.engine.recorder import Recorder
from ssd_tf.viewer.engine.view import View
from tests.fixtures.live import HEIGHT, LEVEL, WIDTH, frame_number
from tests.fixtures.live_viewer import PATIENCE, Viewer
from tests.inference.test_video import frames_of


class GatedWriter(VideoWriter):
    """A file on a disk that takes nothing until it is told to."""

    def __init__(self, path: pathlib.Path, fps: float):
        super().__init__(path, fps)
        self.entered, self.go = threading.Event(), threading.Event()

    def write(self, image: np.ndarray) -> None:
        self.entered.set()
        assert self.go.wait(PATIENCE)
        super().write(image)


def detected(number: int, seconds: float) -> Detected:
    """A frame without objects."""
    image = np.full((HEIGHT, WIDTH, 3), LEVEL * number, np.uint8)
    found = Detections(np.zeros((1, 0, 4), np.float32), np.zeros((1, 0)), np.zeros((1, 0), int), np.array([0]))
    return Detected(Captured(1, Frame(image, number, seconds), 0.0, 10.0, False), found, {}, 5.0)


def put_and_wait(recorder: Recorder, number: int, seconds: float) -> None:
    """Until the thread has taken it."""
    recorder.put(detected(number, seconds), View())
    while recorder._job and recorder.is_running:
        time.sleep(0.001)


def written(path: pathlib.Path) -> list[int]:
    return [frame_number(image) for image in frames_of(path)]


def test_frames_that_come_while_a_slow_disk_writes_are_left_out_and_nobody_waits(tmp_path):
    writer = GatedWriter(tmp_path / "a.mp4", 10.0)
    recorder = Recorder(writer)
    put_and_wait(recorder, 1, 0.1)
    put_and_wait(recorder, 2, 0.2)  # when the first is written
    assert writer.entered.wait(PATIENCE)
    for number in range(3, 8):
        recorder.put(detected(number, number / 10), View())
    recorder.end()
    assert recorder.is_running and not recorder.wait(0.0)
    assert recorder.seconds == 0.0
    writer.go.set()
    assert recorder.wait(PATIENCE)
    assert recorder.result() == tmp_path / "a.mp4"
    assert written(tmp_path / "a.mp4") == [1, 2, 2, 2, 2, 2, 7]
    assert recorder.seconds == 0.7


def test_pause_is_left_out(tmp_path):
    recorder = Recorder(VideoWriter(tmp_path / "a.mp4", 10.0))
    for number, seconds in ((1, 0.0), (2, 0.2), (3, 60.0), (4, 60.1)):
        if number == 3:
            recorder.cut()
        put_and_wait(recorder, number, seconds)
    recorder.end()
    assert recorder.wait(PATIENCE)
    assert written(tmp_path / "a.mp4") == [1, 1, 2, 3, 4]


def test_engine_closes_in_time_while_the_recording_is_still_written(detector, video, tmp_path):
    viewer = Viewer(lambda: detector, fast=True)
    viewer.engine.start()
    writer = GatedWriter(tmp_path / "out.mp4", 25.0)
    viewer.engine._display._recorder = recorder = Recorder(writer)
    viewer.engine.open(str(video))
    viewer.wait_for_state(State.ENDED)
    assert viewer.engine.recording
    viewer.engine.close(0.2)
    assert viewer.states[-1] == (State.CLOSED, f"{tmp_path / 'out.mp4'} is still being written")
    assert not (tmp_path / "out.mp4").exists()
    writer.go.set()
    assert recorder.wait(PATIENCE)
    assert written(tmp_path / "out.mp4")


def test_nearly_full_disk_ends_the_recording_at_once_and_keeps_what_there_is(tmp_path, monkeypatch):
    recorder = Recorder(VideoWriter(tmp_path / "a.mp4", 10.0))
    put_and_wait(recorder, 1, 0.0)
    put_and_wait(recorder, 2, 0.5)
    while recorder.seconds < 0.5:
        time.sleep(0.001)
    monkeypatch.setattr(recording_module, "_SPARE_BYTES", 1 << 60)
    recorder.put(detected(3, 3.0), View())
    assert recorder.wait(PATIENCE)  # though nobody has ended it
    assert not recorder.is_running
    with pytest.raises(OSError, match=r"a\.mp4: ends after 1 s: .*not enough space.*until then is kept$"):
        recorder.result()
    assert written(tmp_path / "a.mp4") == [1] * 5 + [2] * 5
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_recording_that_cannot_be_written_ends_at_once_and_leaves_nothing(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    recorder = Recorder(VideoWriter(folder / "a.mp4", 10.0))
    folder.rmdir()
    recorder.put(detected(1, 0.0), View())
    assert recorder.wait(PATIENCE)
    with pytest.raises(OSError, match=r"a video of 160 x 120 pixels, 10 frames/s, cannot be written"):
        recorder.result()


def test_recording_without_a_frame_is_no_file(tmp_path):
    recorder = Recorder(VideoWriter(tmp_path / "a.mp4", 10.0))
    recorder.end()
    assert recorder.wait(PATIENCE)
    assert recorder.result() is None and list(tmp_path.iterdir()) == []


def test_program_that_forgets_its_recording_ends_and_the_file_is_whole(tmp_path):
    code = (
        "import pathlib, sys\nfrom tests.viewer.engine.test_recorder import Recorder, VideoWriter, View, detected\n"
        "recorder = Recorder(VideoWriter(pathlib.Path(sys.argv[1]), 10.0))\n"
        "recorder.put(detected(1, 0.0), View())\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.mp4")], check=True, timeout=PATIENCE)
    assert written(tmp_path / "a.mp4") == [1]
