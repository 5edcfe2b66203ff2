# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The confusion matrix: cases counted by hand, and sums that hold for every case."""

import numpy as np
import pytest
from hypothesis import given, settings

from ssd_tf.evaluation.confusion import confusion_matrix
from tests.evaluation.coco_cases import box, cases, truth

A, B, C = [0, 0, 40, 40], [100, 0, 40, 40], [0, 100, 40, 40]  # three boxes that do not touch
CAT, DOG, COW = 3, 7, 9  # rows and columns 1, 2, 3


def cells(ground_truth, results, **thresholds):
    """{(row, column): count} of what is not 0."""
    matrix = confusion_matrix(ground_truth, results, **thresholds)
    assert matrix.shape == (4, 4) and matrix.dtype == np.int64
    return {(int(r), int(c)): int(matrix[r, c]) for r, c in np.argwhere(matrix)}


def test_right_confused_missed_and_invented_are_distinguished():
    ground_truth = truth(box(A, CAT), box(B, DOG), box(C, DOG, 2))
    results = [
        box(A, CAT, score=0.9),  # right
        box(B, COW, score=0.8),  # the dog taken for a cow
        box(A, CAT, 2, score=0.7),  # nothing there; the dog of that image is missed
    ]
    assert cells(ground_truth, results) == {(1, 1): 1, (2, 3): 1, (0, 1): 1, (2, 0): 1}


def test_second_detection_of_a_truth_is_invented():
    results = [box(A, CAT, score=0.6), box(A, CAT, score=0.9)]
    assert cells(truth(box(A, CAT)), results) == {(1, 1): 1, (0, 1): 1}


def test_wrong_class_on_a_truth_that_is_found_already_is_invented():
    assert cells(truth(box(A, CAT)), [box(A, CAT, score=0.9), box(A, DOG, score=0.8)]) == {(1, 1): 1, (0, 2): 1}


def test_better_score_takes_the_truth_whatever_its_class():
    assert cells(truth(box(A, CAT)), [box(A, CAT, score=0.8), box(A, DOG, score=0.9)]) == {(1, 2): 1, (0, 1): 1}


def test_of_two_equal_scores_the_first_takes_the_truth():
    cat, dog = box(A, CAT, score=0.5), box(A, DOG, score=0.5)
    assert cells(truth(box(A, CAT)), [cat, dog]) == {(1, 1): 1, (0, 2): 1}
    assert cells(truth(box(A, CAT)), [dog, cat]) == {(1, 2): 1, (0, 1): 1}


def test_of_two_equal_truths_a_detection_takes_that_of_its_class():
    results = [box(A, DOG, score=0.9), box(A, CAT, score=0.8)]
    assert cells(truth(box(A, CAT), box(A, DOG)), results) == {(1, 1): 1, (2, 2): 1}


def test_truth_with_the_largest_overlap_is_taken_and_the_next_one_if_that_is_taken():
    # [0, 0, 40, 40] against rows 0..30 of it: IoU 0.75.
    ground_truth = truth(box([0, 0, 40, 30], DOG), box(A, CAT))
    first, second = box(A, CAT, score=0.9), box(A, COW, score=0.8)
    assert cells(ground_truth, [first, second]) == {(1, 1): 1, (2, 3): 1}


def test_thresholds_themselves_are_enough():
    ground_truth = truth(box(A, CAT))
    half = [0, 0, 40, 20]  # IoU 1/2
    assert cells(ground_truth, [box(half, CAT, score=0.3)]) == {(1, 1): 1}
    assert cells(ground_truth, [box(half, CAT, score=0.29)]) == {(1, 0): 1}
    assert cells(ground_truth, [box(half, CAT, score=0.3)], iou_threshold=0.51) == {(1, 0): 1, (0, 1): 1}
    assert cells(ground_truth, [box(half, CAT, score=0.29)], score_threshold=0.2) == {(1, 1): 1}


def test_detection_on_a_crowd_counts_nowhere():
    crowd = box([100, 100, 90, 90], CAT, iscrowd=1)
    inside, half_inside, outside = [110, 110, 20, 20], [90, 110, 20, 20], [85, 110, 20, 20]
    ground_truth = truth(crowd, box(A, CAT))
    assert cells(ground_truth, [box(b, DOG, score=0.9) for b in (inside, half_inside, outside)]) == {
        (0, 2): 1,
        (1, 0): 1,
    }


def test_truth_in_a_crowd_can_be_found():
    ground_truth = truth(box([0, 0, 90, 90], CAT, iscrowd=1), box(A, CAT))
    assert cells(ground_truth, [box(A, CAT, score=0.9)]) == {(1, 1): 1}


def test_all_crowd_no_detections_no_truth_and_no_images():
    assert cells(truth(box(A, iscrowd=1)), [box(A, score=0.9)]) == {}
    assert cells(truth(box(A, CAT), box(B, CAT)), []) == {(1, 0): 2}
    assert cells(truth(), [box(A, COW, score=0.9)]) == {(0, 3): 1}
    assert cells(truth(images=()), []) == {}


def test_one_class_gives_two_by_two():
    ground_truth = truth(box(A)) | {"categories": [{"id": 3, "name": "cat"}]}
    assert confusion_matrix(ground_truth, [box(A, score=0.9), box(B, score=0.9)]).tolist() == [[0, 1], [0, 1]]


def test_unknown_image_is_refused():
    with pytest.raises(ValueError, match="image_id=5"):
        confusion_matrix(truth(), [box(A, image_id=5, score=0.9)])


@settings(max_examples=150, deadline=None)
@given(cases)
def test_rows_sum_to_truths_and_columns_to_detections_that_count(case):
    ground_truth, results = case
    matrix = confusion_matrix(ground_truth, results, score_threshold=0.4)
    crowds = [a for a in ground_truth["annotations"] if a["iscrowd"]]
    for k, category_id in enumerate((3, 7, 9), start=1):
        truths = [a for a in ground_truth["annotations"] if a["category_id"] == category_id and not a["iscrowd"]]
        assert matrix[k].sum() == len(truths)
        found = [r for r in results if r["category_id"] == category_id and r["score"] >= 0.4]
        assert matrix[:, k].sum() <= len(found)
        if not crowds:
            assert matrix[:, k].sum() == len(found)
    assert matrix[0, 0] == 0
