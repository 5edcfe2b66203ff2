# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What became of each detection and truth, read out of COCOeval, with pycocotools as the judge."""

import numpy as np
import pytest
from hypothesis import given, settings

from ssd_tf.evaluation.coco_matching import (
    CORRECT,
    CROWD,
    FOUND,
    IGNORED,
    MISSED,
    WRONG,
    check,
    class_indices,
    match,
    overlaps,
    places_by_id,
)
from tests.evaluation.coco_cases import box, cases, judged_by_pycocotools, truth


def outcomes_on(ground_truth, results):
    found, truths = match(ground_truth, results)
    return found.tolist(), truths.tolist()


def test_each_detection_and_truth_gets_its_outcome_in_the_order_given():
    ground_truth = truth(
        box([0, 0, 40, 40]),
        box([100, 100, 90, 90], iscrowd=1),
        box([0, 0, 40, 40], 7),
        box([0, 0, 40, 40], image_id=99),  # of no image
    )
    results = [
        box([0, 0, 40, 30], score=0.4),  # a second one on the first truth
        box([110, 110, 20, 20], score=0.9),  # on the crowd
        box([0, 0, 40, 40], score=0.8),
        box([0, 0, 40, 40], 9, score=0.7),  # no cow here
        box([0, 0, 40, 40], 3, 2, score=0.6),  # nothing in this image
    ]
    expected = [WRONG, IGNORED, CORRECT, WRONG, WRONG], [FOUND, CROWD, MISSED, CROWD]
    assert outcomes_on(ground_truth, results) == expected


def test_detections_beyond_the_best_hundred_of_an_image_and_class_are_ignored():
    results = [box([0, 0, 40, 40], score=k / 200) for k in range(103)]
    results += [box([0, 0, 40, 40], 7, score=0.001)]  # another class counts for itself
    found, _ = outcomes_on(truth(box([0, 0, 40, 40])), results)
    assert found == [IGNORED] * 3 + [WRONG] * 99 + [CORRECT, WRONG]


def test_nothing_at_all_has_no_outcomes():
    assert outcomes_on(truth(), []) == ([], [])
    assert outcomes_on(truth(images=()), []) == ([], [])
    assert outcomes_on({"images": [], "annotations": [], "categories": []}, []) == ([], [])


@settings(max_examples=60, deadline=None)
@given(cases)
def test_outcomes_are_those_of_pycocotools(case):
    ground_truth, results = case
    judge = judged_by_pycocotools(ground_truth, results)
    detections, truths = np.full(len(results), IGNORED), np.full(len(ground_truth["annotations"]), CROWD)
    images = np.array(judge.evalImgs, object).reshape(len(judge.params.catIds), 4, len(judge.params.imgIds))
    for image in images[:, 0].flat:  # all sizes
        if image is not None:
            found, ignored = image["dtMatches"][0] > 0, image["dtIgnore"][0]  # at IoU 0.5
            detections[np.array(image["dtIds"], int) - 1] = np.where(ignored, IGNORED, np.where(found, CORRECT, WRONG))
            found, crowd = image["gtMatches"][0] > 0, image["gtIgnore"]
            truths[np.array(image["gtIds"], int) - 1] = np.where(crowd, CROWD, np.where(found, FOUND, MISSED))
    assert outcomes_on(ground_truth, results) == (detections.tolist(), truths.tolist())


def test_first_unknown_id_is_named_although_ids_are_of_several_kinds():
    results = [box([0, 0, 1, 1], score=0.5) | {"image_id": image_id} for image_id in (2, 1, "two", 9, "two")]
    with pytest.raises(ValueError, match=r"Received: results\[2\] has image_id='two'$"):
        check(truth(), results)
    assert check(truth(), results[:2]) is None


def test_classes_are_numbered_by_ascending_id():
    rows = [box([0, 0, 1, 1], k) for k in (7, 3, 9, 1000)]
    assert class_indices(truth(), rows).tolist() == [2, 1, 3, 0]


@pytest.mark.parametrize("dtype", [np.int64, object])
def test_places_are_grouped_by_id_in_their_order(dtype):
    ids = np.array([7, 3, 7, 9, 3, 7], dtype)
    found = places_by_id(ids, np.array([1, 1, 1, 0, 1, 1], bool))
    assert {k: places.tolist() for k, places in found.items()} == {3: [1, 4], 7: [0, 2, 5]}
    assert found[9].tolist() == [] and places_by_id(ids)[9].tolist() == [3]
    assert not places_by_id(ids[:0])


def test_overlaps_of_boxes_and_of_crowds():
    # 10 x 10 in the corner of 20 x 20: IoU 100 / 400, but all of it lies in the crowd.
    small, large = [[0, 0, 10, 10]], [[0, 0, 20, 20], [50, 50, 9, 9]]
    np.testing.assert_allclose(overlaps(small, large), [[0.25, 0]])
    np.testing.assert_allclose(overlaps(small, large, crowd=True), [[1, 0]])
    assert overlaps([], large).shape == (0, 2) and overlaps(small, []).shape == (1, 0)
