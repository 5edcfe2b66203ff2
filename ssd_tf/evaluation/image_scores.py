# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""How well a detector did on each picture, to look at the best and at the worst."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ssd_tf.evaluation.cocoeval import CORRECT, CROWD, WRONG, Verdicts, evaluate
from ssd_tf.evaluation.cocoeval import verdicts as verdicts_of


class PictureScore(NamedTuple):
    """Of one picture: right and wrong detections, truths that were missed, and F1 of them in [0, 1]."""

    image_id: Any
    correct: int
    wrong: int
    missed: int
    f1: float


def picture_scores(
    ground_truth: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    score_threshold: float = 0.3,
    verdicts: Verdicts | None = None,
) -> list[PictureScore]:
    """A PictureScore for each picture that has a truth, in the order of the images.

    F1 = 2 correct / (2 correct + wrong + missed). Matched as COCO does, at IoU 0.5: truths that are crowds and
    detections on them do not count. A picture without a truth has no F1 that says much, and is left out.

    Args:
      ground_truth: a COCO instances dict.
      results: COCO results; may be empty.
      score_threshold: detections with a lower score are left out.
      verdicts: of coco_metrics on these two, which saves a second matching; None works them out.

    Raises:
      ValueError: the ground truth lacks one of its three lists, or a result names an image or a category that the
        ground truth does not have.
    """
    if verdicts is None:
        verdicts = verdicts_of(evaluate(ground_truth, results, only_iou_50=True))
    # COCO matches the best scores first, so that those below the threshold have no say in what became of the others.
    kept = [(r, v) for r, v in zip(results, verdicts.detections, strict=True) if r["score"] >= score_threshold]
    correct = Counter(result["image_id"] for result, verdict in kept if verdict == CORRECT)
    wrong = Counter(result["image_id"] for result, verdict in kept if verdict == WRONG)
    annotations = ground_truth["annotations"]
    truths = Counter(a["image_id"] for a, verdict in zip(annotations, verdicts.truths, strict=True) if verdict != CROWD)
    # A correct detection is a truth that was found.
    return [
        PictureScore(
            k, correct[k], wrong[k], truths[k] - correct[k], 2 * correct[k] / (correct[k] + wrong[k] + truths[k])
        )
        for k in (image["id"] for image in ground_truth["images"])
        if truths[k]
    ]
