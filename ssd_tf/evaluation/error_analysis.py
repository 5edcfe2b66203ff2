# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What a detector gets wrong, and how much AP each kind of error costs.

After Bolya et al. 2020, "TIDE: A General Toolbox for Identifying Object Detection Errors" (arXiv 2008.08115), with the
order of the questions and the choice of the detection that is put right as in their program tidecv. AP is COCOeval's.
A kind's cost is AP50 with this kind alone put right by an oracle, minus AP50; the costs do not add up to 1 - AP50.

hotcoco 1.3 has this analysis too, and a confusion matrix. They are not used: both take crowds for truths like others,
and a class whose truths are all missed stays in the mean of its oracle, so that on the results of the COCO API "missed"
costs 8.23 where tidecv, and this file, say 10.51.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ssd_tf.data.formats.coco_results import Results
from ssd_tf.evaluation.coco_matching import (
    CROWD,
    IGNORED,
    MISSED,
    Outcomes,
    class_indices,
    match,
    overlaps,
    places_by_id,
    truths_of,
)
from ssd_tf.evaluation.precision_recall import Matches, average_precision, matches_of

# In the order in which reports show them. The first five are what a wrong detection can be.
ERROR_KINDS = ("classification", "localization", "both", "duplicate", "background", "missed")
_CLASSIFICATION, _LOCALIZATION, _BOTH, _DUPLICATE, _BACKGROUND = range(5)
# Bolya et al., section 2.2: an IoU from t_f on is a hit, up to t_b it is background.
_FOREGROUND, _BACKGROUND_IOU = 0.5, 0.1


@dataclass(frozen=True)
class ErrorCost:
    """How many there are, and what AP50 would gain if these alone were put right, in [0, 1]; nan without any truth."""

    count: int
    cost: float


@dataclass(frozen=True)
class Errors:
    """Of one set of detections. correct + ignored + the counts of the first five kinds is the number of detections.

    Attributes:
      ap50: as COCO's, in [0, 1]; nan where there is no truth.
      kinds: ERROR_KINDS -> ErrorCost. The first five count detections, "missed" counts truths.
      false_positives: all wrong detections, and what AP50 would gain without them.
      false_negatives: all truths that were not found, and what AP50 would gain were they not to be found.
      correct: detections that are right.
      ignored: detections that count nowhere: on a crowd, or beyond the best 100 of an image and class.
    """

    ap50: float
    kinds: dict[str, ErrorCost]
    false_positives: ErrorCost
    false_negatives: ErrorCost
    correct: int
    ignored: int


def analyse_errors(
    ground_truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]], outcomes: Outcomes | None = None
) -> Errors:
    """Sorts every wrong detection and every missed truth into ERROR_KINDS, and says what each kind costs.

    Right and wrong are COCO's, at IoU 0.5. A wrong detection is the first of these that fits, where "truth" is any of
    its image that is no crowd, found or not:
      localization: its largest IoU with a truth of its class is in [0.1, 0.5);
      classification: its largest IoU with a truth of another class is 0.5 or more;
      duplicate: IoU 0.5 or more with a truth of its class, which another detection has taken;
      background: no IoU above 0.1 with any truth;
      both: the rest, badly placed and of the wrong class.
    A truth that no detection has found is "missed" unless a localization or classification error points to it.

    The oracle drops wrong detections. But of the localization and classification errors that point to the same truth,
    where that is not found yet, the one with the best score becomes a hit on it. Missed truths are taken out of the
    ground truth, since nobody knows with which score they would have been found. A class that has no truth left leaves
    the mean over the classes; where no class is left, AP50 is 1.

    Args:
      ground_truth: a COCO instances dict.
      results: COCO results; may be empty.
      outcomes: of coco_metrics on these two, which saves a second matching; None works them out.

    Raises:
      ValueError: the ground truth lacks one of its three lists, or a result names an image or a category that the
        ground truth does not have.
    """
    results = Results.of(results)
    outcomes = outcomes or match(ground_truth, results)
    # COCO's order among detections of the same score.
    order = np.argsort(results.image_ids, kind="stable")
    results, outcomes = results.take(order), outcomes._replace(detections=outcomes.detections[order])
    matches = matches_of(outcomes, ground_truth, results)
    found = results.take(outcomes.detections != IGNORED)
    wrong, unfound = ~matches.correct, outcomes.truths == MISSED
    kind, target = _kinds(ground_truth, found, wrong, outcomes.truths != CROWD)
    missed = unfound.copy()
    missed[target[target >= 0]] = False
    corrected = _corrected(matches.scores, target, unfound)
    true_class = class_indices(ground_truth, ground_truth["annotations"])
    # 0, which stands for none, where the target is -1.
    target_class = np.append(true_class, 0)[target]

    before = average_precision(matches)
    kinds = {}
    for k, name in enumerate(ERROR_KINDS[:-1]):
        fixed = _put_right(matches, kind == k, np.where(corrected, target_class, 0))
        kinds[name] = _cost(int((kind == k).sum()), before, fixed)
    kinds["missed"] = _cost(int(missed.sum()), before, _without(matches, true_class[missed]))
    return Errors(
        ap50=before,
        kinds=kinds,
        false_positives=_cost(int(wrong.sum()), before, _put_right(matches, wrong, np.zeros_like(target))),
        false_negatives=_cost(int(unfound.sum()), before, _without(matches, true_class[unfound])),
        correct=int(matches.correct.sum()),
        ignored=len(results) - len(found),
    )


def _kinds(
    ground_truth: Mapping[str, Any], found: Results, wrong: np.ndarray, real: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of each of `found`, int [D]: the place of its kind in ERROR_KINDS, -1 if it is not `wrong`; and the truth that a
    classification or localization error points to, -1 for the others.

    Args:
      wrong: bool [D].
      real: bool [G], the truths that are no crowds.
    """
    truths = truths_of(ground_truth)
    columns_of, rows_of = places_by_id(truths.image_ids, real), places_by_id(found.image_ids, wrong)
    kind, target = np.full(len(found), -1), np.full(len(found), -1)
    for image_id, rows in rows_of.items():
        columns = columns_of[image_id]
        if not len(columns):
            kind[rows] = _BACKGROUND
            continue
        iou = overlaps(found.boxes[rows], truths.boxes[columns])
        same = found.category_ids[rows, None] == truths.category_ids[columns]
        own, other = np.where(same, iou, 0), np.where(same, 0, iou)
        own_iou, other_iou = own.max(1), other.max(1)
        kind[rows] = np.select(
            [
                (own_iou >= _BACKGROUND_IOU) & (own_iou < _FOREGROUND),
                other_iou >= _FOREGROUND,
                own_iou >= _FOREGROUND,
                other_iou <= _BACKGROUND_IOU,
            ],
            [_LOCALIZATION, _CLASSIFICATION, _DUPLICATE, _BACKGROUND],
            _BOTH,
        )
        points_to = np.select(
            [kind[rows] == _LOCALIZATION, kind[rows] == _CLASSIFICATION], [own.argmax(1), other.argmax(1)], -1
        )
        target[rows] = np.where(points_to >= 0, columns[points_to], -1)
    return kind, target


def _corrected(scores: np.ndarray, target: np.ndarray, unfound: np.ndarray) -> np.ndarray:
    """bool [D]: which detections the oracle makes hits: those with the best score of all that point to the same
    `unfound` truth, the first where several have it."""
    by_score = np.argsort(-scores, kind="stable")
    truths, first = np.unique(target[by_score], return_index=True)
    corrected = np.zeros(len(target), bool)
    corrected[by_score[first[truths >= 0]]] = unfound[truths[truths >= 0]]
    return corrected


def _put_right(matches: Matches, faulty: np.ndarray, new_class: np.ndarray) -> Matches:
    """`matches` without the `faulty` ones, bool [D]; but faulty ones that have a `new_class`, int [D], 0 for none, stay
    and are right in it."""
    fixed = faulty & (new_class > 0)
    keep = ~faulty | fixed
    return Matches(
        scores=matches.scores[keep],
        classes=np.where(fixed, new_class, matches.classes)[keep],
        correct=(matches.correct | fixed)[keep],
        truths=matches.truths,
    )


def _without(matches: Matches, absent: np.ndarray) -> Matches:
    """`matches` with truths of these classes, int [N] in 1..C, taken away."""
    return replace(matches, truths=matches.truths - np.bincount(absent, minlength=len(matches.truths) + 1)[1:])


def _cost(count: int, before: float, fixed: Matches) -> ErrorCost:
    if math.isnan(before):
        return ErrorCost(count, math.nan)
    after = average_precision(fixed)
    # No oracle lowers AP: less than 0 is the last digit of a mean over fewer classes.
    return ErrorCost(count, max((1.0 if math.isnan(after) else after) - before, 0.0))
