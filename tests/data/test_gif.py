# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The first frame of a GIF is found without decoding, and no more of the file than that."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ssd_tf.data.gif import first_frame

FRAMES = [np.random.default_rng(k).integers(0, 256, (30, 40, 3), np.uint8) for k in range(3)]
find = tf.function(first_frame)


def gif(*frames: np.ndarray, **options) -> bytes:
    first, *others = [Image.fromarray(frame) for frame in frames]
    buffer = io.BytesIO()
    more = {"save_all": True, "append_images": others, "comment": b"words " * 100} if others else {}
    first.save(buffer, "GIF", **more, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("content", [gif(FRAMES[0]), gif(*FRAMES), gif(*FRAMES, interlace=0)])
def test_first_frame_has_the_pixels_that_a_decoder_gives_it(content):
    alone, height, width = find(tf.constant(content))
    assert (int(height), int(width)) == (30, 40)
    assert len(alone.numpy()) <= len(content)
    frames = tf.io.decode_gif(alone)
    assert frames.shape[0] == 1
    np.testing.assert_array_equal(frames[0], tf.io.decode_gif(content)[0])


def test_rest_of_an_animation_is_left_out():
    assert len(find(tf.constant(gif(*FRAMES)))[0].numpy()) < 0.6 * len(gif(*FRAMES))


def test_frame_larger_than_its_screen_counts_with_its_own_size():
    content = bytearray(gif(FRAMES[0]))
    content[6:10] = bytes([5, 0, 5, 0])  # a screen of 5 x 5
    _, height, width = find(tf.constant(bytes(content)))
    assert (int(height), int(width)) == (30, 40)


@pytest.mark.parametrize("length", [6, 13, 100, 900])
def test_gif_that_ends_within_its_first_frame_is_an_error(length):
    with pytest.raises(tf.errors.InvalidArgumentError):
        find(tf.constant(gif(*FRAMES)[:length]))


def test_gif_without_a_frame_is_an_error():
    with pytest.raises(tf.errors.InvalidArgumentError, match="a GIF without a frame"):
        find(tf.constant(b"GIF89a" + bytes([5, 0, 5, 0, 0, 0, 0]) + b";"))
