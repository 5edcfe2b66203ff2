# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_tf.geometry.tiles import Tiling, canvas_size, corners, parse_tiles, put_together, windows

TWO = Tiling(2, 1, overlap=0.25)  # the left view ends at 0.571, the right one begins at 0.429
tilings = st.builds(Tiling, st.integers(2, 5), st.integers(1, 5), st.floats(0, 0.5))


def merged(
    found: dict[int, list[tuple]], tiling: Tiling = TWO, most: int = 10, keep_equal_iou: bool = False
) -> list[tuple]:
    """What is left of (box, score, class) by the number of the view; 0 is the whole image."""
    views = windows(tiling, 128)
    k = max(map(len, found.values()))
    boxes, scores, classes = (
        np.zeros((len(views), k, 4), np.float32),
        np.zeros((len(views), k)),
        np.zeros((len(views), k), int),
    )
    for view, entries in found.items():
        for place, (box, score, label) in enumerate(entries):
            boxes[view, place], scores[view, place], classes[view, place] = box, score, label
    together = put_together(views, boxes, scores, classes, 0.5, keep_equal_iou, most)
    return [(box.astype(float).round(3).tolist(), score, label) for box, score, label in zip(*together, strict=True)]


@given(tilings, st.sampled_from([128, 300, 320, 512]))
def test_tiles_are_of_the_models_size_and_cover_the_image(tiling, side):
    height, width = canvas_size(tiling, side)
    seen = np.zeros((height, width), bool)
    for top, left in corners(tiling, side):
        assert 0 <= top <= height - side and 0 <= left <= width - side
        seen[top : top + side, left : left + side] = True
    assert seen.all()
    assert len(corners(tiling, side)) == tiling.columns * tiling.rows == len(windows(tiling, side)) - 1


@given(tilings)
def test_windows_are_the_corners_in_fractions_after_the_whole_image(tiling):
    height, width = canvas_size(tiling, 300)
    pixels = windows(tiling, 300) * (height, width, height, width)
    np.testing.assert_allclose(pixels[0], (0, 0, height, width))
    np.testing.assert_allclose(pixels[1:, :2], corners(tiling, 300), atol=1e-3)
    np.testing.assert_allclose(pixels[1:, 2:] - pixels[1:, :2], 300, atol=1e-3)


def test_the_overlap_is_what_was_asked_for():
    assert canvas_size(Tiling(3, 2, overlap=0.25), 320) == (560, 800)
    assert corners(Tiling(2, 1, overlap=0.25), 320) == [(0, 0), (0, 240)]


def test_a_box_of_a_tile_lies_where_the_tile_lies():
    # The right view shows 0.429 to 1 of the width.
    assert merged({2: [((0.25, 0.5, 0.75, 0.75), 0.9, 1)]}) == [([0.25, 0.714, 0.75, 0.857], pytest.approx(0.9), 1)]


def test_an_object_that_two_views_see_whole_counts_once_with_its_better_score():
    left, right = (0.4, 0.78, 0.6, 0.96), (0.4, 0.03, 0.6, 0.21)
    found = merged({1: [(left, 0.7, 1)], 2: [(right, 0.8, 1)]})
    assert [(score, label) for _, score, label in found] == [(pytest.approx(0.8), 1)]


def test_a_box_that_a_tile_cuts_goes_where_another_view_has_it_whole_with_half_of_its_score():
    whole, cut_left, cut_right = (0.2, 0.3, 0.8, 0.7), (0.2, 0.525, 0.8, 1.0), (0.2, 0.0, 0.8, 0.475)
    found = merged({0: [(whole, 0.5, 1)], 1: [(cut_left, 0.9, 1)], 2: [(cut_right, 0.9, 1)]})
    assert [score for _, score, _ in found] == [pytest.approx(0.5)]
    assert found[0][0] == list(whole)


def test_a_sure_box_that_a_tile_cuts_does_not_go_where_one_of_hardly_any_score_is_around_it():
    whole, cut = (0.2, 0.3, 0.8, 0.7), (0.2, 0.525, 0.8, 1.0)
    found = merged({0: [(whole, 0.06, 1)], 1: [(cut, 0.95, 1)]})
    assert found[0][1] == pytest.approx(0.95)


def test_a_box_that_a_tile_cuts_stays_where_nothing_else_has_it():
    assert len(merged({1: [((0.2, 0.525, 0.8, 1.0), 0.9, 1)]})) == 1


def test_a_box_at_the_edge_of_the_image_is_not_cut():
    # Inside of a larger one of its class, as a small object before a large one.
    found = merged({0: [((0.0, 0.0, 0.9, 0.5), 0.9, 1)], 1: [((0.3, 0.0, 0.5, 0.2), 0.6, 1)]})
    assert len(found) == 2


def test_classes_do_not_suppress_each_other():
    box = (0.2, 0.525, 0.8, 1.0)
    assert len(merged({1: [(box, 0.9, 1), (box, 0.8, 2)]})) == 2


def test_a_box_whose_iou_is_the_threshold_is_kept_where_the_detector_keeps_it():
    # IoU 1/2, without rounding: sides of 1/2 and 1/4.
    found = {0: [((0.25, 0.25, 0.75, 0.75), 0.9, 1), ((0.25, 0.25, 0.75, 0.5), 0.8, 1)]}
    assert len(merged(found)) == 1
    assert len(merged(found, keep_equal_iou=True)) == 2
    closer = {0: [*found[0][:1], ((0.25, 0.25, 0.75, 0.5625), 0.8, 1)]}
    assert len(merged(closer, keep_equal_iou=True)) == 1


def test_no_detections_and_the_most_of_them():
    assert merged({0: [((0, 0, 0, 0), 0.0, 0)]}) == []
    many = [((0.1 * k, 0.1, 0.1 * k + 0.05, 0.2), 0.9 - 0.1 * k, 1) for k in range(8)]
    found = merged({0: many}, most=3)
    assert [score for _, score, _ in found] == pytest.approx([0.9, 0.8, 0.7])


@given(st.integers(0, 2**31))
def test_what_is_found_in_the_whole_image_alone_is_as_greedy_suppression_leaves_it(seed):
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 0.6, (30, 2))
    boxes = np.concatenate([low, low + rng.uniform(0.1, 0.4, (30, 2))], -1)
    scores, classes = rng.permutation(np.linspace(0.1, 0.9, 30)), rng.integers(1, 4, 30)
    kept: list[int] = []
    for index in np.argsort(-scores):
        others = [k for k in kept if classes[k] == classes[index]]
        if all(_iou(boxes[k], boxes[index]) < 0.5 for k in others):
            kept.append(index)
    found = merged({0: list(zip(boxes, scores, classes, strict=True))}, most=30)
    assert [score for _, score, _ in found] == pytest.approx(scores[kept].tolist())


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    common = np.prod(np.maximum(sides, 0))
    return common / (np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]) - common)


@pytest.mark.parametrize("text", ["2", "2x", "x", "axb", "2x2x2", "-1x3", "2 x 2", "100x2", ""])
def test_a_text_that_is_no_tiling_is_refused(text):
    with pytest.raises(ValueError, match="--tiles: expected COLUMNSxROWS, such as 2x2"):
        parse_tiles(text)


@pytest.mark.parametrize("text", ["1x1", "0x2", "2x0"])
def test_fewer_than_two_tiles_are_refused(text):
    with pytest.raises(ValueError, match=f"--tiles: expected 2 tiles or more. Received: {text}"):
        parse_tiles(text)


def test_an_overlap_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"--tile_overlap: expected 0 to 0\.5\. Received: 0\.6"):
        Tiling(2, 2, overlap=0.6)
