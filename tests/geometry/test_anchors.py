# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Default boxes against the reference's, and their order by hand."""

import dataclasses
import math

import numpy as np
import pytest

import ssd_tf
from ssd_tf.geometry.anchors import anchor_corners

# The golden numbers are float32, rounded from float64 as ours are: measured difference 0.
_TOLERANCE = 1e-6


def test_default_boxes_are_the_reference_s(golden, reference_order):
    reference = np.load(golden / "default_boxes.npz")["ssd300_xywh_f32"]
    boxes = ssd_tf.default_boxes("ssd300_resnet34")
    assert boxes.dtype == np.float32
    np.testing.assert_allclose(boxes, reference[reference_order][:, [1, 0, 3, 2]], rtol=0, atol=_TOLERANCE)


def test_corners_are_the_reference_s(golden, reference_order):
    reference = np.load(golden / "default_boxes.npz")["ssd300_ltrb_f32"]
    corners = anchor_corners("ssd300_resnet34")
    assert corners.dtype == np.float32
    np.testing.assert_allclose(corners, reference[reference_order][:, [1, 0, 3, 2]], rtol=0, atol=_TOLERANCE)


def test_boxes_of_the_first_cell():
    boxes = ssd_tf.default_boxes("ssd300_resnet34")[:4] * 300
    # Size 21, next 45, step 8, ratio 2: two squares, a wide box, a tall one.
    between, long, short = math.sqrt(21 * 45), 21 * math.sqrt(2), 21 / math.sqrt(2)
    expected = [[4, 4, 21, 21], [4, 4, between, between], [4, 4, short, long], [4, 4, long, short]]
    np.testing.assert_allclose(boxes, expected, rtol=1e-6)


def test_listed_boxes_stand_in_each_cell():
    spec = ssd_tf.spec("ssd300_resnet34")
    level = dataclasses.replace(spec.levels[0], size=None, next_size=None, aspect_ratios=(), boxes=((90, 6), (6, 90.5)))
    spec = dataclasses.replace(spec, levels=(level, *spec.levels[1:]))
    boxes = ssd_tf.default_boxes(spec) * 300
    np.testing.assert_allclose(boxes[:3], [[4, 4, 90, 6], [4, 4, 6, 90.5], [4, 12, 90, 6]], rtol=1e-6)
    np.testing.assert_allclose(boxes[2 * 38 * 38], [8, 8, 45, 45], rtol=1e-6)  # the next level


def test_boxes_run_over_level_row_column():
    boxes = ssd_tf.default_boxes("ssd300_resnet34") * 300
    np.testing.assert_allclose(boxes[4], [4, 12, 21, 21], rtol=1e-6)  # the next column
    np.testing.assert_allclose(boxes[38 * 4], [12, 4, 21, 21], rtol=1e-6)  # the next row
    np.testing.assert_allclose(boxes[38 * 38 * 4], [8, 8, 45, 45], rtol=1e-6)  # the next level
    np.testing.assert_allclose(boxes[38 * 38 * 4 + 6], [8, 24, 45, 45], rtol=1e-6)
    # Ratio 3 comes after ratio 2 and its transpose.
    np.testing.assert_allclose(boxes[38 * 38 * 4 + 4, 2:], [45 / math.sqrt(3), 45 * math.sqrt(3)], rtol=1e-6)


def test_centers_and_sizes_are_clipped_to_the_image():
    boxes = ssd_tf.default_boxes("ssd300_resnet34")
    assert boxes.min() >= 0
    assert boxes.max() == 1
    # Tenth row of the 10x10 level: 9.5 * 32 / 300 is 1.013; last level: 261 * sqrt(2) / 300 is 1.23.
    np.testing.assert_array_equal(boxes[38 * 38 * 4 + 19 * 19 * 6 + 9 * 10 * 6, 0], 1)
    np.testing.assert_allclose(boxes[-1], [0.5, 0.5, 1, 261 / math.sqrt(2) / 300], rtol=1e-6)


def test_corners_are_not_clipped():
    corners = anchor_corners("ssd300_resnet34")
    # The golden README: min -0.335, max 1.402.
    assert corners.min() == pytest.approx(-0.335, abs=5e-4)
    assert corners.max() == pytest.approx(1.402, abs=5e-4)


def test_changing_the_array_does_not_change_the_next_call():
    boxes = ssd_tf.default_boxes("ssd128_tiny")
    before = boxes.copy()
    boxes[:] = 7
    np.testing.assert_array_equal(ssd_tf.default_boxes("ssd128_tiny"), before)
    assert anchor_corners("ssd128_tiny").max() < 2


def test_name_and_spec_give_the_same():
    spec = ssd_tf.spec("ssd128_tiny")
    np.testing.assert_array_equal(ssd_tf.default_boxes(spec), ssd_tf.default_boxes("ssd128_tiny"))
    assert ssd_tf.default_boxes(spec).shape == (spec.num_anchors, 4)
