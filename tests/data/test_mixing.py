# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Mosaic and mixup: what a box was around stays in it, and what is drawn is a function of the seed."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ssd_tf.data.mixing import Labelled, mixup, mosaic

SIDE = 240
# Class k has COLORS[k], and the ground COLORS[0]. They lie on a sphere, so that no blend of some is another one.
_HEIGHTS, _ANGLES = (np.arange(13) + 0.5) * 2 / 13 - 1, np.arange(13) * np.pi * (3 - np.sqrt(5))
_RADII = np.sqrt(1 - _HEIGHTS**2)
COLORS = np.rint(128 + 120 * np.stack([_RADII * np.cos(_ANGLES), _RADII * np.sin(_ANGLES), _HEIGHTS], 1)).astype(
    np.uint8
)
seeds = st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))


@tf.function(
    input_signature=[
        [Labelled(tf.TensorSpec([None, None, 3], tf.uint8), tf.TensorSpec([3, 4]), tf.TensorSpec([3], tf.int32))] * 4,
        tf.TensorSpec([2], tf.int32),
    ]
)
def compiled_mosaic(parts, seed):
    return mosaic(parts, SIDE, seed)


def mosaic_of(parts: list[Labelled], seed) -> Labelled:
    return tf.nest.map_structure(lambda x: x.numpy(), compiled_mosaic(parts, tf.constant(seed, tf.int32)))


@st.composite
def drawn_images(draw) -> list[Labelled]:
    """Four images of different sizes, each with up to three rectangles side by side in columns of their own."""
    parts = []
    for number in range(4):
        height, width = draw(st.integers(60, 200)), draw(st.integers(60, 200))
        image = np.broadcast_to(COLORS[0], (height, width, 3)).copy()
        boxes, classes = np.zeros((3, 4), np.float32), np.zeros(3, np.int32)
        for k in range(draw(st.integers(0, 3))):
            column = width // 3
            top, left = draw(st.integers(0, height - 12)), k * column + draw(st.integers(0, 1))
            bottom, right = draw(st.integers(top + 12, height)), (k + 1) * column - draw(st.integers(0, 1))
            classes[k] = 3 * number + k + 1
            image[top:bottom, left:right] = COLORS[classes[k]]
            boxes[k] = np.float32([top, left, bottom, right]) / np.float32([height, width, height, width])
        parts.append(Labelled(image, boxes, classes))
    return parts


@settings(max_examples=40, deadline=None)
@given(drawn_images(), seeds)
def test_mosaic_keeps_each_box_around_what_it_was_around(parts, seed):
    found = mosaic_of(parts, seed)
    assert found.image.shape == (SIDE, SIDE, 3) and found.boxes.shape == (12, 4)
    np.testing.assert_array_equal(found.boxes[found.classes == 0], 0.0)
    given_classes = np.concatenate([part.classes for part in parts])
    for class_number, box in zip(
        found.classes[found.classes > 0].tolist(), found.boxes[found.classes > 0], strict=True
    ):
        assert class_number in given_classes
        assert (box >= 0).all() and (box <= 1).all() and (box[2:] > box[:2]).all()
        top, left, bottom, right = (box * SIDE).tolist()
        # Images are made 4 times as large at most, from 60 pixels to 240: half a pixel of theirs is two of the mosaic.
        inside = found.image[int(top) + 4 : int(bottom) - 3, int(left) + 4 : int(right) - 3]
        np.testing.assert_array_equal(inside, np.broadcast_to(COLORS[class_number], inside.shape))
        same = (found.image == COLORS[class_number]).all(axis=2)
        same[max(int(top) - 3, 0) : int(bottom) + 4, max(int(left) - 3, 0) : int(right) + 4] = False
        assert not same.any()


def whole_image(class_number: int, size=(60, 90)) -> Labelled:
    """An image that is one object."""
    image = np.broadcast_to(COLORS[class_number], (*size, 3))
    boxes = np.float32([[0, 0, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]])
    return Labelled(image, boxes, np.int32([class_number, 0, 0]))


def test_four_corners_of_a_mosaic_meet_in_the_middle_half():
    places = []
    for number in range(60):
        found = mosaic_of([whole_image(k) for k in (1, 2, 3, 4)], (7, number))
        # A window shows a part of its image, whose centre may lie outside: then the box is gone, the pixels stay.
        y = int((found.image[:, 0] == COLORS[1]).all(axis=1).sum())
        x = int((found.image[0] == COLORS[1]).all(axis=1).sum())
        places.append((y, x))
        for rows, columns, k in ((slice(y), slice(x), 1), (slice(y, None), slice(x, None), 4)):
            assert (found.image[rows, columns] == COLORS[k]).all()
        assert (found.image[:y, x:] == COLORS[2]).all() and (found.image[y:, :x] == COLORS[3]).all()
        corners = {1: [0, 0, y, x], 2: [0, x, y, SIDE], 3: [y, 0, SIDE, x], 4: [y, x, SIDE, SIDE]}
        for k, box in zip(found.classes.tolist(), found.boxes, strict=True):
            if k:
                np.testing.assert_allclose(box * SIDE, corners[k], atol=1e-4)
    low, high = np.min(places, axis=0), np.max(places, axis=0)
    assert (low >= SIDE // 4).all() and (high <= 3 * SIDE // 4).all()
    # Of 60 even draws from that half the lowest and highest fifth both have some (0.8**60 is 1.5e-6).
    assert (low < 0.35 * SIDE).all() and (high > 0.65 * SIDE).all()


def test_box_whose_centre_is_cut_off_is_dropped_and_its_pixels_stay():
    dropped = 0
    for number in range(40):
        found = mosaic_of([whole_image(1)] * 4, (3, number))
        dropped += 4 - int((found.classes > 0).sum())
        assert (found.image == COLORS[1]).all()
    # Windows of a quarter to a whole of a side: some lie beside the centre, most do not.
    assert 10 < dropped < 110


def test_mosaic_of_images_without_boxes_has_none():
    empty = Labelled(np.full((50, 70, 3), 9, np.uint8), np.zeros((3, 4), np.float32), np.zeros(3, np.int32))
    found = mosaic_of([empty] * 4, (0, 0))
    assert not found.classes.any() and not found.boxes.any() and (found.image == 9).all()


def test_mosaic_of_images_of_a_pixel_can_be_made():
    one = Labelled(np.full((1, 1, 3), 200, np.uint8), np.float32([[0, 0, 1, 1]] * 3), np.int32([5, 0, 0]))
    found = mosaic_of([one] * 4, (1, 2))
    assert (found.image == 200).all()
    np.testing.assert_array_equal(np.flatnonzero(found.classes), [0, 3, 6, 9])


def test_mosaic_is_a_function_of_its_seed():
    rng = np.random.default_rng(0)
    parts = [whole_image(k)._replace(image=rng.integers(0, 256, (60, 90, 3), np.uint8)) for k in (1, 2, 3, 4)]
    one, again, other = (mosaic_of(parts, seed) for seed in ((1, 5), (1, 5), (1, 6)))
    for a, b in zip(one, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(one.image, other.image)


@settings(max_examples=20, deadline=None)
@given(drawn_images(), seeds)
def test_mixup_keeps_all_boxes_and_blends_the_pixels(parts, seed):
    one, other = parts[0], parts[1]
    height, width = (min(a, b) for a, b in zip(one.image.shape[:2], other.image.shape[:2], strict=True))
    one, other = (part._replace(image=part.image[:height, :width]) for part in (one, other))
    found = tf.nest.map_structure(lambda x: x.numpy(), mixup(one, other, tf.constant(seed)))
    np.testing.assert_array_equal(found.boxes, np.concatenate([one.boxes, other.boxes]))
    np.testing.assert_array_equal(found.classes, np.concatenate([one.classes, other.classes]))
    a, b, mixed = (image.astype(float) for image in (one.image, other.image, found.image))
    assert (mixed >= np.minimum(a, b) - 0.5).all() and (mixed <= np.maximum(a, b) + 0.5).all()
    # One share for all pixels: to half a level.
    differs = a != b
    if differs.any():
        shares = (mixed - b)[differs] / (a - b)[differs]
        room = 0.5 / np.abs(a - b)[differs]
        assert (shares - room).max() <= (shares + room).min() + 1e-5


def test_shares_of_mixup_are_near_a_half():
    white, black = (
        Labelled(tf.fill([1, 1, 3], tf.constant(level, tf.uint8)), tf.zeros([1, 4]), tf.zeros([1], tf.int32))
        for level in (255, 0)
    )
    draw = tf.function(
        lambda: tf.map_fn(
            lambda k: mixup(white, black, tf.stack([9, k])).image[0, 0, 0],
            tf.range(2000),
            fn_output_signature=tf.uint8,
        )
    )
    shares = draw().numpy() / 255
    # Beta(32, 32) has mean 1/2 and variance 1 / (4 * 65); three standard errors of 2,000 draws.
    deviation = np.sqrt(1 / 260)
    assert shares.mean() == pytest.approx(0.5, abs=3 * deviation / np.sqrt(2000))
    assert shares.std() == pytest.approx(deviation, abs=3 * deviation / np.sqrt(4000) + 0.001)
