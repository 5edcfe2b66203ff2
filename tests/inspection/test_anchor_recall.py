# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The anchors' recall against every overlap of every default box, and by hand."""

import dataclasses
import json
import math

import numpy as np
import pytest

from ssd_tf import specs
from ssd_tf.inspection.anchor_recall import AnchorRecall, anchor_recall, best_fit
from tests.inspection.boxes import every_overlap, random_boxes

# Of float32 overlaps.
_TOLERANCE = 1e-5
SPEC = specs.named("ssd300_resnet34")  # level 38x38: step 8; sizes 21 and sqrt(21 * 45) = 30.7, ratio 2


def pixels(*boxes):
    """[xmin, ymin, xmax, ymax] in pixels of an input of 300 -> fractions."""
    return np.array(boxes, np.float64).reshape(-1, 4) / 300


def test_counts_are_those_of_every_overlap():
    boxes = random_boxes(500)
    best = every_overlap(boxes, SPEC).max(axis=1)
    assert np.abs(best - 0.5).min() > _TOLERANCE  # rounding decides nothing here
    found = anchor_recall(boxes, SPEC)
    assert found.matched == (best >= 0.5).sum()
    for parts in (found.sizes, found.levels):
        assert sum(part.boxes for part in parts) == found.boxes == 500
        assert sum(part.matched for part in parts) == found.matched


@pytest.mark.parametrize(
    ("name", "bccd", "coco"),
    [
        ("ssd300_resnet34", 0.997, 0.628),
        ("ssd300_vgg16_voc", 0.962, 0.577),
        ("ssd512_vgg16", 0.992, 0.750),
        ("ssdlite320_mobilenet_v2", 0.907, 0.379),
    ],
)
def test_recalls_are_those_of_the_page(shared, name, bccd, coco):
    # docs/detectors.md, to the digits that it gives.
    sets = (
        ["bccd/coco_trainval"],
        ["coco-mini/annotations/instances_train2017", "coco-mini/annotations/instances_val2017"],
    )
    for files, expected in zip(sets, (bccd, coco), strict=True):
        boxes = np.concatenate([boxes_of(shared / "data" / f"{file}.json") for file in files])
        assert anchor_recall(boxes, name).recall == pytest.approx(expected, abs=5e-4)


def boxes_of(path):
    """All boxes of a COCO file that have a size, clipped to their images."""
    content = json.loads(path.read_text())
    sides = {image["id"]: (image["width"], image["height"]) for image in content["images"]}
    boxes = np.array([entry["bbox"] for entry in content["annotations"]], np.float64)
    boxes[:, 2:] += boxes[:, :2]
    boxes /= np.array([sides[entry["image_id"]] * 2 for entry in content["annotations"]])
    boxes = boxes.clip(0, 1)
    return boxes[(boxes[:, 2:] > boxes[:, :2]).all(axis=1)]


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
