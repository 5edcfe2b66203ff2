# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Kinds of errors and what they cost: by hand, against a second COCOeval, and against tidecv."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings

from ssd_tf.evaluation.coco_matching import CORRECT, MISSED, WRONG, match
from ssd_tf.evaluation.coco_metrics import coco_metrics
from ssd_tf.evaluation.error_analysis import ERROR_KINDS, analyse_errors
from tests.evaluation.coco_cases import box, cases, truth

A, B, C = [0, 0, 40, 40], [100, 0, 40, 40], [0, 100, 40, 40]  # three boxes that do not touch
CAT, DOG, COW = 3, 7, 9
LOW = [0, 0, 40, 8]  # IoU 0.2 with A


def counts(errors):
    """Of the kinds that occur."""
    return {kind: cost.count for kind, cost in errors.kinds.items() if cost.count}


def costs(errors):
    """Of the kinds that cost something."""
    return {kind: pytest.approx(cost.cost) for kind, cost in errors.kinds.items() if cost.cost > 1e-9}


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        (box(A, DOG, score=0.5), "classification"),
        (box(LOW, CAT, score=0.5), "localization"),
        (box(LOW, DOG, score=0.5), "both"),
        (box(C, CAT, score=0.5), "background"),
        (box(A, CAT, 2, score=0.5), "background"),  # another image
        ([0, 0, 40, 4], "localization"),  # IoU 0.1 exactly
        ([0, 0, 40, 3.9], "background"),
    ],
)
def test_wrong_detection_has_one_kind(result, kind):
    result = result if isinstance(result, dict) else box(result, CAT, score=0.5)
    errors = analyse_errors(truth(box(A, CAT), box(B, COW)), [result, box(B, COW, score=0.9)])
    covered = kind in ("classification", "localization")
    assert counts(errors) == ({kind: 1} if covered else {kind: 1, "missed": 1})
    assert (errors.correct, errors.ignored, errors.ap50) == (1, 0, pytest.approx(0.5))
    # A covered truth is found when the error is put right, one that is missed leaves the mean of the two classes.
    assert costs(errors) == {kind if covered else "missed": 0.5}


def test_detection_that_fits_two_kinds_is_of_the_first():
    # Badly placed on a cat of its own class, and exactly on a dog.
    ground_truth = truth(box(A, CAT), box(LOW, DOG))
    assert counts(analyse_errors(ground_truth, [box(LOW, CAT, score=0.5)])) == {"localization": 1, "missed": 1}
    # On a cat that a better one has found, and on a dog: a dog taken for a cat rather than a duplicate.
    ground_truth = truth(box(A, CAT), box([0, 0, 40, 32], DOG))
    results = [box(A, CAT, score=0.9), box(A, CAT, score=0.5)]
    assert counts(analyse_errors(ground_truth, results)) == {"classification": 1}


def test_two_detections_on_one_truth_are_one_hit_and_one_duplicate():
    errors = analyse_errors(truth(box(A), box(B)), [box(A, score=0.9), box(A, score=0.8), box(B, score=0.7)])
    assert counts(errors) == {"duplicate": 1}
    # Precision 1 up to recall 1/2 (51 of COCO's 101 recalls), then 2/3; 1 without the duplicate.
    assert errors.ap50 == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert costs(errors) == {"duplicate": 50 / 3 / 101}
    assert errors.false_positives.count == 1 and errors.false_positives.cost == pytest.approx(50 / 3 / 101)
    assert (errors.false_negatives.count, errors.false_negatives.cost) == (0, 0)


def test_wrong_class_on_a_truth_that_is_found_already_is_dropped_by_the_oracle():
    errors = analyse_errors(truth(box(A, CAT), box(B, DOG)), [box(A, DOG, score=0.9), box(A, CAT, score=0.8)])
    assert counts(errors) == {"classification": 1, "missed": 1}  # the missed one is B
    # cat AP 1, dog AP 0. Dropped, it leaves the dog at 0; only the missed dog costs.
    assert costs(errors) == {"missed": 0.5}


def test_best_of_several_errors_that_point_to_a_truth_is_put_right_and_the_others_are_dropped():
    ground_truth = truth(box(A, CAT), box(B, CAT))
    results = [
        box(LOW, CAT, score=0.9),  # localization of A, the best
        box([0, 0, 40, 10], CAT, score=0.8),  # localization of A
        box(A, DOG, score=0.7),  # classification of A, but the first becomes the hit on it
        box(B, CAT, score=0.6),  # right
    ]
    errors = analyse_errors(ground_truth, results)
    assert counts(errors) == {"localization": 2, "classification": 1}
    # The one hit has two wrong cats before it: precision 1/3 up to recall 1/2, so 51 / 3 / 101.
    assert errors.ap50 == pytest.approx(51 / 3 / 101)
    # Right at .9 and .6, nothing between: AP 1. A dog dropped changes nothing of the cats.
    assert costs(errors) == {"localization": 1 - 51 / 3 / 101}


def test_of_errors_with_equal_scores_the_first_is_put_right():
    # The cow's class has no truth, so it costs nothing. Either dog or cow becomes the cat.
    ground_truth = truth(box(A, CAT), box(B, DOG))
    wrong = [box(A, DOG, score=0.5), box(A, COW, score=0.5)]
    errors = analyse_errors(ground_truth, [*wrong, box(B, DOG, score=0.4)])
    assert counts(errors) == {"classification": 2}
    # Before: dog 1/2, cat 0. After: dog 1 and cat 1.
    assert (errors.ap50, errors.kinds["classification"].cost) == pytest.approx((0.25, 0.75))


def test_missed_truths_stretch_the_curve():
    # Two truths, one found: AP 51 / 101. Without the other: 1.
    errors = analyse_errors(truth(box(A), box(B)), [box(A, score=0.9)])
    assert counts(errors) == {"missed": 1}
    assert costs(errors) == {"missed": 50 / 101}
    assert (errors.false_negatives.count, errors.false_negatives.cost) == (1, pytest.approx(50 / 101))


def test_covered_truth_is_a_false_negative_but_not_missed():
    errors = analyse_errors(truth(box(A), box(B)), [box(A, score=0.9), box([100, 0, 40, 8], score=0.8)])
    assert counts(errors) == {"localization": 1}
    assert errors.false_negatives.count == 1 and errors.false_negatives.cost == pytest.approx(50 / 101)


def test_no_detections_are_all_missed():
    errors = analyse_errors(truth(box(A), box(B, DOG)), [])
    assert (errors.ap50, errors.correct, counts(errors)) == (0, 0, {"missed": 2})
    assert costs(errors) == {"missed": 1}


@pytest.mark.parametrize("annotations", [[], [box(A, iscrowd=1)]])
def test_without_a_truth_costs_are_undefined_and_errors_counted(annotations):
    errors = analyse_errors(truth(*annotations), [box(A, score=0.9), box(C, DOG, score=0.8)])
    assert math.isnan(errors.ap50) and all(math.isnan(cost.cost) for cost in errors.kinds.values())
    assert math.isnan(errors.false_positives.cost) and math.isnan(errors.false_negatives.cost)
    assert errors.ignored == len(annotations)
    assert counts(errors) == {"background": 2 - len(annotations)}


def test_no_images_have_no_errors():
    errors = analyse_errors(truth(images=()), [])
    assert (counts(errors), errors.correct, errors.ignored) == ({}, 0, 0) and math.isnan(errors.ap50)


def test_detection_on_a_crowd_is_no_error():
    errors = analyse_errors(truth(box(A), box(B, iscrowd=1)), [box(A, score=0.5), box(B, score=0.9)])
    assert (counts(errors), errors.correct, errors.ignored, errors.ap50) == ({}, 1, 1, pytest.approx(1))


def test_unknown_category_is_refused():
    with pytest.raises(ValueError, match="category_id=1"):
        analyse_errors(truth(), [box(A, 1, score=0.9)])


@settings(max_examples=150, deadline=None)
@given(cases)
def test_every_detection_is_correct_ignored_or_of_one_kind_and_no_oracle_lowers_ap(case):
    ground_truth, results = case
    errors = analyse_errors(ground_truth, results)
    wrong = sum(errors.kinds[kind].count for kind in ERROR_KINDS if kind != "missed")
    assert errors.false_positives.count == wrong
    assert errors.correct + errors.ignored + wrong == len(results)
    assert errors.kinds["missed"].count <= errors.false_negatives.count
    truths = sum(not a["iscrowd"] for a in ground_truth["annotations"])
    assert errors.correct + errors.false_negatives.count == truths
    for cost in (*errors.kinds.values(), errors.false_positives, errors.false_negatives):
        # 1e-9: COCOeval adds numpy.spacing(1) to the denominators of its precisions.
        assert not truths or 0 <= cost.cost <= 1 - errors.ap50 + 1e-9


@settings(max_examples=60, deadline=None)
@given(cases)
def test_outcomes_of_the_metrics_give_the_same_errors(case):
    # repr, since nan differs from itself.
    assert repr(analyse_errors(*case, coco_metrics(*case).outcomes)) == repr(analyse_errors(*case))


def test_outcomes_that_are_given_decide():
    ground_truth, results = truth(box(A)), [box(A, image_id=2, score=0.9), box(A, score=0.9)]
    outcome = coco_metrics(ground_truth, results).outcomes
    assert outcome.detections.tolist() == [WRONG, CORRECT]  # in the order given, not in that of the images
    assert analyse_errors(ground_truth, results, outcome._replace(detections=np.array([WRONG, WRONG]))).correct == 0
    assert counts(analyse_errors(ground_truth, results, outcome)) == {"background": 1}


@settings(max_examples=60, deadline=None)
@given(cases)
def test_ap50_and_both_special_costs_are_those_of_a_second_evaluation(case):
    ground_truth, results = case
    results = sorted(results, key=lambda result: result["image_id"])
    outcome = match(ground_truth, results)
    right = [r for r, v in zip(results, outcome.detections, strict=True) if v != WRONG]
    found = [a for a, v in zip(ground_truth["annotations"], outcome.truths, strict=True) if v != MISSED]
    ap50 = coco_metrics(ground_truth, results).summary["AP50"]
    errors = analyse_errors(ground_truth, results)
    if ap50 < 0:  # without truth
        assert math.isnan(errors.ap50)
        return
    assert errors.ap50 == pytest.approx(ap50, abs=1e-12)
    without_wrong = coco_metrics(ground_truth, right).summary["AP50"]
    assert ap50 + errors.false_positives.cost == pytest.approx(without_wrong, abs=1e-9)
    without_unfound = abs(coco_metrics(ground_truth | {"annotations": found}, results).summary["AP50"])  # -1: none left
    assert ap50 + errors.false_negatives.cost == pytest.approx(without_unfound, abs=1e-9)


# Golden values: tidecv 1.0.1, the program of Bolya et al. (dbolya/tide), on the same data. It prints costs in percent
# with three decimals. Its names of our kinds are ClassError, BoxError, OtherError, DuplicateError, BackgroundError,
# MissedError; then FalsePositiveError and FalseNegativeError.
TIDE_BCCD_AP50 = 33.322
TIDE_BCCD_COUNTS = (68, 164, 17, 103, 72, 157)
TIDE_BCCD_COSTS = (8.286, 16.447, 3.525, 2.316, 5.397, 5.205, 30.704, 18.836)
# tidecv's own mean has a class without truth as AP 0 where something is found of it, which COCO leaves out (here 6
# beside 70: 64.205 instead of 69.708). Its get_mAP was changed to COCO's way for these numbers, nothing else.
TIDE_COCO_AP50 = 69.708
TIDE_COCO_COUNTS = (83, 1, 0, 1, 0, 97)
TIDE_COCO_COSTS = (16.743, 0.247, 0, 0.021, 0, 10.507, 7.406, 20.612)


def spoiled(ground_truth):
    """Detections made of the truth: some left out, shifted, doubled, of another class; and one on nothing an image."""
    categories = sorted(c["id"] for c in ground_truth["categories"])
    results = []
    for k, annotation in enumerate(ground_truth["annotations"]):
        x, y, w, h = annotation["bbox"]
        row = {"image_id": annotation["image_id"], "category_id": annotation["category_id"]}
        if k % 7 == 0:
            continue
        if k % 5 == 0:
            x += 0.45 * w  # IoU 0.55 / 1.45 = 0.38
        if k % 11 == 0:
            row["category_id"] = categories[(categories.index(row["category_id"]) + 1) % len(categories)]
        # Multiples of the golden ratio fill [0, 1] evenly, and no two are equal.
        results.append(row | {"bbox": [x, y, w, h], "score": k * 0.6180339887 % 1})
        if k % 6 == 0:
            results.append(row | {"bbox": [x + 0.1 * w, y, w, h], "score": k * 0.6180339887 % 1 * 0.9})
    for k, image in enumerate(ground_truth["images"]):
        corner = {"image_id": image["id"], "category_id": categories[k % len(categories)], "bbox": [0, 0, 15, 15]}
        results.append(corner | {"score": k * 0.7320508 % 1})
    return results


def costs_in_percent(errors):
    return [100 * c.cost for c in (*errors.kinds.values(), errors.false_positives, errors.false_negatives)]


def test_spoiled_blood_cells_cost_what_tidecv_says(shared):
    ground_truth = json.loads((shared / "data" / "bccd" / "coco_test.json").read_text())
    errors = analyse_errors(ground_truth, spoiled(ground_truth))
    assert tuple(c.count for c in errors.kinds.values()) == TIDE_BCCD_COUNTS
    assert (errors.correct, errors.ignored) == (593, 0)
    # Half of tidecv's last decimal.
    assert 100 * errors.ap50 == pytest.approx(TIDE_BCCD_AP50, abs=0.0005)
    assert costs_in_percent(errors) == pytest.approx(TIDE_BCCD_COSTS, abs=0.0005)


def test_results_of_the_coco_api_cost_what_tidecv_says(shared):
    folder = shared / "data" / "coco-eval"
    ground_truth = json.loads((folder / "instances_val2014_100.json").read_text())
    results = json.loads((folder / "instances_val2014_fakebbox100_results.json").read_text())
    errors = analyse_errors(ground_truth, results)
    assert tuple(c.count for c in errors.kinds.values()) == TIDE_COCO_COUNTS
    assert errors.correct == 649
    # tidecv's recalls are k / 100 where COCO has linspace, which differ in the last bit, so that a recall of exactly
    # 0.07 counts for one and not the other: 0.014 here. And it puts wrong detections before right ones of the same
    # score once an oracle was at work: 0.003. With both made alike the two agree to all three decimals.
    assert 100 * errors.ap50 == pytest.approx(TIDE_COCO_AP50, abs=0.015)
    assert costs_in_percent(errors) == pytest.approx(TIDE_COCO_COSTS, abs=0.015)
