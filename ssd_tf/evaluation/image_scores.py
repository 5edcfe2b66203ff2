# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""How well a detector did on each image, to look at the best and at the worst."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ssd_tf.data.formats.coco_results import Results
from ssd_tf.evaluation.coco_matching import CORRECT, CROWD, WRONG, Outcomes, match


class ImageScore(NamedTuple):
    """Of one image: right and wrong detections, truths that were missed, and F1 of them in [0, 1]."""

    image_id: Any
    correct: int
    wrong: int
    missed: int
    f1: float


def image_scores(
    ground_truth: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    score_threshold: float = 0.3,
    outcomes: Outcomes | None = None,
) -> list[ImageScore]:
    """An ImageScore for each image that has a truth, in the order of the images.

    F1 = 2 correct / (2 correct + wrong + missed). Matched as COCO does, at IoU 0.5: truths that are crowds and
    detections on them do not count. An image without a truth has no F1 that says much, and is left out.

    Args:
      ground_truth: a COCO instances dict.
      results: COCO results; may be empty.
      score_threshold: detections with a lower score are left out.
      outcomes: of coco_metrics on these two, which saves a second matching; None works them out.

    Raises:
      ValueError: the ground truth lacks one of its three lists, or a result names an image or a category that the
        ground truth does not have.
    """
    results = Results.of(results)
    outcomes = outcomes or match(ground_truth, results)
    # COCO matches the best scores first, so that those below the threshold have no say in what became of the others.
    kept = results.scores >= score_threshold
    correct = Counter(results.image_ids[kept & (outcomes.detections == CORRECT)].tolist())
    wrong = Counter(results.image_ids[kept & (outcomes.detections == WRONG)].tolist())
    annotations = ground_truth["annotations"]
    truths = Counter(a["image_id"] for a, outcome in zip(annotations, outcomes.truths, strict=True) if outcome != CROWD)
    # A correct detection is a truth that was found.
    return [
        ImageScore(
            k, correct[k], wrong[k], truths[k] - correct[k], 2 * correct[k] / (correct[k] + wrong[k] + truths[k])
        )
        for k in (image["id"] for image in ground_truth["images"])
        if truths[k]
    ]
