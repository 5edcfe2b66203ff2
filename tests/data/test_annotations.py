# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Boxes are cut to their image, those without extent are dropped, and each change is told."""

import pathlib

import numpy as np
import pytest

from ssd_tf.data.annotations import ROUNDING, AnnotatedImage, Category, clean_boxes, count_classes


def image(*boxes, category_ids=None, height=100, width=200):
    """An annotated image; box k has class id 10 + k, area k + 1, and is a crowd where k is odd."""
    n = len(boxes)
    return AnnotatedImage(
        image_id=1,
        path=pathlib.Path("a.jpg"),
        height=height,
        width=width,
        boxes=np.array(boxes, np.float64).reshape(-1, 4),
        category_ids=np.array([10 + k for k in range(n)] if category_ids is None else category_ids, np.int64),
        areas=np.arange(1.0, n + 1.0),
        is_crowd=np.arange(n) % 2 == 1,
    )


INSIDE = [0.1, 0.2, 0.3, 0.4]


def test_box_inside_is_untouched():
    cleaned, findings = clean_boxes(image(INSIDE, [0.0, 0.0, 1.0, 1.0]))
    assert findings == []
    np.testing.assert_array_equal(cleaned.boxes, [INSIDE, [0.0, 0.0, 1.0, 1.0]])


@pytest.mark.parametrize(
    "box", [[0.2, -0.5, 0.4, -0.1], [0.2, 1.1, 0.4, 1.3], [-0.3, 0.2, -0.1, 0.4], [1.2, 0.2, 1.3, 0.4]]
)
def test_box_outside_the_image_is_dropped_with_all_that_belongs_to_it(box):
    cleaned, findings = clean_boxes(image(INSIDE, box, INSIDE))
    assert len(findings) == 1 and findings[0].startswith("dropped: ")
    np.testing.assert_array_equal(cleaned.boxes, [INSIDE, INSIDE])
    assert cleaned.category_ids.tolist() == [10, 12]
    assert cleaned.areas.tolist() == [1.0, 3.0]
    assert cleaned.is_crowd.tolist() == [False, False]


def test_box_partly_outside_is_clipped_and_named_in_pixels():
    cleaned, findings = clean_boxes(image([-0.1, 0.5, 0.5, 1.25]))
    np.testing.assert_array_equal(cleaned.boxes, [[0.0, 0.5, 0.5, 1.0]])
    # 100 pixels high, 200 wide: x = 0.5 * 200, y = -0.1 * 100, w = 0.75 * 200, h = 0.6 * 100.
    assert findings == ["clipped: box [x, y, w, h] = [100, -10, 150, 60] of class id 10 in a 200x100 image"]


def test_rounding_noise_is_clipped_without_a_finding():
    cleaned, findings = clean_boxes(image([-0.5 * ROUNDING, 0.5, 0.5, 1.0 + 0.5 * ROUNDING]))
    assert findings == []
    np.testing.assert_array_equal(cleaned.boxes, [[0.0, 0.5, 0.5, 1.0]])


def test_more_than_rounding_noise_is_reported():
    _, findings = clean_boxes(image([0.0, 0.5, 0.5, 1.0 + 2 * ROUNDING]))
    assert len(findings) == 1 and findings[0].startswith("clipped: ")


@pytest.mark.parametrize(
    "box",
    [
        [0.2, 0.3, 0.2, 0.5],
        [0.2, 0.3, 0.4, 0.3],
        [0.2, 0.3, 0.2, 0.3],
        [0.4, 0.3, 0.2, 0.5],
        [1.0, 0.3, 1.2, 0.5],
    ],
    ids=["no height", "no width", "neither", "negative height", "no height inside"],
)
def test_box_without_extent_inside_is_dropped(box):
    cleaned, findings = clean_boxes(image(box, INSIDE))
    assert len(findings) == 1 and findings[0].startswith("dropped: ")
    assert cleaned.category_ids.tolist() == [11]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", range(4))
def test_box_that_is_not_finite_is_dropped(wrong, place):
    box = list(INSIDE)
    box[place] = wrong
    cleaned, findings = clean_boxes(image(INSIDE, box))
    assert len(findings) == 1 and findings[0].startswith("dropped: ")
    np.testing.assert_array_equal(cleaned.boxes, [INSIDE])


def test_image_without_boxes_stays():
    cleaned, findings = clean_boxes(image())
    assert findings == []
    assert cleaned.boxes.shape == (0, 4)


def test_last_box_dropped_leaves_arrays_of_the_same_form():
    cleaned, _ = clean_boxes(image([2.0, 2.0, 3.0, 3.0]))
    assert cleaned.boxes.shape == (0, 4)
    assert [len(x) for x in (cleaned.category_ids, cleaned.areas, cleaned.is_crowd)] == [0, 0, 0]


def test_image_given_is_not_changed():
    given = image([-0.1, 0.5, 0.5, 1.25])
    clean_boxes(given)
    np.testing.assert_array_equal(given.boxes, [[-0.1, 0.5, 0.5, 1.25]])


def test_classes_are_counted_by_image_and_by_box_in_the_order_of_the_data_set():
    categories = [Category(44, "b"), Category(3, "a"), Category(90, "never")]
    images = [
        image(INSIDE, INSIDE, INSIDE, category_ids=[3, 3, 44]),
        image(),
        image(INSIDE, category_ids=[3]),
    ]
    counts = count_classes(categories, images)
    assert [count.category for count in counts] == categories
    assert [(count.images, count.boxes) for count in counts] == [(1, 1), (2, 3), (0, 0)]
