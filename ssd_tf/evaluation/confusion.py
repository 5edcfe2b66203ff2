# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The confusion matrix of a detector: which class is taken for which, what is missed, what is invented.

Other than in COCO's metrics a detection is matched to a truth whatever their classes: so it can be seen which class it
was taken for. Boxes are COCO's [x, y, w, h] in pixels. Letters: D detections and G truths of an image, C classes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ssd_tf.data.formats.coco_results import Results
from ssd_tf.evaluation.coco_matching import check, class_indices, overlaps, places_by_id, truths_of


def confusion_matrix(
    ground_truth: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    score_threshold: float = 0.3,
    iou_threshold: float = 0.5,
) -> np.ndarray:
    """int64 [C + 1, C + 1]: row = true class, column = predicted class, both 0 = background, 1..C by ascending
    category id.

    Best score first (results of the same score in their order), each detection takes the truth of any class that it
    overlaps most and that is still free, at `iou_threshold` or more; of equal overlaps one of its own class, then the
    first. Row 0 has the detections that found no truth, column 0 the truths that nothing found; [0, 0] is 0. A crowd is
    no truth, and a detection that found none but lies on a crowd counts nowhere: of which of its objects it is cannot
    be known. "On": `iou_threshold` of the detection's own area, as COCO has it, whatever the crowd's class. So row k
    sums to the truths of class k, and column k to its detections that count.

    Args:
      ground_truth: a COCO instances dict.
      results: COCO results; may be empty.
      score_threshold: detections with a lower score are left out.
      iou_threshold: in (0, 1].

    Raises:
      ValueError: the ground truth lacks one of its three lists, or a result names an image or a category that the
        ground truth does not have.
    """
    check(ground_truth, results)
    results, truths = Results.of(results), truths_of(ground_truth)
    # Stable: results of the same score keep their order.
    results = results.take(np.argsort(-results.scores, kind="stable"))
    is_crowd = np.array([bool(truth.get("iscrowd", 0)) for truth in ground_truth["annotations"]], bool)
    found = _by_image(ground_truth, results, results.scores >= score_threshold)
    true = _by_image(ground_truth, truths, ~is_crowd)
    crowds = _by_image(ground_truth, truths, is_crowd)
    size = len(ground_truth["categories"]) + 1
    matrix = np.zeros((size, size), np.int64)
    for (boxes, predicted), (true_boxes, labels), (crowd_boxes, _) in zip(found, true, crowds, strict=True):
        partner = _match(overlaps(boxes, true_boxes), predicted[:, None] == labels, iou_threshold)
        on_crowd = (overlaps(boxes, crowd_boxes, crowd=True) >= iou_threshold).any(1)
        hit = partner >= 0
        missed = np.setdiff1d(np.arange(len(labels)), partner)
        np.add.at(matrix, (labels[partner[hit]], predicted[hit]), 1)
        np.add.at(matrix[0], predicted[~hit & ~on_crowd], 1)
        np.add.at(matrix[:, 0], labels[missed], 1)
    return matrix


def _by_image(
    ground_truth: Mapping[str, Any], rows: Results, chosen: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each image the boxes, float64 [N, 4], and classes, int [N], of its `chosen` rows, bool [D], in their order.
    Rows of unknown images and categories are left out, as COCO does."""
    classes = class_indices(ground_truth, rows)
    places_of = places_by_id(rows.image_ids, chosen & (classes > 0))
    image_ids = dict.fromkeys(image["id"] for image in ground_truth["images"])
    places = [places_of[image_id] for image_id in image_ids]
    return [(rows.boxes[of_image], classes[of_image]) for of_image in places]


def _match(iou: np.ndarray, same_class: np.ndarray, threshold: float) -> np.ndarray:
    """The truth of each detection, int [D], -1 for none. iou, same_class: [D, G], the detections best score first."""
    partner = np.full(len(iou), -1)
    if not iou.size:
        return partner
    free = np.ones(iou.shape[1], bool)
    for row in np.flatnonzero((iou >= threshold).any(1)):
        open_iou = np.where(free, iou[row], -1.0)
        best = np.flatnonzero(open_iou == open_iou.max())
        best = best[np.argmax(same_class[row, best])]
        if open_iou[best] >= threshold:
            partner[row], free[best] = best, False
    return partner
