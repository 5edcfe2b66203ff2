# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Precision and recall by score threshold, on cases counted by hand and against COCO's own AP."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings

from ssd_tf.evaluation.coco_metrics import coco_metrics
from ssd_tf.evaluation.precision_recall import (
    BestThreshold,
    Matches,
    above_threshold,
    average_precision,
    best_threshold,
    precision_recall,
    usable_threshold,
)
from tests.evaluation.coco_cases import box, cases, truth

# Class 1: right at .9, wrong at .8, right at .6, and one truth of three that nothing finds. Class 2: one truth, one
# wrong detection. Class 3: nothing.
BY_HAND = Matches(
    scores=np.array([0.9, 0.6, 0.8, 0.7]),
    classes=np.array([1, 1, 1, 2]),
    correct=np.array([True, True, False, False]),
    truths=np.array([3, 1, 0]),
)
NOTHING_FOUND = Matches(np.zeros(0), np.zeros(0, int), np.zeros(0, bool), np.array([2, 0]))


def matches_of_case(ground_truth, results):
    return coco_metrics(ground_truth, results).matches


def test_matches_are_what_coco_counts_without_crowds():
    ground_truth = truth(
        box([0, 0, 40, 40]), box([100, 100, 90, 90], iscrowd=1), box([0, 0, 40, 40], 7), box([60, 0, 40, 40])
    )
    results = [
        box([0, 0, 40, 40], score=0.5),
        box([110, 110, 20, 20], score=0.9),  # on the crowd
        box([0, 0, 40, 40], 9, score=0.7),
    ]
    matches = matches_of_case(ground_truth, results)
    assert matches.scores.tolist() == [0.5, 0.7]
    assert matches.classes.tolist() == [1, 3]
    assert matches.correct.tolist() == [True, False]
    assert matches.truths.tolist() == [2, 1, 0]


def test_counts_at_thresholds_of_one_class():
    curve = precision_recall(BY_HAND, 1, [0.5, 0.85, 0.7])
    assert curve.thresholds.tolist() == [0.5, 0.85, 0.7]
    assert curve.true_positives.tolist() == [2, 1, 1]
    assert curve.false_positives.tolist() == [1, 0, 1]
    assert curve.false_negatives.tolist() == [1, 2, 2]
    np.testing.assert_allclose(curve.precision, [2 / 3, 1, 1 / 2])
    np.testing.assert_allclose(curve.recall, [2 / 3, 1 / 3, 1 / 3])


def test_all_classes_together_weigh_every_detection_the_same():
    curve = precision_recall(BY_HAND, None, [0.0])
    # Two of four detections are right, two of four truths are found.
    assert (curve.precision[0], curve.recall[0]) == (0.5, 0.5)


def test_score_equal_to_the_threshold_is_kept():
    curve = precision_recall(BY_HAND, 1, [0.9, np.nextafter(0.9, 1)])
    assert curve.true_positives.tolist() == [1, 0]


def test_equal_scores_are_kept_or_left_out_together():
    matches = Matches(np.array([0.5, 0.5, 0.5]), np.ones(3, int), np.array([True, False, True]), np.array([2]))
    curve = precision_recall(matches, 1, [0.5, 0.6])
    assert (curve.true_positives.tolist(), curve.false_positives.tolist()) == ([2, 0], [1, 0])
    assert best_threshold(matches, 1).threshold == 0.5


def test_precision_is_one_where_nothing_is_found():
    curve = precision_recall(NOTHING_FOUND, 1, [0.0, 0.5])
    assert curve.precision.tolist() == [1, 1] and curve.recall.tolist() == [0, 0]
    assert curve.false_negatives.tolist() == [2, 2]


def test_recall_is_nan_without_a_truth():
    curve = precision_recall(BY_HAND, 3, [0.5])
    assert math.isnan(curve.recall[0]) and curve.precision[0] == 1


@pytest.mark.parametrize("class_index", [0, 4, -1])
def test_class_that_does_not_exist_is_refused(class_index):
    for function in (
        lambda: precision_recall(BY_HAND, class_index, [0.5]),
        lambda: best_threshold(BY_HAND, class_index),
    ):
        with pytest.raises(ValueError, match=rf"a class in 1\.\.3 or None\. Received: class_index={class_index}"):
            function()


def test_best_threshold_by_hand():
    # F1 of class 1, 2 TP / (2 TP + FP + FN): from .9 on 2 / 4, from .8 2 / 5, from .6 4 / 6.
    best = best_threshold(BY_HAND, 1)
    assert best == pytest.approx((0.6, 2 / 3, 2 / 3, 2 / 3))
    # Of all: from .9 2 / 5, .8 2 / 6, .7 2 / 7, .6 4 / 8.
    assert best_threshold(BY_HAND, None) == pytest.approx((0.6, 0.5, 0.5, 0.5))


def test_best_threshold_is_the_highest_of_equals():
    # From .9: 2 / (2 + 0 + 1). From .3: 4 / (4 + 2 + 0). Both 2 / 3.
    matches = Matches(
        np.array([0.3, 0.9, 0.6, 0.5]), np.ones(4, int), np.array([True, True, False, False]), np.array([2])
    )
    best = best_threshold(matches, 1)
    assert (best.threshold, best.precision, best.recall) == (0.9, 1, 0.5)


def test_best_threshold_where_nothing_is_right_or_nothing_is_there():
    assert math.isnan(best_threshold(NOTHING_FOUND, 1).threshold)
    assert best_threshold(NOTHING_FOUND, 1)[1:] == (0, 1, 0)
    assert best_threshold(BY_HAND, 2)[1:] == (0, 1, 0)
    assert all(map(math.isnan, best_threshold(BY_HAND, 3)))


def usable(scores, correct, truths=2) -> BestThreshold:
    matches = Matches(np.array(scores), np.ones(len(scores), int), np.array(correct), np.array([truths]))
    return usable_threshold(best_threshold(matches, 1), matches, 1)


def test_a_score_equal_to_a_threshold_that_programs_compare_with_is_left_out():
    assert above_threshold(BY_HAND, 1, 0.6) == pytest.approx((0.6, 2 / 5, 1 / 2, 1 / 3))
    assert above_threshold(BY_HAND, 1, 0.59) == pytest.approx((0.59, 2 / 3, 2 / 3, 2 / 3))
    assert above_threshold(BY_HAND, 1, 0.95) == (0.95, 0, 1, 0)


def test_a_usable_threshold_has_two_decimals_below_the_score_where_they_are_enough():
    assert usable([0.9965, 0.3], [True, False], 1) == (0.99, 1, 1, 1)
    assert usable([0.9, 0.3], [True, False], 1) == (0.89, 1, 1, 1)
    assert usable([float(np.float32(0.07)), 0.01], [True, False], 1) == (0.06, 1, 1, 1)
    assert usable([0.005], [True], 1) == (0.0, 1, 1, 1)


def test_a_usable_threshold_has_more_decimals_where_two_let_mistakes_in():
    assert usable([0.9965, 0.9961], [True, False], 1) == (0.9964, 1, 1, 1)
    assert usable([0.0004, 0.0002], [True, False], 1) == (0.0003, 1, 1, 1)
    score = np.float32(0.9)
    below = np.nextafter(score, np.float32(0))
    found = usable([float(score), float(below)], [True, False], 1)
    assert below <= np.float32(found.threshold) < score and found[1:] == (1, 1, 1)


def test_a_usable_threshold_may_lose_a_little_f1_for_a_short_number_and_says_so():
    # Above 0.13 one mistake comes in: F1 is 2 * 1000 / (2 * 1000 + 1) in place of 1.
    found = usable([0.136] * 1000 + [0.135], [True] * 1000 + [False], 1000)
    assert found == pytest.approx((0.13, 2000 / 2001, 1000 / 1001, 1))


def test_there_is_no_usable_threshold_where_there_is_no_best_one():
    for k in (2, 3):
        best = best_threshold(BY_HAND, k)
        assert usable_threshold(best, BY_HAND, k) is best


@settings(max_examples=60, deadline=None)
@given(cases)
def test_average_precision_is_that_of_coco(case):
    ground_truth, results = case
    results = sorted(results, key=lambda result: result["image_id"])
    metrics = coco_metrics(ground_truth, results)
    expected = math.nan if metrics.summary["AP50"] < 0 else metrics.summary["AP50"]
    assert average_precision(metrics.matches) == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_average_precision_of_the_coco_api_s_own_results_is_theirs(shared):
    folder = shared / "data" / "coco-eval"
    ground_truth = json.loads((folder / "instances_val2014_100.json").read_text())
    results = json.loads((folder / "instances_val2014_fakebbox100_results.json").read_text())
    matches = matches_of_case(ground_truth, results)
    assert average_precision(matches) == pytest.approx(0.697, abs=0.0005)  # val2014_fake_eval_res.txt, three decimals
    assert matches.truths.sum() == 830  # 839 annotations, 9 of them crowds
