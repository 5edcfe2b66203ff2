# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Proposed default boxes: what they match, and that a detector with them is one like all others."""

import dataclasses
import json

import numpy as np
import pytest

from ssd_tf import specs
from ssd_tf.data.annotations import Category
from ssd_tf.geometry.matching import match
from ssd_tf.inspection.anchor_recall import anchor_recall
from ssd_tf.inspection.proposal import propose
from ssd_tf.models.ssd import build_model
from ssd_tf.weights.load import load_initial_weights
from ssd_tf.weights.model_dir import save_model
from ssd_tf.weights.model_info import ModelInfo
from tests.inspection.boxes import random_boxes, thin_boxes

SPEC, TINY = specs.named("ssd300_resnet34"), specs.named("ssd128_tiny")


@pytest.mark.parametrize("name", specs.DETECTORS)
@pytest.mark.parametrize("boxes", [random_boxes(300), thin_boxes(300)], ids=["all kinds", "thin"])
def test_a_proposal_matches_more_than_the_detector_s_own_boxes(name, boxes):
    spec = specs.named(name)
    assert anchor_recall(boxes, propose(boxes, spec)).matched > anchor_recall(boxes, spec).matched


def test_thin_boxes_are_matched_by_a_proposal():
    boxes = thin_boxes(1000)
    assert anchor_recall(boxes, SPEC).recall < 0.15
    proposed = propose(boxes, SPEC)
    assert anchor_recall(boxes, proposed).recall > 0.9
    # Others of their kind too, from which it was not made.
    assert anchor_recall(thin_boxes(1000, seed=1), proposed).recall > 0.9


def test_each_level_keeps_its_cells_and_the_number_of_its_boxes():
    proposed = propose(thin_boxes(100), SPEC)
    assert proposed.name == "ssd300_resnet34_proposed"
    for level, before in zip(proposed.levels, SPEC.levels, strict=True):
        assert (level.cells, level.step, level.boxes_per_cell) == (before.cells, before.step, before.boxes_per_cell)
    assert dataclasses.replace(proposed, name=SPEC.name, levels=SPEC.levels) == SPEC


def test_sizes_that_no_box_needs_stay():
    # A level of one cell serves one box in the middle of the image; the others of its size are the detector's own.
    proposed = propose(thin_boxes(100), SPEC)
    assert (286.73, 286.73) in proposed.levels[-1].boxes  # sqrt(261 * 315)


def test_boxes_that_no_default_box_can_match_do_not_draw_the_others_down():
    # Squares of 2 to 40 pixels, with centres 8 pixels apart: the smallest are matched by luck alone. Where they count
    # as the others do, the recall is 0.479.
    rng = np.random.default_rng(0)
    sides = np.exp(rng.uniform(np.log(2), np.log(40), (1000, 1))) / 300
    corners = rng.uniform(0, 1 - sides, (1000, 2))
    boxes = np.concatenate([corners, corners + sides], axis=1)
    assert anchor_recall(boxes, propose(boxes, SPEC)).recall > 0.5


def test_the_same_boxes_give_the_same_proposal():
    assert propose(thin_boxes(100), SPEC) == propose(thin_boxes(100), SPEC)


def test_where_nothing_fits_better_the_detector_stays_itself():
    # A default box as it is: its IoU is 1 already.
    box = np.array([[150 - 130.5, 150 - 130.5, 150 + 130.5, 150 + 130.5]]) / 300
    assert propose(box, SPEC) is SPEC


@pytest.mark.parametrize("boxes", [np.zeros((0, 4)), np.array([[0.5, 0.5, 0.5, 0.9]])])
def test_no_boxes_give_no_proposal(boxes):
    with pytest.raises(ValueError, match="expected at least one with a width and a height"):
        propose(boxes, SPEC)


def test_a_proposal_in_a_file_is_a_detector_that_starts_from_the_weights_of_the_other(tmp_path):
    boxes = thin_boxes(30)
    path = tmp_path / "proposed_detector.json"
    path.write_text(json.dumps(specs.spec_to_json(propose(boxes, TINY))))
    spec = specs.spec(path)
    assert spec == propose(boxes, TINY)

    info = ModelInfo(spec, (Category(1, "bar"),))
    source = build_model(TINY, 1)
    save_model(tmp_path / "run", ModelInfo(TINY, info.categories), source, source=[])
    model = build_model(spec, 1)
    load_initial_weights(model, info, tmp_path / "run")
    for weight, expected in zip(model.weights, source.weights, strict=True):
        np.testing.assert_array_equal(weight, expected)

    # Each ground truth has a forced match; the other positives are what a recall gives.
    ground_truth = boxes[None][:, :, [1, 0, 3, 2]]
    positives, before = (
        np.count_nonzero(match(detector, ground_truth, np.ones((1, 30)), jit_compile=False)[1])
        for detector in (spec, TINY)
    )
    assert before <= 30 < positives
