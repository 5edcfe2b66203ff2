# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""How well each image went: counted by hand, and consistent with COCO's matches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssd_tf.evaluation.coco_matching import MISSED, WRONG, Outcomes
from ssd_tf.evaluation.coco_metrics import coco_metrics
from ssd_tf.evaluation.image_scores import ImageScore, image_scores
from ssd_tf.evaluation.precision_recall import precision_recall
from tests.evaluation.coco_cases import box, cases, truth

A, B = [0, 0, 40, 40], [100, 0, 40, 40]


def test_right_wrong_and_missed_of_each_image_in_their_order():
    ground_truth = truth(box(A), box(B), box(A, image_id=2), box([100, 100, 90, 90], iscrowd=1), images=(2, 1))
    results = [
        box(A, score=0.9),
        box(B, 7, score=0.8),  # wrong class
        box([110, 110, 20, 20], score=0.8),  # on the crowd
        box(B, score=0.2),  # below the threshold
        box(A, image_id=2, score=0.3),  # as good as the threshold
    ]
    assert image_scores(ground_truth, results) == [
        ImageScore(2, 1, 0, 0, 1.0),
        ImageScore(1, 1, 1, 1, 2 / (2 + 1 + 1)),
    ]
    assert image_scores(ground_truth, results, score_threshold=0.2)[1] == ImageScore(1, 2, 1, 0, 4 / 5)


def test_image_without_a_truth_is_left_out_whatever_is_found_in_it():
    ground_truth = truth(box(A, image_id=2, iscrowd=1))
    assert image_scores(ground_truth, [box(B, score=0.9), box(B, image_id=2, score=0.9)]) == []


def test_nothing_found_scores_zero_and_no_images_give_no_scores():
    assert image_scores(truth(box(A)), []) == [ImageScore(1, 0, 0, 1, 0.0)]
    assert image_scores(truth(images=()), []) == []


def test_truth_of_a_detection_below_the_threshold_is_missed():
    ground_truth, results = truth(box(A), box(B)), [box(A, score=0.2), box(B, score=0.9)]
    outcomes = coco_metrics(ground_truth, results).outcomes
    assert image_scores(ground_truth, results, 0.3, outcomes) == [ImageScore(1, 1, 0, 1, 2 / 3)]


def test_outcomes_that_are_given_decide():
    ground_truth, results = truth(box(A)), [box(A, score=0.9)]
    wrong = Outcomes(np.array([WRONG]), np.array([MISSED]))
    assert image_scores(ground_truth, results, outcomes=wrong) == [ImageScore(1, 0, 1, 1, 0.0)]


@settings(max_examples=60, deadline=None)
@given(cases, st.sampled_from([0.0, 0.3, 0.6, 1.0]))
def test_detections_below_the_threshold_change_nothing(case, threshold):
    ground_truth, results = case
    kept = [result for result in results if result["score"] >= threshold]
    expected = image_scores(ground_truth, kept, threshold)
    assert image_scores(ground_truth, results, threshold) == expected
    assert image_scores(ground_truth, results, threshold, coco_metrics(ground_truth, results).outcomes) == expected


def test_unknown_category_is_refused():
    with pytest.raises(ValueError, match="category_id=1"):
        image_scores(truth(), [box(A, 1, score=0.9)])


@settings(max_examples=60, deadline=None)
@given(cases)
def test_images_sum_to_precision_and_recall_at_the_threshold(case):
    ground_truth, results = case
    # Both images get a truth, so that none is left out.
    ground_truth["annotations"] += [box([150, 150, 40, 40], 3, k, iscrowd=0) for k in (1, 2)]
    scores = image_scores(ground_truth, results, score_threshold=0.5)
    curve = precision_recall(coco_metrics(ground_truth, results).matches, None, [0.5])
    assert sum(s.correct for s in scores) == curve.true_positives[0]
    assert sum(s.wrong for s in scores) == curve.false_positives[0]
    assert sum(s.missed for s in scores) == curve.false_negatives[0]
    assert all(0 <= s.f1 <= 1 for s in scores)
