# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The grid of training examples, by its pixels: what the model sees, boxes, and the anchors that match."""

import numpy as np
import pytest
import tensorflow as tf

import ssd_tf
from ssd_tf.data.color_jitter import Jitter
from ssd_tf.data.distortion import Distortion
from ssd_tf.data.examples import TrainBatch
from ssd_tf.drawing.detections import class_color
from ssd_tf.geometry.anchors import anchor_corners
from ssd_tf.training.monitoring.example_grid import example_grid

SPEC = ssd_tf.spec("ssd128_tiny")
SIDE, GAP = 320, 4
NAMES = {1: "cat", 2: "dog"}


def batch(count, boxes=((0.25, 0.25, 0.75, 0.75),), classes=(1,), flip=False, level=100):
    """Grey images whose left half is darker, with the same boxes each."""
    images = np.full((count, 128, 128, 3), level, np.uint8)
    images[:, :, :64] = level // 2
    padding = 3 - len(boxes)
    return TrainBatch(
        images=tf.constant(images),
        boxes=tf.constant([[*boxes, *[(0.0, 0.0, 0.0, 0.0)] * padding]] * count, tf.float32),
        classes=tf.constant([[*classes, *[0] * padding]] * count, tf.int32),
        flip=tf.constant([flip] * count),
        jitter=Jitter(tf.constant([[0, 1, 2, 3]] * count), tf.constant([[2.0, 1.0, 1.0, 0.0]] * count)),
        record=tf.range(count, dtype=tf.int64),
        fault=tf.zeros([count], tf.int32),
    )


def has(image, color):
    return np.all(image == color, axis=-1)


@pytest.mark.parametrize(
    ("count", "rows", "columns"), [(1, 1, 1), (2, 1, 2), (5, 2, 3), (16, 4, 4), (20, 4, 4)], ids=str
)
def test_grid_is_as_square_as_can_be_and_has_sixteen_at_most(count, rows, columns):
    pitch = SIDE + GAP
    assert example_grid(SPEC, batch(count), None, NAMES).shape == (rows * pitch - GAP, columns * pitch - GAP, 3)


def test_examples_are_as_the_model_sees_them():
    plain, mirrored = (example_grid(SPEC, batch(1, (), (), flip), None, NAMES) for flip in (False, True))
    assert (plain[0, 0].tolist(), plain[0, -1].tolist()) == ([50] * 3, [100] * 3)
    np.testing.assert_array_equal(mirrored, plain[:, ::-1])
    brighter = example_grid(SPEC, batch(1, (), ()), "mlperf", NAMES)
    assert (brighter[0, 0].tolist(), brighter[0, -1].tolist()) == ([100] * 3, [200] * 3)  # the jitter's factor is 2


def test_distorted_examples_are_as_the_model_sees_them():
    drawn = Distortion(
        factors=tf.constant([[20.0, 0.0, 0.0, 0.0]]),
        applied=tf.constant([[True, False, False, False]]),
        contrast_first=tf.constant([True]),
        channels=tf.constant([[0, 1, 2]]),
        image_area=tf.constant([[0.0, 0.5, 1.0, 1.0]]),  # zoom-out filled the left half
    )
    grid = example_grid(SPEC, batch(1, (), ())._replace(jitter=drawn), "amdegroot", NAMES)
    assert (grid[0, 0].tolist(), grid[0, -1].tolist()) == ([50] * 3, [120] * 3)


def test_matched_anchors_are_lines_of_the_class_and_others_are_not_drawn():
    box = (0.23, 0.23, 0.68, 0.68)
    _, labels = ssd_tf.match(SPEC, np.array([[box]], np.float32), np.array([[2]]))
    matched = np.flatnonzero(labels.numpy()[0])
    assert len(matched) >= 4
    grid = example_grid(SPEC, batch(1, [box], [2]), None, NAMES)
    lines = has(grid, class_color(2))
    corners = np.rint(anchor_corners(SPEC) * SIDE).astype(int)
    inside = [i for i in matched if corners[i].min() >= 0 and corners[i].max() < SIDE]
    for ymin, xmin, ymax, xmax in corners[inside]:
        assert lines[ymax, xmin : xmax + 1].mean() > 0.9  # other lines and the label may cross it
        assert lines[ymin : ymax + 1, xmax].mean() > 0.9
    # A small anchor in a corner matches nothing.
    assert not lines[:30, :30].any()


def test_padding_is_not_drawn_and_an_example_without_boxes_is_plain():
    grid = example_grid(SPEC, batch(1, (), ()), None, NAMES)
    assert set(np.unique(grid)) == set(range(50, 101)) & set(np.unique(grid))
    assert not any(has(grid, class_color(k)).any() for k in (0, 1, 2))
