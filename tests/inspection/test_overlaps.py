# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Overlaps with the nearest default boxes against those with all of them."""

import numpy as np
import pytest

from ssd_tf import specs
from ssd_tf.inspection.overlaps import Grid, best_overlaps, checked_boxes, grids, own_overlaps
from tests.inspection.boxes import every_overlap, random_boxes

# float32, in another order of operations; measured: 2.2e-6.
_TOLERANCE = 1e-5


@pytest.mark.parametrize("name", specs.DETECTORS)
def test_no_default_box_overlaps_more_than_the_best(name):
    boxes, spec = random_boxes(200), specs.named(name)
    iou, level, size = best_overlaps(boxes.astype(np.float32), grids(spec))
    overlaps = every_overlap(boxes, spec)
    np.testing.assert_allclose(iou, overlaps.max(axis=1), rtol=0, atol=_TOLERANCE)
    # The level and the size are those of a default box that overlaps so much.
    counts = [level.cells**2 * level.boxes_per_cell for level in spec.levels]
    level_a = np.repeat(np.arange(len(counts)), counts)
    size_a = np.concatenate(
        [np.arange(count) % level.boxes_per_cell for count, level in zip(counts, spec.levels, strict=True)]
    )
    of_kind = (level_a == level[:, None]) & (size_a == size[:, None])
    np.testing.assert_allclose(np.where(of_kind, overlaps, 0).max(axis=1), iou, rtol=0, atol=_TOLERANCE)


def test_many_boxes_have_the_overlaps_that_they_have_one_by_one():
    boxes, levels = random_boxes(40_000).astype(np.float32), grids(specs.named("ssd128_tiny"))
    whole = best_overlaps(boxes, levels)
    for place in (0, 16383, 16384, 39_999):  # at the edges of what is looked at together
        alone = best_overlaps(boxes[place : place + 1], levels)
        assert [part[0] for part in alone] == [part[place] for part in whole]


def test_boxes_of_no_size_and_turned_round_overlap_nothing():
    boxes = np.array([[0.5, 0.5, 0.5, 0.5], [0.6, 0.6, 0.4, 0.4]], np.float32)
    levels = grids(specs.named("ssd300_resnet34"))
    np.testing.assert_array_equal(best_overlaps(boxes, levels)[0], [0, 0])
    np.testing.assert_array_equal(own_overlaps(boxes, levels[0]), [0, 0])


def test_no_boxes_have_no_overlaps():
    assert [len(part) for part in best_overlaps(np.zeros((0, 4), np.float32), grids(specs.named("ssd128_tiny")))] == [
        0,
        0,
        0,
    ]


def test_box_overlaps_one_of_its_own_size_at_the_nearest_centre():
    level = Grid(np.array([0.25, 0.75], np.float32), np.zeros((0, 2), np.float32))
    # At a centre; 0.1 to the right of one, 0.4 wide: 0.3 / 0.5; 0.25 from two, 0.2 wide.
    boxes = np.array([[0.55, 0.2, 0.95, 0.3], [0.65, 0.2, 1.05, 0.3], [0.4, 0.2, 0.6, 0.3]], np.float32)
    np.testing.assert_allclose(own_overlaps(boxes, level), [1, 0.6, 0], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        (np.zeros(4), r"expected shape \[N, 4\]\. Received: \(4,\)"),
        (np.array([[0, 0, 1, 1], [0, 0, 30, 30]]), r"expected fractions of the image.*30.* at 1"),
        (np.array([[0, 0, 1, np.nan]]), "expected fractions"),
    ],
)
def test_boxes_that_are_no_fractions_are_refused(boxes, message):
    with pytest.raises(ValueError, match=message):
        checked_boxes(boxes)
