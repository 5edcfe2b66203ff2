# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The evaluation that a report is about, and all that is worked out of it."""

import pathlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from ssd_tf.data.formats.coco_results import Results
from ssd_tf.data.manifest import Manifest, load_manifest, notes
from ssd_tf.evaluation.as_annotated import notes_as_annotated
from ssd_tf.evaluation.confusion import confusion_matrix
from ssd_tf.evaluation.error_analysis import Errors, analyse_errors
from ssd_tf.evaluation.evaluator import Evaluation, evaluate_split
from ssd_tf.evaluation.image_scores import ImageScore, image_scores
from ssd_tf.evaluation.precision_recall import BestThreshold, best_threshold
from ssd_tf.inference.load import load_predictor_for
from ssd_tf.report.advice import Advice, advise
from ssd_tf.report.example_images import MAX_EXAMPLES, ExampleImage, draw_examples, worst_and_best
from ssd_tf.report.training_split import HashingPredictor, TrainingSplit, look_at_training
from ssd_tf.specs import DetectorSpec

# As COCO: up to 32 x 32 square pixels is small, up to 96 x 96 medium.
_SMALL, _MEDIUM = 32**2, 96**2


class Scored(NamedTuple):
    """A checkpoint on a split.

    Attributes:
      evaluation: COCO's numbers, with the detections and the ground truth they are of.
      confusion: int64 [C + 1, C + 1], of the detections with at least the report's score threshold.
      errors: what is wrong, and what it costs.
      best_threshold: the score threshold with the best F1, over all classes.
      boxes_by_size: "small", "medium", "large" -> number of true boxes.
      worst_images, best_images: images with boxes, the worst and the best first.
      notes: what of the annotations is not in the numbers.
      advice: what keeps the detector from being better.
      advised_images: those that advice has places in, with what lies there.
    """

    evaluation: Evaluation
    confusion: np.ndarray
    errors: Errors
    best_threshold: BestThreshold
    boxes_by_size: dict[str, int]
    worst_images: list[ExampleImage]
    best_images: list[ExampleImage]
    notes: tuple[str, ...] = ()
    advice: tuple[Advice, ...] = ()
    advised_images: tuple[ExampleImage, ...] = ()


def score_checkpoint(
    checkpoint: str,
    data_dir: str | pathlib.Path,
    split: str,
    batch_size: int,
    score_threshold: float,
    settings: Mapping[str, Any],
) -> Scored:
    """Runs the checkpoint on every image of the split, and looks at what it found.

    Args:
      checkpoint, data_dir, split: what is scored on what.
      batch_size: images in a step.
      score_threshold: of the confusion matrix and of images.
      settings: of the run, as config.json has them: whether records that cannot be read are left out, and the split
        of training, to compare with. Empty where they are not known.

    Raises:
      FileNotFoundError, ValueError: there is no such split, or it does not fit the model.
    """
    manifest = load_manifest(data_dir, split)
    predictor = load_predictor_for(checkpoint, manifest)
    hashing = HashingPredictor(predictor)
    skips = bool(settings.get("skip_bad_records"))
    evaluation = evaluate_split(hashing, data_dir, manifest, predictor.spec, batch_size, skips)
    training = None
    if settings.get("data_dir"):
        trained_on = str(settings["data_dir"]), str(settings.get("train_split", "train"))
        training = look_at_training(predictor, *trained_on, str(data_dir), manifest, hashing.hashes, batch_size)
    return look_into(evaluation, data_dir, manifest, score_threshold, predictor.spec, training, settings)


def look_into(
    evaluation: Evaluation,
    data_dir: str | pathlib.Path,
    manifest: Manifest,
    score_threshold: float,
    spec: DetectorSpec,
    training: TrainingSplit | None = None,
    settings: Mapping[str, Any] = MappingProxyType({}),
) -> Scored:
    """What a report says of an evaluation; `data_dir` and `manifest` are of the split, for its images."""
    truth, results = evaluation.ground_truth, evaluation.results
    # COCO's matching is not made again: all that follows uses the one that was made for the metrics.
    outcomes = evaluation.metrics.outcomes
    worst, best = worst_and_best(image_scores(truth, results, score_threshold, outcomes))
    drawn = draw_examples([*worst, *best], evaluation, data_dir, manifest, score_threshold)  # the split is read once
    best_score = best_threshold(evaluation.metrics.matches, None)
    advice = advise(evaluation, spec, best_score, score_threshold, training, str(data_dir), settings)
    return Scored(
        evaluation,
        confusion_matrix(truth, results, score_threshold),
        analyse_errors(truth, results, outcomes),
        best_score,
        count_sizes(truth["annotations"]),
        [image for image in drawn if image.score in worst],
        [image for image in drawn if image.score in best],
        (*notes(manifest), *notes_as_annotated(manifest, evaluation)),
        tuple(advice),
        tuple(_advised_images(advice, evaluation, data_dir, manifest)),
    )


def _advised_images(
    advice: Sequence[Advice], evaluation: Evaluation, data_dir: str | pathlib.Path, manifest: Manifest
) -> list[ExampleImage]:
    """The images of the surest places, each with all places in it."""
    places = [place for one in advice for place in one.places]
    if not places:
        return []
    results = Results.of(evaluation.results).take(np.array(places))
    ids = list(dict.fromkeys(results.image_ids.tolist()))[:MAX_EXAMPLES]
    of_image = {score.image_id: score for score in image_scores(evaluation.ground_truth, [])}
    scores = [of_image.get(image_id, ImageScore(image_id, 0, 0, 0, 0.0)) for image_id in ids]
    return draw_examples(scores, evaluation._replace(results=results), data_dir, manifest, 0.0)


def count_sizes(annotations: list[dict[str, Any]]) -> dict[str, int]:
    """How many boxes that are no crowds are small, medium and large, by their area."""
    areas = np.array([annotation["area"] for annotation in annotations if not annotation["iscrowd"]])
    small, medium = int((areas <= _SMALL).sum()), int(((areas > _SMALL) & (areas <= _MEDIUM)).sum())
    return {"small": small, "medium": medium, "large": len(areas) - small - medium}
