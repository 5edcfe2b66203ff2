# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Videos are read frame by frame with their times; what is damaged or cut off is said, and not by OpenCV."""

import struct
import subprocess
import sys

import cv2
import numpy as np
import pytest

from ssd_tf.media.opencv_source import VideoSource, stream_name
from ssd_tf.media.source import SourceLostError
from tests.fixtures.live import FRAMES, HEIGHT, WIDTH, frame_number, write_video


def test_frames_have_their_numbers_times_and_pixels(video):
    with VideoSource(str(video)) as source:
        source.open()
        frames = list(iter(source.read, None))
    assert [frame.index for frame in frames] == list(range(FRAMES))
    assert [frame.seconds for frame in frames] == pytest.approx([k / 25 for k in range(FRAMES)])
    assert all(frame.image.shape == (HEIGHT, WIDTH, 3) and frame.image.dtype == np.uint8 for frame in frames)


def test_frames_that_are_left_out_are_counted(video):
    with VideoSource(str(video)) as source:
        source.open()
        assert source.skip() and source.skip()
        frame = source.read()
    assert frame
    assert (frame.index, frame.seconds, frame_number(frame.image)) == (2, pytest.approx(2 / 25), 2)


def test_reading_on_after_the_end_is_the_end(video):
    with VideoSource(str(video)) as source:
        source.open()
        assert len(list(iter(source.read, None))) == FRAMES
        assert source.read() is None and source.skip() is False


def test_colours_are_red_green_blue(tmp_path):
    # OpenCV writes blue, green, red.
    path = str(tmp_path / "orange.mp4")
    writer = cv2.VideoWriter(path, cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), 25.0, (64, 48))
    writer.write(np.full((48, 64, 3), (20, 120, 240), np.uint8))
    writer.release()
    with VideoSource(path) as source:
        source.open()
        frame = source.read()
    assert frame
    # The codec's colours have half the resolution and whole numbers.
    np.testing.assert_allclose(frame.image.mean((0, 1)), [240, 120, 20], atol=4)


def test_video_that_was_filmed_upright_is_turned(tmp_path):
    # The upper half is white. The file says: turn by a quarter, clockwise.
    image = np.zeros((48, 64, 3), np.uint8)
    image[:24] = 255
    path = tmp_path / "phone.mp4"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), 25.0, (64, 48))
    writer.write(image)
    writer.release()
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 40  # ISO 14496-12: the matrix is 40 bytes into a track header of version 0
    content[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    with VideoSource(str(path)) as source:
        source.open()
        frame = source.read()
    assert frame
    assert (source.info.width, source.info.height) == (48, 64) and frame.image.shape == (64, 48, 3)
    assert frame.image[:, 32:].min() > 200 and frame.image[:, :16].max() < 50


def test_video_cut_off_in_the_middle_gives_its_frames_and_then_is_lost(tmp_path):
    # An AVI can be read from its beginning; its header says how many frames there were.
    whole = write_video(tmp_path / "whole.avi", frames=60, size=(160, 120))
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with VideoSource(str(cut)) as source:
        source.open()
        with pytest.raises(SourceLostError, match=r"cut\.avi is damaged: it breaks off after \d+ of 60 frames"):
            list(iter(source.skip, False))


def test_mp4_cut_off_before_its_index_is_refused(video):
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    with pytest.raises(ValueError, match=r"grey\.mp4: not readable as a video; or it is cut off"):
        VideoSource(str(video)).open()


def test_missing_video_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no such video: .*gone\.mp4"):
        VideoSource(str(tmp_path / "gone.mp4")).open()


def test_opencv_and_ffmpeg_do_not_write_to_the_terminal(tmp_path):
    (tmp_path / "words.mp4").write_text("words")
    code = (
        "import sys\nfrom ssd_tf.media.opencv_source import VideoSource\n"
        "try:\n    VideoSource(sys.argv[1]).open()\nexcept ValueError:\n    pass\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "words.mp4")], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("rtsp://user:secret@10.0.0.7:554/live?token=secret", "rtsp://10.0.0.7:554/live"),
        ("http://example.org/film.mp4", "http://example.org/film.mp4"),
    ],
)
def test_name_of_a_stream_has_no_password(address, name):
    assert stream_name(address) == name
