# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Names of files that are saved are free, and are ones that every system takes."""

import cv2
import numpy as np
import pytest

from ssd_tf.window.saving import free_path, save_png


def test_name_that_is_taken_gets_a_number(tmp_path):
    for expected in ("a.png", "a_2.png", "a_3.png"):
        path = free_path(tmp_path, "a", ".png")
        assert path.name == expected
        path.touch()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("camera 0_000012", "camera_0_000012"),
        ("rtsp://a:b/c", "rtsp_a_b_c"),
        ("../../x", "x"),
        ("猫", "猫"),
        ("", "picture"),
    ],
)
def test_characters_that_files_cannot_have_are_replaced(tmp_path, name, expected):
    path = free_path(tmp_path, name, ".mp4")
    assert path.parent == tmp_path and path.name == f"{expected}.mp4"


def test_png_has_the_pictures_pixels_in_a_folder_that_was_not_there(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (30, 41, 3), np.uint8)
    save_png(picture, tmp_path / "new" / "a.png")
    written = cv2.imread(str(tmp_path / "new" / "a.png"))
    assert written is not None
    np.testing.assert_array_equal(written[..., ::-1], picture)
