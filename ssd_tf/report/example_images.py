# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The images that a detector does worst and best on: which they are, and what they look like with boxes."""

import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ssd_tf.data.formats.coco_results import Results
from ssd_tf.data.manifest import Manifest
from ssd_tf.data.previews import read_images
from ssd_tf.drawing.side_by_side import truth_and_found
from ssd_tf.evaluation.coco_matching import by_image, places_by_id
from ssd_tf.evaluation.evaluator import Evaluation
from ssd_tf.evaluation.image_scores import ImageScore

# Of each kind, and their longer side in pixels: sharp where two lie side by side in a window, and the file stays small.
MAX_EXAMPLES, _MAX_SIDE = 8, 640
# They are shown at about half of that size.
_TEXT_SCALE = 1.5


class ExampleImage(NamedTuple):
    """An image with its true and with its found boxes drawn, uint8 RGB of one size; and the categories of these.

    file_name: "" where it is not known.
    """

    score: ImageScore
    file_name: str
    truth: np.ndarray
    found: np.ndarray
    category_ids: frozenset[int]


def worst_and_best(scores: Sequence[ImageScore], most: int = MAX_EXAMPLES) -> tuple[list[ImageScore], list[ImageScore]]:
    """The lowest F1 first, then the highest first; no image is in both lists, and each has at most `most`.

    Of equal F1 the image with more mistakes is worse, and the one with more objects found is better.
    """
    count = min(most, -(-len(scores) // 2))
    worst = sorted(scores, key=lambda s: (s.f1, -(s.wrong + s.missed)))[:count]
    rest = [score for score in scores if score not in worst]
    return worst, sorted(rest, key=lambda s: (-s.f1, -s.correct))[:count]


def draw_examples(
    scores: Sequence[ImageScore],
    evaluation: Evaluation,
    data_dir: str | pathlib.Path,
    manifest: Manifest,
    score_threshold: float,
) -> list[ExampleImage]:
    """The images in the order of `scores`; those that cannot be read are left out."""
    ids = [score.image_id for score in scores]
    images = read_images(data_dir, manifest, ids, limit=len(ids), max_side=_MAX_SIDE)
    truth = evaluation.ground_truth
    sizes = {image["id"]: (image["height"], image["width"]) for image in truth["images"]}
    all_annotations = by_image(truth["annotations"])
    all_results = Results.of(evaluation.results)
    places_of = places_by_id(all_results.image_ids, all_results.scores >= score_threshold)
    drawn = []
    for score in scores:
        if score.image_id not in images:
            continue
        annotations, results = all_annotations[score.image_id], all_results.take(places_of[score.image_id])
        halves = truth_and_found(
            images[score.image_id].image,
            sizes[score.image_id],
            annotations,
            results,
            truth["categories"],
            score_threshold,
            _TEXT_SCALE,
        )
        category_ids = frozenset(row["category_id"] for row in (*annotations, *results))
        drawn.append(ExampleImage(score, images[score.image_id].file_name, *halves, category_ids))
    return drawn
