# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Matching and detection of amdegroot's and torchvision's detectors, against what their own code gave.

Caffe's are in tests/test_family_specs.py. The golden files keep x before y, torchvision's in pixels.
"""

import family_recipe
import numpy as np
import pytest
import torchvision_recipe

import ssd_tf
from ssd_tf.geometry import box_ops
from ssd_tf.geometry.anchors import anchor_corners
from ssd_tf.geometry.decoding import decode_boxes
from tests.family import SWAPPED, padded

AMDEGROOT = "ssd300_vgg16_amdegroot"
TORCHVISION = {"ssd300": "ssd300_vgg16_torchvision", "ssdlite": "ssdlite320_mobilenet_v3_large"}
# An IoU that decides in its last bit may go either way.
CLOSE = 1e-6


@pytest.fixture(scope="module")
def published(golden):
    return {name: np.load(golden / f"{name}.npz") for name in ("vgg", "torchvision")}


def matched(spec, sets):
    """offsets of each anchor, and labels, which say which of the ltrb boxes of a set it is, from 1."""
    offsets, labels = ssd_tf.match(spec, *padded([(boxes, np.arange(1, len(boxes) + 1)) for boxes in sets]))
    return offsets.numpy(), labels.numpy()


def require_same_matches(spec, gts, labels, positive, ground_truth):
    """The same anchors are positive and have the same ground truth, up to IoUs that are equal to 1e-6.

    Returns:
      The positive anchors that are the same.
    """
    expected = np.zeros_like(labels)
    expected[positive] = ground_truth + 1
    iou = box_ops.iou(gts[:, SWAPPED], anchor_corners(spec)).numpy()
    for anchor in np.flatnonzero(labels != expected):
        best = iou[:, anchor].max()
        # A ground truth has other anchors as good as this one, the anchor another ground truth, or 0.5 is just met.
        forced = np.any(iou.max(axis=1) - iou[:, anchor] < CLOSE)
        tied = np.count_nonzero(best - iou[:, anchor] < CLOSE) > 1
        assert forced or tied or abs(best - 0.5) < CLOSE, f"anchor {anchor}: {labels[anchor]} and {expected[anchor]}"
    return np.flatnonzero((labels == expected) & (labels > 0))


def count_differing(detector, sets, expected, prefix, targets_name):
    """How many positive anchors are matched otherwise, where IoUs tie; all others have the published targets."""
    offsets, labels = matched(detector, sets)
    differing = 0
    for number, gts in enumerate(sets):
        positive, ground_truth = (expected[f"{prefix}match_{number}_{name}"] for name in ("pos", "gt"))
        same = require_same_matches(detector, gts, labels[number], positive, ground_truth)
        differing += len(positive) - len(same)
        targets = np.zeros((labels.shape[1], 4), np.float32)
        targets[positive] = expected[f"{prefix}match_{number}_{targets_name}"][:, SWAPPED]
        # Logarithms of quotients of float32 numbers, to 60.
        np.testing.assert_allclose(offsets[number, same], targets[same], rtol=1e-5, atol=2e-5)
    return differing


def test_matches_are_amdegroot_s(published):
    sets = [family_recipe.gt_set(number)[0] for number in range(20)]
    # Of 1,242 positive anchors.
    assert count_differing(AMDEGROOT, sets, published["vgg"], "", "loc") <= 4


@pytest.mark.parametrize("short", TORCHVISION)
def test_matches_are_torchvision_s(published, short):
    side = np.float32(torchvision_recipe.SIDE[short])
    sets = [torchvision_recipe.gt_set(number, short)[0] / side for number in range(19)]
    # Ties: torchvision's IoUs are of pixels and ours of normalised boxes, which round otherwise. Of 826 and 1,301.
    assert count_differing(TORCHVISION[short], sets, published["torchvision"], f"{short}_", "targets") <= 17


@pytest.mark.parametrize("short", TORCHVISION)
def test_decoding_is_torchvision_s_with_its_bound_on_growth(published, short):
    expected, spec = published["torchvision"], ssd_tf.spec(TORCHVISION[short])
    code, anchors = expected[f"{short}_code"], expected[f"{short}_code_anchor"]
    found = decode_boxes(
        ssd_tf.default_boxes(spec)[anchors], code[:, SWAPPED], spec.variances, spec.detection.max_growth
    ).numpy()[:, SWAPPED]
    pixels = found * torchvision_recipe.SIDE[short]
    np.testing.assert_allclose(pixels, expected[f"{short}_decoded"], rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("number", range(7))
def test_detections_are_amdegroot_s(published, number):
    offsets, logits = family_recipe.prediction(number)
    # Its code keeps up to 200 of each of the 20 classes.
    found = ssd_tf.detect(AMDEGROOT, offsets[None][..., SWAPPED], logits[None], max_detections=4000)
    count = int(found.count[0])
    rows = published["vgg"][f"detect_{number}"]
    rows = rows[np.argsort(-rows[:, 1], kind="stable")]
    assert count == len(rows)
    np.testing.assert_allclose(found.scores[0, :count], rows[:, 1], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(found.classes[0, :count], rows[:, 0])
    np.testing.assert_allclose(found.boxes[0, :count], rows[:, 2:][:, SWAPPED], rtol=0, atol=2e-6)


@pytest.mark.parametrize("case", torchvision_recipe.DET_CASES)
@pytest.mark.parametrize("short", [pytest.param("ssd300", marks=pytest.mark.proof), "ssdlite"])
def test_detections_are_torchvision_s(published, short, case):
    logits, offsets = torchvision_recipe.prediction(case, short)
    found = ssd_tf.detect(TORCHVISION[short], offsets[..., SWAPPED], logits)
    count = int(found.count[0])
    boxes, scores, labels = (
        published["torchvision"][f"{short}_detect_{case}_{name}"] for name in ("boxes", "scores", "labels")
    )
    assert count == len(scores)
    if not count:
        return
    np.testing.assert_allclose(found.scores[0, :count], scores, rtol=0, atol=1e-6)
    pixels = found.boxes[0, :count].numpy()[:, SWAPPED] * torchvision_recipe.SIDE[short]
    ours = np.concatenate([pixels, found.classes[0, :count].numpy()[:, None]], axis=1)
    theirs = np.concatenate([boxes, labels[:, None]], axis=1)
    # Scores 2e-7 apart may change places, so boxes are compared as sets; pixels.
    distances = np.abs(ours[:, None] - theirs[None]).max(axis=2)
    assert max(distances.min(axis=0).max(), distances.min(axis=1).max()) < 1e-3
