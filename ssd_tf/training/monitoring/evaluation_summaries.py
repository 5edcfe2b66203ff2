# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What TensorBoard shows of an evaluation, beside COCO's twelve numbers."""

import collections
import pathlib
from collections.abc import Sequence

import numpy as np

from ssd_tf.data.manifest import Manifest
from ssd_tf.data.previews import read_images
from ssd_tf.drawing.side_by_side import side_by_side
from ssd_tf.evaluation.coco_matching import by_image, places_by_id
from ssd_tf.evaluation.coco_metrics import ClassResult
from ssd_tf.evaluation.confusion import confusion_matrix
from ssd_tf.evaluation.evaluator import Evaluation
from ssd_tf.evaluation.precision_recall import precision_recall
from ssd_tf.plots.confusion_chart import confusion_figure
from ssd_tf.plots.rendering import to_image
from ssd_tf.training.monitoring.event_log import Monitor

# The tag of all classes together.
_ALL = "all classes"
# Of the curves, evenly spread over 0..1, as TensorBoard expects them.
_THRESHOLDS = np.linspace(0, 1, 101)
# Images, the same ones at each evaluation, and their longer side in pixels.
NUM_IMAGES, _MAX_SIDE = 16, 320


def report_evaluation(
    monitor: Monitor, step: int, evaluation: Evaluation, data_dir: str | pathlib.Path, manifest: Manifest
) -> None:
    """Writes AP of each class, precision over recall, the confusion matrix, scores, and images with boxes.

    Args:
      data_dir, manifest: the split that was evaluated.
    """
    metrics, results, ground_truth = evaluation
    names = [result.name for result in metrics.per_class]
    tags = _tags(metrics.per_class)
    known = [k for k, truths in enumerate(metrics.matches.truths, start=1) if truths]
    monitor.scalars(step, {f"val_class_AP/{tags[k - 1]}": metrics.per_class[k - 1].ap for k in known})
    for k in known:
        monitor.pr_curve(f"val_pr/{tags[k - 1]}", step, precision_recall(metrics.matches, k, _THRESHOLDS))
    if known:
        monitor.pr_curve(f"val_pr/{_ALL}", step, precision_recall(metrics.matches, None, _THRESHOLDS))
    monitor.histogram("val_scores/correct", step, metrics.matches.scores[metrics.matches.correct])
    monitor.histogram("val_scores/wrong", step, metrics.matches.scores[~metrics.matches.correct])
    monitor.image("val/confusion", step, to_image(confusion_figure(confusion_matrix(ground_truth, results), names)))
    annotations, places_of = by_image(ground_truth["annotations"]), places_by_id(results.image_ids)
    sizes = {image["id"]: (image["height"], image["width"]) for image in ground_truth["images"]}
    for image_id, preview in read_images(data_dir, manifest, limit=NUM_IMAGES, max_side=_MAX_SIDE).items():
        if image_id in sizes:
            objects = annotations[image_id], results.take(places_of[image_id])
            shown = side_by_side(preview.image, sizes[image_id], *objects, ground_truth["categories"])
            monitor.image(f"val_pictures/{image_id}", step, shown)


def _tags(classes: Sequence[ClassResult]) -> list[str]:
    """A name for each class that no other has: its own, with its id where that is not enough."""
    names = collections.Counter([_ALL, "", *(result.name for result in classes)])
    return [
        result.name if names[result.name] == 1 else f"{result.name} ({result.category_id})".lstrip()
        for result in classes
    ]
