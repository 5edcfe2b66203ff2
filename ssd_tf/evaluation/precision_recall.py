# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Which detections are right, and what precision and recall a score threshold gives.

Right as COCO matches at IoU 0.5: best score first, each detection takes the truth of its class that it overlaps most
and that is still free. Letters: D detections, C classes, T thresholds.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import hotcoco.metrics
import numpy as np

from ssd_tf.data.formats.coco_results import Results
from ssd_tf.evaluation.coco_matching import CORRECT, CROWD, IGNORED, Outcomes, class_indices
from ssd_tf.utils.errors import UserError

# A threshold that is to be typed has so many decimals; of float32 more than eight say nothing.
_DECIMALS, _MOST_DECIMALS = 2, 8
# What F1 may lose for a short number: it is shown with two decimals.
_NEARLY = 0.005


@dataclass(frozen=True, eq=False)
class Matches:
    """All detections that count, in the order of the results, and how many truths there were to find.

    Left out are detections on crowds and those beyond the best 100 of an image and class.

    Attributes:
      scores: float64 [D].
      classes: int64 [D], 1..C in the order of the ascending category ids.
      correct: bool [D].
      truths: int64 [C], the truths that are not crowds; class k is at k - 1.
    """

    scores: np.ndarray
    classes: np.ndarray
    correct: np.ndarray
    truths: np.ndarray


class PrecisionRecall(NamedTuple):
    """Of the detections with score >= threshold, for each threshold, [T]: three counts int64, the rest float64.

    `precision` is 1 where nothing is found: nothing found is nothing wrong, and a curve over rising thresholds ends
    at 1 instead of dropping to 0. `recall` is nan where there is no truth.
    """

    thresholds: np.ndarray
    true_positives: np.ndarray
    false_positives: np.ndarray
    false_negatives: np.ndarray
    precision: np.ndarray
    recall: np.ndarray


class BestThreshold(NamedTuple):
    """The score threshold with the highest F1, and what it gives; all in [0, 1]."""

    threshold: float
    f1: float
    precision: float
    recall: float


def matches_of(outcomes: Outcomes, ground_truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> Matches:
    """Matches out of the outcomes on `results`; the arguments belong together."""
    counted = outcomes.detections != IGNORED
    truths = class_indices(ground_truth, ground_truth["annotations"])[outcomes.truths != CROWD]
    return Matches(
        scores=Results.of(results).scores[counted],
        classes=class_indices(ground_truth, results)[counted],
        correct=(outcomes.detections == CORRECT)[counted],
        truths=np.bincount(truths, minlength=len(ground_truth["categories"]) + 1)[1:],
    )


def average_precision(matches: Matches) -> float:
    """AP at IoU 0.5, the mean over the classes that have truth; nan where none has.

    It is the AP50 of coco_metrics. Of equal scores the first in `matches` comes first, as in COCO where `matches` is in
    the order of the image ids.
    """
    of_classes = []
    for k in np.flatnonzero(matches.truths) + 1:
        ours = matches.classes == k
        order = np.argsort(-matches.scores[ours], kind="stable")
        found = hotcoco.metrics.average_precision(
            matches.scores[ours][order], matches.correct[ours][order], int(matches.truths[k - 1])
        )
        of_classes.append(found)
    return float(np.mean(of_classes)) if of_classes else math.nan


def precision_recall(
    matches: Matches, class_index: int | None, thresholds: Sequence[float] | np.ndarray
) -> PrecisionRecall:
    """Precision and recall at IoU 0.5 of the detections that a score threshold keeps.

    Args:
      matches: of coco_metrics.
      class_index: 1..C, or None: all classes together, where every detection weighs the same (micro average).
      thresholds: [T], in any order.

    Raises:
      ValueError: there is no such class.
    """
    scores, correct, truths = _of_class(matches, class_index)
    order = np.argsort(scores, kind="stable")
    # Entry i: how many of the i lowest scores are right. What a threshold keeps is all but the lower ones.
    right_below = np.concatenate([[0], np.cumsum(correct[order])])
    thresholds = np.asarray(thresholds, np.float64)
    below = np.searchsorted(scores[order], thresholds, side="left")
    true_positives = right_below[-1] - right_below[below]
    kept = len(scores) - below
    return PrecisionRecall(
        thresholds,
        true_positives,
        kept - true_positives,
        truths - true_positives,
        np.where(kept > 0, true_positives / np.maximum(kept, 1), 1.0),
        true_positives / truths if truths else np.full(len(thresholds), math.nan),
    )


def best_threshold(matches: Matches, class_index: int | None) -> BestThreshold:
    """The score threshold with the highest F1 = 2 TP / (2 TP + FP + FN): an answer to "which threshold do I use?".

    It is the score of a detection, the highest where several give the same F1. All four are nan where there is no
    truth; the threshold is nan, precision 1 and the others 0, where no detection is right.

    Args:
      matches: of coco_metrics.
      class_index: 1..C, or None for one threshold for all classes together.

    Raises:
      ValueError: there is no such class.
    """
    scores, correct, truths = _of_class(matches, class_index)
    if not truths:
        return BestThreshold(math.nan, math.nan, math.nan, math.nan)
    if not correct.any():
        return BestThreshold(math.nan, 0.0, 1.0, 0.0)
    # Unique gives ascending scores; the first of the highest is wanted from above.
    curve = precision_recall(matches, class_index, np.unique(scores)[::-1])
    hits = 2 * curve.true_positives
    f1 = hits / (hits + curve.false_positives + curve.false_negatives)
    best = int(np.argmax(f1))
    return BestThreshold(*(float(x[best]) for x in (curve.thresholds, f1, curve.precision, curve.recall)))


def usable_threshold(best: BestThreshold, matches: Matches, class_index: int | None) -> BestThreshold:
    """The best threshold as a number for --score_threshold: programs keep the detections above it, not one at it.

    Args:
      best: of `best_threshold` with the other arguments.
      matches: of coco_metrics.
      class_index: 1..C, or None.

    Returns:
      A threshold that is lower than the best score, of two decimals, or of as many more as keep F1 within 0.005 of the
      best; and what it gives. Where the best threshold is nan, `best` itself.
    """
    if math.isnan(best.threshold):
        return best
    usable = best
    for decimals in range(_DECIMALS, _MOST_DECIMALS + 1):
        usable = above_threshold(matches, class_index, _below(best.threshold, decimals))
        if usable.f1 >= best.f1 - _NEARLY:
            break
    return usable


def above_threshold(matches: Matches, class_index: int | None, threshold: float) -> BestThreshold:
    """What the detections with score > threshold give, as programs compare the two: in float32.

    The arguments are those of `precision_recall`. F1 is 0 where there is neither a truth nor a detection.
    """
    lowest = np.nextafter(np.float32(threshold), np.float32(np.inf))
    curve = precision_recall(matches, class_index, [float(lowest)])
    hits = 2 * int(curve.true_positives[0])
    f1 = hits / max(hits + int(curve.false_positives[0]) + int(curve.false_negatives[0]), 1)
    return BestThreshold(threshold, f1, float(curve.precision[0]), float(curve.recall[0]))


def _below(score: float, decimals: int) -> float:
    """The highest number of so many decimals that is lower than the score, in float32 too; 0 where that is negative."""
    steps = math.floor(score * 10**decimals)
    while steps > 0 and np.float32(steps / 10**decimals) >= np.float32(score):
        steps -= 1
    return steps / 10**decimals


def _of_class(matches: Matches, class_index: int | None) -> tuple[np.ndarray, np.ndarray, int]:
    """Scores and hits of the class's detections, and the number of its truths."""
    if class_index is None:
        return matches.scores, matches.correct, int(matches.truths.sum())
    if not 1 <= class_index <= len(matches.truths):
        raise UserError(f"Expected a class in 1..{len(matches.truths)} or None. Received: class_index={class_index}")
    ours = matches.classes == class_index
    return matches.scores[ours], matches.correct[ours], int(matches.truths[class_index - 1])
