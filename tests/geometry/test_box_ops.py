# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Corners and centres, areas and overlaps: properties, and numbers by hand."""

import hypothesis.extra.numpy as arrays
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from ssd_tf.geometry import box_ops

quick = settings(deadline=None, max_examples=50)  # the first call of a TensorFlow op takes longer than the others

# Steps of 2**-16, so that no area is a subnormal number, which some processors take for 0.
unit = st.integers(0, 2**16).map(lambda k: k / 2**16)
# [ymin, xmin, ymax, xmax] with corners in any order, so that some boxes are empty.
any_boxes = arrays.arrays(np.float32, (3, 4), elements=unit)
proper_boxes = any_boxes.map(
    lambda b: np.concatenate([np.minimum(b[:, :2], b[:, 2:]), np.maximum(b[:, :2], b[:, 2:])], 1)
)


@quick
@given(any_boxes)
def test_corners_survive_centers_and_back(boxes):
    again = box_ops.centers_to_corners(box_ops.corners_to_centers(boxes))
    np.testing.assert_allclose(again, boxes, rtol=0, atol=2e-7)  # two roundings of float32 numbers up to 1


def test_centers_by_hand():
    np.testing.assert_allclose(box_ops.corners_to_centers(np.float32([0.0, 0.25, 0.5, 1.0])), [0.25, 0.625, 0.5, 0.75])
    np.testing.assert_allclose(box_ops.centers_to_corners(np.float32([0.25, 0.625, 0.5, 0.75])), [0.0, 0.25, 0.5, 1.0])


@quick
@given(any_boxes)
def test_two_flips_give_the_box_back(boxes):
    again = box_ops.flip_left_right(box_ops.flip_left_right(boxes))
    np.testing.assert_allclose(again, boxes, rtol=0, atol=2e-7)  # 1 - (1 - x) rounds twice


def test_flip_by_hand():
    np.testing.assert_array_equal(box_ops.flip_left_right(np.float32([0.0, 0.25, 0.5, 1.0])), [0.0, 0.0, 0.5, 0.75])


def test_area_by_hand():
    np.testing.assert_array_equal(box_ops.area(np.float32([[0, 0.25, 0.5, 1], [0, 0, 1, 1]])), [0.375, 1])


@pytest.mark.parametrize(
    "box", [[0.5, 0.1, 0.2, 0.9], [0.1, 0.9, 0.2, 0.1], [0.9, 0.9, 0.1, 0.1]], ids=["height", "width", "both"]
)
def test_area_of_a_box_with_corners_in_the_wrong_order_is_zero(box):
    assert box_ops.area(np.float32(box)) == 0


def test_iou_by_hand():
    boxes = np.float32([[0, 0, 0.5, 0.5], [0, 0, 1, 1]])
    others = np.float32([[0.25, 0.25, 0.75, 0.75], [0, 0, 0.5, 1], [0, 0, 1, 1]])
    # First row: 1/16 of 7/16 in common; 1/4 of 1/2; 1/4 of 1. Second row: 1/4; 1/2; the same box.
    expected = [[1 / 7, 1 / 2, 1 / 4], [1 / 4, 1 / 2, 1]]
    np.testing.assert_allclose(box_ops.iou(boxes, others), expected, rtol=1e-6)  # one float32 division


def test_iou_pairs_the_boxes_of_each_image():
    boxes = np.float32([[[0, 0, 1, 1]], [[0, 0, 0.5, 1]]])
    others = np.float32([[[0, 0, 0.5, 1], [0, 0, 1, 1]], [[0, 0, 0.5, 1], [0.5, 0, 1, 1]]])
    np.testing.assert_array_equal(box_ops.iou(boxes, others), [[[0.5, 1]], [[1, 0]]])


@quick
@given(any_boxes, any_boxes)
def test_iou_is_symmetric_and_between_zero_and_one(boxes, others):
    iou = box_ops.iou(boxes, others).numpy()
    np.testing.assert_array_equal(iou, box_ops.iou(others, boxes).numpy().T)
    assert (iou >= 0).all()
    assert (iou <= 1 + 1e-6).all()  # area + area - intersection rounds twice


@quick
@given(proper_boxes)
def test_iou_of_a_box_with_itself_is_one_unless_it_is_empty(boxes):
    iou = np.diag(box_ops.iou(boxes, boxes))
    not_empty = box_ops.area(boxes).numpy() > 0
    np.testing.assert_array_equal(iou, not_empty)


def test_iou_of_disjoint_and_of_touching_boxes_is_zero():
    box = np.float32([[0.2, 0.2, 0.4, 0.4]])
    # Apart in both directions (two negative overlaps must not make a positive area), in one, and with a common edge.
    others = np.float32([[0.6, 0.6, 0.9, 0.9], [0.2, 0.6, 0.4, 0.9], [0.4, 0.2, 0.6, 0.4]])
    np.testing.assert_array_equal(box_ops.iou(box, others), [[0, 0, 0]])


def test_empty_boxes_overlap_nothing():
    empty = np.float32([[0, 0, 0, 0], [0.5, 0.2, 0.5, 0.8]])  # padding, and a line
    others = np.float32([[0, 0, 0, 0], [0.5, 0.2, 0.5, 0.8], [0, 0, 1, 1]])
    np.testing.assert_array_equal(box_ops.iou(empty, others), np.zeros((2, 3)))
