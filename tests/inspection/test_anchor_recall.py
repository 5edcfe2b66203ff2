# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The anchors' recall against every overlap of every default box, and by hand."""

import dataclasses
import math

import numpy as np
import pytest

from ssd_tf import specs
from ssd_tf.geometry.anchors import anchor_corners
from ssd_tf.inspection.anchor_recall import AnchorRecall, anchor_recall, best_fit, best_overlaps, grids

# float32, in another order of operations; measured: 2.2e-6.
_TOLERANCE = 1e-5
SPEC = specs.named("ssd300_resnet34")  # level 38x38: step 8; sizes 21 and sqrt(21 * 45) = 30.7, ratio 2


def pixels(*boxes):
    """[xmin, ymin, xmax, ymax] in pixels of an input of 300 -> fractions."""
    return np.array(boxes, np.float64).reshape(-1, 4) / 300


def random_boxes(count: int, seed: int = 0) -> np.ndarray:
    """Of all places, sizes and shapes, clipped to the image."""
    rng = np.random.default_rng(seed)
    centers, sizes = rng.random((count, 2)), np.exp(rng.uniform(np.log(0.01), np.log(1.5), (count, 2)))
    return np.clip(np.concatenate([centers - sizes / 2, centers + sizes / 2], axis=1), 0, 1)


def every_overlap(boxes_n4, spec) -> np.ndarray:
    """IoU [N, A] of corners, the straight way."""
    ymin, xmin, ymax, xmax = anchor_corners(spec).astype(np.float64).T
    left, top, right, bottom = boxes_n4.T[:, :, None]
    shared = np.clip(np.minimum(right, xmax) - np.maximum(left, xmin), 0, None)
    shared *= np.clip(np.minimum(bottom, ymax) - np.maximum(top, ymin), 0, None)
    return shared / ((right - left) * (bottom - top) + (ymax - ymin) * (xmax - xmin) - shared)


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


def test_counts_are_those_of_every_overlap():
    boxes = random_boxes(500)
    best = every_overlap(boxes, SPEC).max(axis=1)
    assert np.abs(best - 0.5).min() > _TOLERANCE  # rounding decides nothing here
    found = anchor_recall(boxes, SPEC)
    assert found.matched == (best >= 0.5).sum()
    for parts in (found.sizes, found.levels):
        assert sum(part.boxes for part in parts) == found.boxes == 500
        assert sum(part.matched for part in parts) == found.matched


def test_boxes_are_counted_at_their_size_and_level():
    # A default box itself, around the second centre, at 12; a side of 2 pixels, which none matches; the whole image.
    found = anchor_recall(
        pixels([12 - 10.5, 12 - 10.5, 12 + 10.5, 12 + 10.5], [100, 100, 102, 102], [0, 0, 300, 300]), SPEC
    )
    assert (found.detector, found.image_size, found.boxes, found.matched) == ("ssd300_resnet34", 300, 3, 2)
    assert found.anchors == 8732
    assert [(size.name, size.boxes, size.matched) for size in found.sizes] == [
        ("under 16", 1, 0),
        ("16 to 32", 1, 1),
        ("32 to 64", 0, 0),
        ("64 to 128", 0, 0),
        ("128 to 256", 0, 0),
        ("256 and over", 1, 1),
    ]
    assert [(level.name, level.boxes, level.matched) for level in found.levels] == [
        ("38x38", 2, 1),
        ("19x19", 0, 0),
        ("10x10", 0, 0),
        ("5x5", 0, 0),
        ("3x3", 0, 0),
        ("1x1", 1, 1),
    ]
    assert found.recall == 2 / 3


def test_half_an_overlap_is_a_match():
    # The only default box is the whole image, so that a box's area is its IoU.
    spec = dataclasses.replace(SPEC, extra_blocks=(), levels=(specs.Level(1, 300, 300, 300, ()),))
    found = anchor_recall(np.array([[0, 0, 1, 0.5], [0, 0, 1, 0.499], [0.25, 0, 0.75, 1]]), spec)
    assert found.matched == 2


def test_boxes_without_a_size_are_not_matched():
    found = anchor_recall(np.array([[0.5, 0.5, 0.5, 0.5], [0.6, 0.6, 0.4, 0.4], [0.2, 0.3, 0.2, 0.9]]), SPEC)
    assert (found.boxes, found.matched) == (3, 0)
    assert found.sizes[0].boxes == 3


def test_no_boxes_have_no_recall():
    found = anchor_recall(np.zeros((0, 4)), SPEC)
    assert (found.boxes, found.matched) == (0, 0)
    assert math.isnan(found.recall) and math.isnan(found.levels[0].recall)


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
        anchor_recall(boxes, SPEC)


def recall(detector: str, matched: int, image_size: int = 300, anchors: int = 8732) -> AnchorRecall:
    return AnchorRecall(detector, image_size, 1000, matched, (), (), anchors)


def test_the_highest_recall_fits_best():
    assert best_fit([recall("a", 900), recall("b", 950, image_size=512)]).detector == "b"


def test_of_nearly_equal_recalls_the_smaller_input_fits_best_then_fewer_anchors():
    larger, more, fewer = recall("a", 950, image_size=512), recall("b", 945), recall("c", 941, anchors=3234)
    assert best_fit([larger, more, fewer]).detector == "c"
    assert best_fit([larger, more]).detector == "b"
    assert best_fit([more, recall("d", 945)]).detector == "b"


def test_detectors_for_trials_and_for_faces_are_not_recommended():
    assert best_fit([recall("ssd128_tiny", 999), recall("ssd300_res10", 999), recall("a", 10)]).detector == "a"
    with pytest.raises(ValueError, match="expected those of detectors"):
        best_fit([recall("ssd128_tiny", 999)])


def test_nothing_fits_no_boxes():
    with pytest.raises(ValueError, match="on some boxes"):
        best_fit([anchor_recall(np.zeros((0, 4)), SPEC)])
