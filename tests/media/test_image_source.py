# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Images come one a second, and what is no image is left out with a line in the log."""

import os
import pathlib

import numpy as np
import pytest
from absl import logging
from PIL import Image

from ssd_tf.data.kinds import EXPECTED
from ssd_tf.media.image_source import IMAGES_FPS, ImageSource
from tests.fixtures.turned import photo


def write_images(folder: pathlib.Path, *sizes: tuple[int, int]) -> list[pathlib.Path]:
    paths = [folder / f"{k}.png" for k in range(len(sizes))]
    for path, size in zip(paths, sizes, strict=True):
        Image.new("RGB", size).save(path)
    return paths


def opened(paths: list[pathlib.Path]) -> ImageSource:
    source = ImageSource("folder", paths)
    source.open()
    return source


def test_images_keep_their_sizes_and_names_and_come_one_a_second(tmp_path):
    source = opened(write_images(tmp_path, (20, 10), (7, 9)))
    assert (source.info.fps, source.info.frames, source.info.width, source.info.height) == (IMAGES_FPS, 2, 20, 10)
    frames = list(iter(source.read, None))
    assert [(frame.index, frame.seconds, frame.image.shape, frame.name) for frame in frames] == [
        (0, 0.0, (10, 20, 3), "0.png"),
        (1, 1.0, (9, 7, 3), "1.png"),
    ]


def test_images_are_upright(tmp_path):
    upright = np.arange(20 * 30 * 3).reshape(20, 30, 3).astype(np.uint8)
    (tmp_path / "lying.png").write_bytes(photo(upright, 8))
    source = opened([tmp_path / "lying.png"])
    assert (source.info.width, source.info.height) == (30, 20)
    frame = source.read()
    assert frame is not None
    np.testing.assert_array_equal(frame.image, upright)


def test_unreadable_images_are_left_out_and_named_in_the_log(tmp_path, caplog):
    paths = write_images(tmp_path, (20, 10), (20, 10), (20, 10), (20, 10))
    paths[0].write_text("words")
    paths[2].write_bytes(b"")
    logging.use_absl_handler()
    with caplog.at_level("WARNING", logger="absl"):
        source = opened(paths)
        frames = list(iter(source.read, None))
    assert [(frame.index, frame.name) for frame in frames] == [(1, "1.png"), (3, "3.png")]
    assert [record.getMessage() for record in caplog.records] == [
        f"{paths[k]}: not readable as an image (expected a {EXPECTED} file); it is left out" for k in (0, 2)
    ]
    assert [f"{reason}; it is left out" for reason in source.left_out] == caplog.messages


def test_image_whose_name_is_no_text_is_left_out_by_name(tmp_path, caplog):
    paths = [*write_images(tmp_path, (20, 10)), tmp_path / os.fsdecode(b"\xff.png")]
    logging.use_absl_handler()
    with caplog.at_level("WARNING", logger="absl"):
        frames = list(iter(opened(paths).read, None))
    assert [frame.name for frame in frames] == ["0.png"]
    assert caplog.messages == [f"{tmp_path}/\\xff.png: expected a name in UTF-8; it is left out"]


def test_no_readable_image_is_refused(tmp_path):
    (tmp_path / "a.png").write_text("words")
    with pytest.raises(ValueError, match="folder: not readable as an image"):
        opened([tmp_path / "a.png"])
