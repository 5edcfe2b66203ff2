# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The same images through several forms of a model -> a row for each: AP, differences, speed, size, memory.

ssd_tf/performance/comparison_report.py makes a table and a plot of them.
"""

import dataclasses
import math
import pathlib
import tempfile
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from absl import logging

from ssd_tf.data.bad_examples import NO_FAULT, BadExamples
from ssd_tf.data.examples import EvalBatch
from ssd_tf.data.formats.coco_results import Results, coco_results
from ssd_tf.data.manifest import Manifest
from ssd_tf.data.pipeline import eval_dataset
from ssd_tf.evaluation.coco_metrics import coco_metrics
from ssd_tf.evaluation.evaluator import add_ground_truth
from ssd_tf.export.exported import find_exported
from ssd_tf.geometry import box_ops
from ssd_tf.geometry.detections import Detections
from ssd_tf.performance.measuring import Measurement, measure
from ssd_tf.specs import DetectorSpec
from ssd_tf.utils.errors import UserError
from ssd_tf.weights.model_dir import find_checkpoint
from ssd_tf.weights.published import is_published, local_file

# Two detections of a class are the same object where they overlap at least so much.
SAME_IOU = 0.5


@dataclasses.dataclass(frozen=True)
class Row:
    """What is said of one form.

    Attributes:
      ap, ap50: COCO's.
      kept: ap, as a fraction of the first form's; NaN where that is 0.
      partners: of the detections of the first form and of this one, the fraction that both have: same class, IoU from
        0.5. So what this one misses counts, and so does what it finds alone.
      box_difference, score_difference: the largest among partners; boxes are normalised.
      p50_ms, p99_ms: of one image, from pixels to detections.
      file_mb, peak_mb: megabytes on disk, and of the host's memory in a process of its own.
    """

    name: str
    ap: float
    ap50: float
    kept: float
    partners: float
    box_difference: float
    score_difference: float
    p50_ms: float
    p99_ms: float
    file_mb: float
    peak_mb: float


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A row for each form, in the order of the models, and how many images each form has seen."""

    rows: list[Row]
    num_images: int


def compare(
    models: dict[str, str],
    data_dir: str | pathlib.Path,
    manifest: Manifest,
    spec: DetectorSpec,
    on_row: Callable[[str], None] = lambda name: None,
) -> Comparison:
    """Runs each model over all images of the split that can be decoded, one image at a time.

    Args:
      models: path by name; the others are compared with the first.
      data_dir: where the split lies.
      manifest: of the split.
      spec: of the detector of all models.
      on_row: called with the name of the model that is next.

    Raises:
      ValueError: the split has no image that can be decoded, or a record that cannot be read.
      ChildProcessError: a model cannot be run.
    """
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        image_file = pathlib.Path(folder) / "images"
        batches = _write_images(image_file, data_dir, manifest, spec)
        reference: Measurement | None = None
        for name, path in models.items():
            on_row(name)
            measured = measure(path, image_file, spec.image_size)
            reference = reference or measured
            ap, ap50 = _score(measured, batches, manifest)
            partners, boxes, scores = differences(reference, measured)
            p50, p99 = np.percentile(measured.seconds * 1e3, [50, 99])
            first = rows[0].ap if rows else ap
            sizes = (file_bytes(path) / 1e6, measured.peak_bytes / 1e6)
            kept = ap / first if first > 0 else float("nan")
            rows.append(Row(name, ap, ap50, kept, partners, boxes, scores, p50, p99, *sizes))
    return Comparison(rows, len(batches))


def _write_images(
    path: pathlib.Path, data_dir: str | pathlib.Path, manifest: Manifest, spec: DetectorSpec
) -> list[EvalBatch]:
    """Writes the pixels to a file; returns the rest of what is known of each image."""
    batches = []
    bad_examples = BadExamples(data_dir, manifest, skip_bad_records=False)
    with path.open("wb") as file:
        for batch in eval_dataset(data_dir, manifest, spec, 1).as_numpy_iterator():
            bad_examples.add(batch.record, batch.fault)
            if batch.fault[0] == NO_FAULT:
                file.write(batch.images.tobytes())
                batches.append(batch._replace(images=np.empty(0)))
    if bad_examples.records:
        logging.warning("%s", bad_examples.summary())
    if not batches:
        raise UserError(
            f"expected images that can be decoded. Received: split {manifest.split!r} in {data_dir}, which has none"
        )
    return batches


def _score(measured: Measurement, batches: list[EvalBatch], manifest: Manifest) -> tuple[float, float]:
    categories = [{"id": c.id, "name": c.name} for c in manifest.categories]
    ground_truth = {"images": [], "annotations": [], "categories": categories}
    results = []
    for place, batch in enumerate(batches):
        add_ground_truth(ground_truth, batch, 0)
        found = Detections(
            measured.boxes[place][None],
            measured.scores[place][None],
            measured.classes[place][None],
            np.array([len(measured.scores[place])]),
        )
        image_id, height, width = int(batch.source_id[0]), int(batch.height[0]), int(batch.width[0])
        results.append(coco_results(found, 0, manifest.categories, image_id, height, width))
    summary = coco_metrics(ground_truth, Results.joined(results)).summary
    ap, ap50 = (math.nan if summary[key] < 0 else summary[key] for key in ("AP", "AP50"))
    return ap, ap50


def differences(reference: Measurement, other: Measurement) -> tuple[float, float, float]:
    """How far two models agree.

    Returns:
      The fraction of the detections of both that have a partner (1 where neither has any), the largest difference of
      partners' boxes, and that of their scores.
    """
    pairs, count, box_difference, score_difference = 0, 0, 0.0, 0.0
    for place, scores in enumerate(reference.scores):
        count += len(scores) + len(other.scores[place])
        ours, theirs = _partners(reference, other, place)
        if len(ours):
            pairs += len(ours)
            boxes = np.abs(reference.boxes[place][ours] - other.boxes[place][theirs]).max()
            box_difference = max(box_difference, float(boxes))
            apart = np.abs(scores[ours] - other.scores[place][theirs]).max()
            score_difference = max(score_difference, float(apart))
    return 2 * pairs / count if count else 1.0, box_difference, score_difference


def _partners(reference: Measurement, other: Measurement, place: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of partners in an image: each detection of the reference, best first, takes the one it overlaps most."""
    if not len(reference.scores[place]) or not len(other.scores[place]):
        return np.empty(0, int), np.empty(0, int)
    iou = np.array(box_ops.iou(tf.constant(reference.boxes[place]), tf.constant(other.boxes[place])))
    iou[reference.classes[place][:, None] != other.classes[place]] = 0.0
    pairs = []
    for ours in range(len(iou)):
        theirs = int(iou[ours].argmax())
        if iou[ours, theirs] >= SAME_IOU:
            pairs.append((ours, theirs))
            iou[:, theirs] = 0.0
    places = np.array(pairs, int).reshape(-1, 2)
    return places[:, 0], places[:, 1]


def file_bytes(path: str | pathlib.Path) -> int:
    """Bytes on disk of the one model that a --model means: the version that is run, or the checkpoint's weights.

    Raises:
      FileNotFoundError: there is no model.
    """
    if is_published(path):
        files = [local_file(path)]
    elif found := find_exported(pathlib.Path(path)):
        files = found.rglob("*") if found.is_dir() else [found]
    else:
        prefix = pathlib.Path(find_checkpoint(path)[1])
        files = prefix.parent.glob(prefix.name + ".*")
    return sum(file.stat().st_size for file in files if file.is_file())
