# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Videos appear whole or not at all, and play in real time whatever the time between their frames."""

import pathlib
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssd_tf.media import video_writer as recording_module
from ssd_tf.media.video_writer import DiskFullError, Recording, VideoWriter

LEVEL = 12


def grey(number: int, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    return np.full((size[1], size[0], 3), LEVEL * number, np.uint8)


def read(path: pathlib.Path) -> tuple[float, list[np.ndarray]]:
    """Frames a second, and the frames in RGB."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    frames = []
    while (answer := capture.read())[0]:
        frames.append(np.asarray(answer[1])[..., ::-1])
    fps = capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    return fps, frames


def numbers(path: pathlib.Path) -> list[int]:
    return [round(float(frame.mean()) / LEVEL) for frame in read(path)[1]]


@pytest.mark.parametrize("fps", [1.0, 10.0, 24000 / 1001, 25.0, 30000 / 1001, 50.0, 120.0])
def test_frames_come_back_in_order_at_their_rate(tmp_path, fps):
    with VideoWriter(tmp_path / "a.mp4", fps) as writer:
        for number in (3, 1, 4, 1, 5):
            writer.write(grey(number))
    assert read(tmp_path / "a.mp4")[0] == pytest.approx(fps, rel=1e-3)
    assert numbers(tmp_path / "a.mp4") == [3, 1, 4, 1, 5]
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize(
    ("fps", "written"), [(143.857, 143.86), (239.437, 239.44), (67.1234, 67.12), (29.97, 29.97), (23.976, 23.976)]
)
def test_rates_are_rounded_to_what_the_codec_can_say(tmp_path, capfd, fps, written):
    with VideoWriter(tmp_path / "a.mp4", fps) as writer:
        writer.write(grey(1))
    assert writer.fps == written
    assert read(tmp_path / "a.mp4")[0] == pytest.approx(written, rel=1e-6)
    assert capfd.readouterr().err == ""


def test_unknown_rate_is_25(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 0.0) as writer:
        writer.write(grey(1))
    assert read(tmp_path / "a.mp4")[0] == 25.0


def test_colours_are_red_green_blue(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 25.0) as writer:
        writer.write(np.full((48, 64, 3), (240, 120, 20), np.uint8))
    # The codec's colours have half the resolution and whole numbers.
    np.testing.assert_allclose(read(tmp_path / "a.mp4")[1][0].mean((0, 1)), [240, 120, 20], atol=4)


@pytest.mark.parametrize(("size", "written"), [((65, 47), (66, 48)), ((64, 47), (64, 48)), ((1, 1), (2, 2))])
def test_odd_sides_are_made_even(tmp_path, size, written):
    with VideoWriter(tmp_path / "a.mp4", 25.0) as writer:
        writer.write(grey(10, size))
    frame = read(tmp_path / "a.mp4")[1][0]
    assert frame.shape == (written[1], written[0], 3)
    assert abs(frame.astype(int) - 10 * LEVEL).max() <= 4


def test_frames_of_another_size_get_black_bars(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 25.0) as writer:
        writer.write(grey(10, (96, 48)))
        writer.write(grey(10, (48, 48)))
    first, second = read(tmp_path / "a.mp4")[1]
    assert first.shape == second.shape == (48, 96, 3)
    # 24 black columns on each side; those beside the edge are blurred by the codec.
    assert second[:, :16].max() < 20 and second[:, -16:].max() < 20 and second[:, 32:64].min() > 100


def test_file_is_not_there_before_it_is_whole(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_text("the old one")
    with VideoWriter(path, 25.0) as writer:
        writer.write(grey(1))
        assert path.read_text() == "the old one"
    assert numbers(path) == [1]


def test_nothing_is_left_when_writing_is_given_up(tmp_path):
    def give_up() -> None:
        with VideoWriter(tmp_path / "a.mp4", 25.0) as writer:
            writer.write(grey(1))
            assert list(tmp_path.iterdir()) != []
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        give_up()
    assert list(tmp_path.iterdir()) == []


def test_video_without_frames_is_no_file(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 25.0):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.avi", "a", "a.mp4.png"])
def test_other_names_than_mp4_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match=r"expected a name that ends in \.mp4.*Received: .*a"):
        VideoWriter(tmp_path / name, 25.0)


def test_folder_in_the_files_place_is_refused(tmp_path):
    (tmp_path / "a.mp4").mkdir()
    with pytest.raises(IsADirectoryError):
        VideoWriter(tmp_path / "a.mp4", 25.0)


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files as Unix does")
def test_full_disk_is_said_and_leaves_nothing(tmp_path):
    # No file of this process can be larger than 20,000 bytes, which stops OpenCV as a full disk does.
    code = (
        "import resource, sys\nimport numpy as np\nfrom ssd_tf.media.video_writer import VideoWriter\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)\n"
        "with VideoWriter(sys.argv[1], 25.0) as writer:\n    for _ in range(30):\n        writer.write(noise)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.mp4")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "a.mp4: 0 of 30 frames could be written; is the disk full?" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_nearly_full_disk_is_said_once_a_second_and_what_there_is_can_be_finished(tmp_path, monkeypatch):
    writer = VideoWriter(tmp_path / "a.mp4", 5.0)
    writer.write(grey(1))
    monkeypatch.setattr(recording_module, "_SPARE_BYTES", 1 << 60)
    for _ in range(4):
        writer.write(grey(2))
    with pytest.raises(DiskFullError, match=r"a\.mp4: ends after 1 s: .*not enough space on the disk"):
        writer.write(grey(3))
    writer.close()
    assert numbers(tmp_path / "a.mp4") == [1, 2, 2, 2, 2]


def test_disk_that_is_full_before_the_first_frame_leaves_no_video(tmp_path, monkeypatch):
    monkeypatch.setattr(recording_module, "_SPARE_BYTES", 1 << 60)
    with VideoWriter(tmp_path / "a.mp4", 5.0) as writer, pytest.raises(DiskFullError):
        writer.write(grey(1))
    assert list(tmp_path.iterdir()) == []


class SlowWriter(VideoWriter):
    """Takes so many seconds for a frame, as an encoder of large ones does."""

    delay = 0.02

    def _encode(self, image: np.ndarray) -> None:
        time.sleep(self.delay)
        super()._encode(image)


def test_live_recording_takes_the_rate_that_can_be_encoded_in_half_of_the_time(tmp_path):
    recording = Recording(SlowWriter(tmp_path / "a.mp4", 60.0), live=True)
    for k in range(5):
        recording.write(grey(k), k / 5)
    recording.close()
    fps, frames = read(tmp_path / "a.mp4")
    assert fps <= 25.0  # 0.5 / 0.02
    # From the first frame to the last, which is seen for one frame's time; rounding moves it by half of that.
    assert len(frames) / fps == pytest.approx(0.8 + 1 / fps, abs=0.51 / fps)


def test_live_recording_has_at_most_30_frames_a_second(tmp_path):
    recording = Recording(VideoWriter(tmp_path / "a.mp4", 60.0), live=True)
    recording.write(grey(1), 0.0)
    assert recording.writer.fps <= 30.0
    recording.close()


def test_live_recording_that_gets_slow_later_never_falls_further_and_further_behind(tmp_path, monkeypatch):
    writer = SlowWriter(tmp_path / "a.mp4", 10.0)
    writer.delay = 0.0
    recording = Recording(writer, live=True)
    recording.write(grey(1), 0.0)
    recording.write(grey(2), 0.5)
    assert writer.frames == 5
    monkeypatch.setattr(recording_module, "_MOST_LAG_SECONDS", 0.1)
    writer.delay = 0.3
    recording.write(grey(3), 1.0)  # five frames would take 1.5 seconds, and what is held was seen for half a second
    assert 5 < writer.frames < 10
    monkeypatch.setattr(recording_module, "_MOST_LAG_SECONDS", 60.0)
    writer.delay = 0.0
    recording.write(grey(4), 1.3)  # in time again: three frames after the last
    recording.close()
    shown = numbers(tmp_path / "a.mp4")
    assert shown.count(1) == 5 and shown.count(3) == 3 and shown[-1] == 4


def record(path: pathlib.Path, *frames: tuple[int, float] | str, fps: float = 10.0) -> list[int]:
    """The numbers of the recorded video of frames (number, seconds); "cut" is a cut."""
    recording = Recording(VideoWriter(path, fps))
    for frame in frames:
        if isinstance(frame, str):
            recording.cut()
        else:
            recording.write(grey(frame[0]), frame[1])
    recording.close()
    return numbers(path)


def test_frames_of_a_slow_model_are_repeated_until_the_next(tmp_path):
    assert record(tmp_path / "a.mp4", (1, 5.0), (2, 5.3), (3, 5.4), (4, 5.6)) == [1, 1, 1, 2, 3, 3, 4]


def test_frames_that_come_faster_than_the_video_are_left_out(tmp_path):
    # 30 a second into 10: frame k is nearest to place round(k / 3), and the last of a place is seen.
    assert record(tmp_path / "a.mp4", *((k, k / 30) for k in range(9))) == [1, 4, 7, 8]


def test_pause_is_not_in_the_video(tmp_path):
    assert record(tmp_path / "a.mp4", (1, 0.0), (2, 0.2), "cut", (3, 60.0), (4, 60.2)) == [1, 1, 2, 3, 3, 4]


def test_source_that_starts_again_continues_after_the_last_frame(tmp_path):
    assert record(tmp_path / "a.mp4", (1, 7.0), (2, 7.2), (3, 0.0), (4, 0.1)) == [1, 1, 2, 3, 4]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0.01, 0.5), min_size=1, max_size=12))
def test_video_is_as_long_as_what_it_shows(tmp_path_factory, gaps):
    path = tmp_path_factory.mktemp("recording") / "a.mp4"
    times = np.cumsum([0.0, *gaps])
    shown = record(path, *((k, float(seconds)) for k, seconds in enumerate(times)), fps=20.0)
    # The last frame is seen for one frame's time, and rounding moves it by half of that.
    assert len(shown) / 20 == pytest.approx(times[-1] + 1 / 20, abs=0.026)
    assert shown == sorted(shown) and shown[-1] == len(gaps)
