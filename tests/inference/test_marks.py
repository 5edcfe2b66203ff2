# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Files carry the mark of predict, and stay what they were to all who read them."""

import cv2
import numpy as np
import pytest
from PIL import Image

from ssd_tf.inference.marks import MARK, is_marked, mark_video, marked_image

IMAGE = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_marked_image_has_the_same_pixels_and_a_comment(tmp_path, suffix):
    encoded = cv2.imencode(suffix, IMAGE)[1].tobytes()
    path = tmp_path / f"a{suffix}"
    path.write_bytes(encoded)
    assert not is_marked(path)
    path.write_bytes(marked_image(encoded))
    assert is_marked(path)
    with Image.open(path) as image:
        image.load()
        assert MARK in (image.info.get("Software"), image.info.get("comment", b"").decode())
    np.testing.assert_array_equal(cv2.imread(str(path)), cv2.imdecode(np.frombuffer(encoded, np.uint8), 1))


def test_marked_video_has_the_same_frames(tmp_path):
    path = tmp_path / "a.mp4"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (60, 40))
    for _ in range(3):
        writer.write(IMAGE)
    writer.release()
    assert not is_marked(path)
    mark_video(path)
    assert is_marked(path)
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    assert [capture.read()[0] for _ in range(4)] == [True, True, True, False]
    capture.release()


def test_empty_file_and_other_formats_have_no_mark(tmp_path):
    (tmp_path / "empty").touch()
    assert not is_marked(tmp_path / "empty")
    assert marked_image(b"RIFF....WEBP") == b"RIFF....WEBP"
