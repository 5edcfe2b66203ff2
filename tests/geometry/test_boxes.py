# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Box formats: round trips as properties, and numbers by hand."""

import hypothesis.extra.numpy as arrays
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from ssd_tf.geometry.boxes import clip, from_coco_xywh, to_coco_xywh

quick = settings(deadline=None, max_examples=50)

unit = st.integers(0, 2**16).map(lambda k: k / 2**16)
sides = st.integers(1, 2000)
proper_boxes = arrays.arrays(np.float32, (3, 4), elements=unit).map(
    lambda b: np.concatenate([np.minimum(b[:, :2], b[:, 2:]), np.maximum(b[:, :2], b[:, 2:])], 1)
)


@quick
@given(proper_boxes, sides, sides)
def test_coco_box_survives_the_round_trip(boxes, height, width):
    again = from_coco_xywh(to_coco_xywh(boxes, height, width), height, width)
    np.testing.assert_allclose(again, boxes, rtol=0, atol=1e-14)  # a few roundings of float64 numbers up to 1


def test_coco_box_by_hand():
    boxes = from_coco_xywh(np.array([[50, 20, 100, 60]]), height=100, width=200)
    np.testing.assert_array_equal(boxes, [[0.2, 0.25, 0.8, 0.75]])
    np.testing.assert_allclose(to_coco_xywh(boxes, 100, 200), [[50, 20, 100, 60]], rtol=1e-14)


def test_coco_boxes_of_images_of_several_sizes_are_those_of_each_image():
    xywh, heights, widths = np.array([[50, 20, 100, 60], [1.7, 3, 30, 9]]), np.array([100, 427]), np.array([200, 63])
    each = [from_coco_xywh(xywh[[k]], int(heights[k]), int(widths[k]))[0] for k in range(2)]
    np.testing.assert_array_equal(from_coco_xywh(xywh, heights, widths), each)


@pytest.mark.parametrize("convert", [from_coco_xywh, to_coco_xywh])
def test_no_coco_boxes_stay_no_boxes(convert):
    assert convert(np.zeros((0, 4)), 10, 20).shape == (0, 4)
    assert convert(np.array([]), 10, 20).shape == (0, 4)


def test_coco_box_keeps_the_two_decimals_of_the_file():
    xywh = np.array([[473.07, 395.93, 38.65, 28.67]])
    again = to_coco_xywh(from_coco_xywh(xywh, 427, 640), 427, 640)
    np.testing.assert_allclose(again, xywh, rtol=0, atol=1e-12)  # float32 would be off by 1e-5


def test_clip_leaves_the_part_inside_the_image():
    clipped = clip(np.array([[-0.5, 0.25, 1.5, 0.75], [0.1, -0.2, 0.2, 1.2]]))
    np.testing.assert_array_equal(clipped, [[0, 0.25, 1, 0.75], [0.1, 0, 0.2, 1]])
