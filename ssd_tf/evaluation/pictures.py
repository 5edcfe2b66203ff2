# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""How well a detector did on each picture, to look at the best and at the worst."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ssd_tf.evaluation.cocoeval import CORRECT, MISSED, WRONG, evaluate, verdicts


class PictureScore(NamedTuple):
    """Of one picture: right and wrong detections, truths that were missed, and F1 of them in [0, 1]."""

    image_id: Any
    correct: int
    wrong: int
    missed: int
    f1: float


def picture_scores(
    ground_truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]], score_threshold: float = 0.3
) -> list[PictureScore]:
    """A PictureScore for each picture that has a truth, in the order of the images.

    F1 = 2 correct / (2 correct + wrong + missed). Matched as COCO does, at IoU 0.5: truths that are crowds and
    detections on them do not count. A picture without a truth has no F1 that says much, and is left out.

    Args:
      ground_truth: a COCO instances dict.
      results: COCO results; may be empty.
      score_threshold: detections with a lower score are left out.

    Raises:
      ValueError: the ground truth lacks one of its three lists, or a result names an image or a category that the
        ground truth does not have.
    """
    results = [result for result in results if result["score"] >= score_threshold]
    verdict = verdicts(evaluate(ground_truth, results, only_iou_50=True))
    correct = Counter(r["image_id"] for r, v in zip(results, verdict.detections, strict=True) if v == CORRECT)
    wrong = Counter(r["image_id"] for r, v in zip(results, verdict.detections, strict=True) if v == WRONG)
    annotations = ground_truth["annotations"]
    missed = Counter(a["image_id"] for a, v in zip(annotations, verdict.truths, strict=True) if v == MISSED)
    # A correct detection is a truth that was found.
    return [
        PictureScore(k, correct[k], wrong[k], missed[k], 2 * correct[k] / (2 * correct[k] + wrong[k] + missed[k]))
        for k in (image["id"] for image in ground_truth["images"])
        if correct[k] + missed[k]
    ]
