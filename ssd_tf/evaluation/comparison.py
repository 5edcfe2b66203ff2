# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The same pictures through several forms of a model -> one table: AP, differences, speed, size, memory."""

import csv
import dataclasses
import pathlib
import tempfile
from collections.abc import Callable

import matplotlib
import numpy as np

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import tensorflow as tf

from ssd_tf.data.faults import NO_FAULT
from ssd_tf.data.manifest import Manifest
from ssd_tf.data.pipeline import EvalBatch, eval_dataset
from ssd_tf.evaluation.coco import coco_metrics
from ssd_tf.evaluation.evaluator import add_ground_truth, coco_results
from ssd_tf.evaluation.measuring import Measurement, measure
from ssd_tf.files import atomic_path, write_atomically
from ssd_tf.geometry import boxes as box_ops
from ssd_tf.geometry.detections import SCORE_THRESHOLD, Detections
from ssd_tf.model_dir import find_checkpoint

# Two detections of a class are the same object where they overlap at least so much.
SAME_IOU = 0.5


@dataclasses.dataclass(frozen=True)
class Row:
    """What is said of one form.

    Attributes:
      ap, ap50: COCO's.
      kept: ap, as a share of the first form's.
      partners: share of the first form's detections that this one has too: same class, IoU from 0.5.
      box_difference, score_difference: the largest among partners; boxes are normalised.
      p50_ms, p99_ms: of one picture, from pixels to detections.
      file_mb, peak_mb: megabytes on disk, and of memory in a process of its own.
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


def compare(
    models: dict[str, str],
    data_dir: str | pathlib.Path,
    manifest: Manifest,
    image_size: int,
    on_row: Callable[[str], None] = lambda name: None,
) -> list[Row]:
    """A row for each model, over all pictures of the split, one picture at a time.

    Args:
      models: path by name; the others are compared with the first.
      data_dir: where the split lies.
      manifest: of the split.
      image_size: S of all models.
      on_row: called with the name of the model that is next.

    Raises:
      ValueError: the split has no picture that can be read.
      ChildProcessError: a model cannot be run.
    """
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        pictures = pathlib.Path(folder) / "pictures"
        batches = _write_pictures(pictures, data_dir, manifest, image_size)
        reference: Measurement | None = None
        for name, path in models.items():
            on_row(name)
            measured = measure(path, pictures, image_size, SCORE_THRESHOLD)
            reference = reference or measured
            ap, ap50 = _score(measured, batches, manifest)
            partners, boxes, scores = differences(reference, measured)
            p50, p99 = np.percentile(measured.seconds * 1e3, [50, 99])
            first = rows[0].ap if rows else ap
            sizes = (_file_bytes(path) / 1e6, measured.peak_bytes / 1e6)
            kept = ap / first if first > 0 else float("nan")
            rows.append(Row(name, ap, ap50, kept, partners, boxes, scores, p50, p99, *sizes))
    return rows


def _write_pictures(
    path: pathlib.Path, data_dir: str | pathlib.Path, manifest: Manifest, image_size: int
) -> list[EvalBatch]:
    """Writes the pixels to a file; returns the rest of what is known of each picture."""
    batches = []
    with path.open("wb") as file:
        for batch in eval_dataset(data_dir, manifest, image_size, 1).as_numpy_iterator():
            if batch.fault[0] == NO_FAULT:
                file.write(batch.images.tobytes())
                batches.append(batch._replace(images=np.empty(0)))
    if not batches:
        raise ValueError(f"split {manifest.split} in {data_dir} has no picture that can be read")
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
        results.extend(coco_results(found, 0, manifest.categories, image_id, height, width))
    summary = coco_metrics(ground_truth, results).summary
    return summary["AP"], summary["AP50"]


def differences(reference: Measurement, other: Measurement) -> tuple[float, float, float]:
    """Share of the reference's detections with a partner; the partners' largest difference of boxes, and of scores."""
    pairs, count, box_difference, score_difference = 0, 0, 0.0, 0.0
    for place, scores in enumerate(reference.scores):
        count += len(scores)
        ours, theirs = _partners(reference, other, place)
        if len(ours):
            pairs += len(ours)
            boxes = np.abs(reference.boxes[place][ours] - other.boxes[place][theirs]).max()
            box_difference = max(box_difference, float(boxes))
            apart = np.abs(scores[ours] - other.scores[place][theirs]).max()
            score_difference = max(score_difference, float(apart))
    return pairs / count if count else 1.0, box_difference, score_difference


def _partners(reference: Measurement, other: Measurement, place: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of partners in a picture: each detection of the reference, best first, takes the one it overlaps most."""
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


def _file_bytes(path: str) -> int:
    found = pathlib.Path(path)
    if (found / "config.json").is_file() or not found.exists():  # a checkpoint: of a model_dir the weights count
        prefix = pathlib.Path(find_checkpoint(path)[1])
        files = prefix.parent.glob(prefix.name + ".*")
    else:
        files = found.rglob("*") if found.is_dir() else [found]
    return sum(file.stat().st_size for file in files if file.is_file())


_HEADS = {
    "name": "form",
    "ap": "AP",
    "ap50": "AP50",
    "kept": "AP kept",
    "partners": "same detections",
    "box_difference": "boxes differ by",
    "score_difference": "scores differ by",
    "p50_ms": "ms p50",
    "p99_ms": "ms p99",
    "file_mb": "file MB",
    "peak_mb": "memory MB",
}
_FORMATS = {
    "name": "{}",
    "ap": "{:.3f}",
    "ap50": "{:.3f}",
    "kept": "{:.1%}",
    "partners": "{:.1%}",
    "box_difference": "{:.1g}",
    "score_difference": "{:.1g}",
    "p50_ms": "{:.0f}",
    "p99_ms": "{:.0f}",
    "file_mb": "{:.1f}",
    "peak_mb": "{:.0f}",
}


def markdown(rows: list[Row], title: str) -> str:
    """The table, for a README."""
    lines = [title, "", "| " + " | ".join(_HEADS.values()) + " |", "|---" * len(_HEADS) + "|"]
    for row in rows:
        values = (_FORMATS[name].format(getattr(row, name)) for name in _HEADS)
        lines.append("| " + " | ".join(values) + " |")
    return "\n".join(lines) + "\n"


def write_report(rows: list[Row], title: str, output_dir: str | pathlib.Path) -> None:
    """Writes compare.md, compare.csv (all digits) and compare.png into a folder."""
    output = pathlib.Path(output_dir)
    output.mkdir(parents=True, exist_ok=True)
    write_atomically(output / "compare.md", markdown(rows, title))
    with atomic_path(output / "compare.csv") as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(_HEADS))
        writer.writeheader()
        writer.writerows(dataclasses.asdict(row) for row in rows)
    with atomic_path(output / "compare.png") as temporary:
        figure = plot(rows, title)
        figure.savefig(temporary, format="png", dpi=120)
        plt.close(figure)


def plot(rows: list[Row], title: str):
    """A figure: a panel each for AP, time, file and memory, a bar for each form."""
    figure, panels = plt.subplots(1, 4, figsize=(13, 1.4 + 0.34 * len(rows)), sharey=True, layout="constrained")
    places = np.arange(len(rows))
    columns = (("ap", "AP", "{:.3f}"), ("p50_ms", "ms a picture (line: p99)", "{:.0f}"))
    columns += (("file_mb", "file, MB", "{:.1f}"), ("peak_mb", "peak memory, MB", "{:.0f}"))
    for axes, (field, label, form) in zip(panels, columns, strict=True):
        values = np.array([getattr(row, field) for row in rows])
        axes.barh(places, values, color="#4477aa")
        ends = values
        if field == "p50_ms":
            ends = np.array([row.p99_ms for row in rows])
            axes.hlines(places, values, ends, color="#222222", linewidth=1.5)
        for place, value, end in zip(places, values, ends, strict=True):
            axes.annotate(form.format(value), (end, place), (3, 0), textcoords="offset points", va="center", fontsize=8)
        axes.set_title(label, fontsize=10)
        axes.set_xlim(0, max(ends.max() * 1.25, 1e-9))
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_yticks(places, [row.name for row in rows])
    panels[0].invert_yaxis()
    figure.suptitle(title, fontsize=11)
    return figure
