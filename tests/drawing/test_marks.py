# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ssd_tf.drawing.marks import mark_box

BLACK = np.zeros((100, 200, 3), np.uint8)


def changed(box) -> tuple[list[int], list[int]]:
    """The first and the last row, and column, of black ground that the mark of a box covers."""
    marked = mark_box(BLACK, np.array(box))
    assert marked.shape == BLACK.shape and not BLACK.any()
    rows, columns = np.nonzero(marked.any(axis=2))
    return [int(rows.min()), int(rows.max())], [int(columns.min()), int(columns.max())]


def test_a_box_inside_is_framed_to_within_a_line():
    rows, columns = changed([0.2, 0.25, 0.8, 0.75])
    np.testing.assert_allclose([rows, columns], [[20, 80], [50, 150]], atol=3)
    assert not mark_box(BLACK, np.array([0.2, 0.25, 0.8, 0.75]))[40:60, 80:120].any()


@pytest.mark.parametrize("box", [[0.5, 0.5, 0.5, 0.5], [0.49, 0.49, 0.51, 0.5], [0.5, 0.45, 0.5, 0.55]])
def test_a_box_of_next_to_no_extent_gets_a_ring_around_it(box):
    rows, columns = changed(box)
    assert rows[0] < 42 < 58 < rows[1] and columns[0] < 92 < 108 < columns[1]


@pytest.mark.parametrize(
    ("box", "at"),
    [
        ([0.2, 1.1, 0.8, 1.2], "right"),
        ([0.2, -0.2, 0.8, 0.3], "left"),
        ([-0.2, 0.2, 0.3, 0.6], "top"),
        ([0.9, 0.2, 1.2, 0.6], "bottom"),
    ],
)
def test_ground_is_added_where_a_box_leaves_the_image(box, at):
    marked = mark_box(BLACK, np.array(box))
    axis = 0 if at in ("top", "bottom") else 1
    more = marked.shape[axis] - BLACK.shape[axis]
    assert more >= 0.2 * BLACK.shape[axis] - 1 and marked.shape[1 - axis] == BLACK.shape[1 - axis]
    rows = [slice(None), slice(None)]
    rows[axis] = slice(0, 3) if at in ("top", "left") else slice(-3, None)
    assert (marked[tuple(rows)] == 128).all(axis=2).any()


def test_a_box_far_away_adds_two_fifths_of_a_side_at_most():
    assert mark_box(BLACK, np.array([-1e6, 0.1, 1e6, 50.0])).shape == (180, 280, 3)


def test_corners_in_the_wrong_order_are_put_right():
    box = np.array([0.8, 0.75, 0.2, 0.25])
    np.testing.assert_array_equal(mark_box(BLACK, box), mark_box(BLACK, np.array([0.2, 0.25, 0.8, 0.75])))
