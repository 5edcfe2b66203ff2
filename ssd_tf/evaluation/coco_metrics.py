# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""COCO's twelve detection numbers, of all classes and of each, and the reports made of them.

hotcoco does the arithmetic of pycocotools (COCOeval, iouType "bbox"), bit for bit, so that the numbers are comparable
with those of other programs. Boxes here are COCO's [x, y, w, h] in pixels and category ids are the data
set's sparse ones: this is the far end of the program, where predictions leave it.
"""

import contextlib
import csv
import dataclasses
import io
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ssd_tf.data.formats.coco_results import Results
from ssd_tf.evaluation.coco_matching import Outcomes, evaluate, outcomes
from ssd_tf.evaluation.precision_recall import Matches, matches_of
from ssd_tf.evaluation.voc_metrics import VocMetrics, voc_metrics
from ssd_tf.utils.files import make_folder, write_atomically
from ssd_tf.utils.text import one_line

# What write_reports writes.
REPORT_FILES = ("metrics.json", "results.json", "per_class.csv")
SUMMARY_KEYS = (
    "AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"
)  # fmt: skip

_ALL = "all"
# What each of SUMMARY_KEYS was measured with: IoU thresholds, area in square pixels, detections.
_MEANINGS = (
    ("0.50:0.95", _ALL, 100),
    ("0.50", _ALL, 100),
    ("0.75", _ALL, 100),
    ("0.50:0.95", "small (up to 32 x 32)", 100),
    ("0.50:0.95", "medium (32 x 32 to 96 x 96)", 100),
    ("0.50:0.95", "large (from 96 x 96)", 100),
    ("0.50:0.95", _ALL, 1),
    ("0.50:0.95", _ALL, 10),
    ("0.50:0.95", _ALL, 100),
    ("0.50:0.95", "small (up to 32 x 32)", 100),
    ("0.50:0.95", "medium (32 x 32 to 96 x 96)", 100),
    ("0.50:0.95", "large (from 96 x 96)", 100),
)
# Where COCOeval.eval["precision"], [IoU, recall, class, area, detections], holds the main number.
_IOU_50, _MAX_DETECTIONS_100 = 0, 2
_ALL_AREAS, _SMALL, _MEDIUM, _LARGE = range(4)
# Decimals of what is written: a thousandth of a pixel, and five of a score.
_BBOX_DECIMALS, _SCORE_DECIMALS = 3, 5
# Of per_class.csv, for the fields of ClassResult in their order.
_COLUMNS: tuple[str, ...] = ("category_id", "name", "images", "boxes", "AP", "AP50", "APs", "APm", "APl")


@dataclass(frozen=True)
class ClassResult:
    """One class: its sparse id, what ground truth it has, and how well that was found.

    `boxes` counts the boxes that are not crowds, `images` the images that have one. The APs are in
    [0, 1], nan where the class has no ground truth (of that size, for the last three).
    """

    category_id: int
    name: str
    images: int
    boxes: int
    ap: float
    ap50: float
    ap_small: float
    ap_medium: float
    ap_large: float


# Arrays cannot be compared as a whole with ==.
@dataclass(frozen=True, eq=False)
class CocoMetrics:
    """What coco_metrics found.

    Attributes:
      summary: SUMMARY_KEYS -> [0, 1], or COCO's -1 where nothing is defined (no such boxes).
      per_class: every class of the ground truth, in the order of the category ids.
      num_images, num_detections: what went in, whether it counts or not.
      precision: float64 [10, 101, C]: at IoU 0.50, 0.55 ... 0.95, at recall 0, 0.01 ... 1, of each
        class as in `per_class`, all sizes; nan where the class has no ground truth. Its mean over a
        class is the class's AP.
      outcomes: what became of each detection and each truth at IoU 0.5, in the order in which they were given.
      matches: which detections are right at IoU 0.5, for score thresholds and histograms.
      voc: VOC's numbers of the same detections, by the kinds that were asked for (voc_metrics.py).
      undefined: why a number of the summary is -1, by its key.
    """

    summary: dict[str, float]
    per_class: tuple[ClassResult, ...]
    num_images: int
    num_detections: int
    precision: np.ndarray
    outcomes: Outcomes
    matches: Matches
    voc: Mapping[str, VocMetrics] = dataclasses.field(default_factory=dict)

    @property
    def undefined(self) -> dict[str, str]:
        area_of = {
            key: "" if area == _ALL else f"{area} " for key, (_, area, _) in zip(SUMMARY_KEYS, _MEANINGS, strict=True)
        }
        return {
            key: f"no image has a {area_of[key]}box that is not a crowd"
            for key, value in self.summary.items()
            if value < 0
        }


def coco_metrics(
    ground_truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]], voc: Sequence[str] = ()
) -> CocoMetrics:
    """Scores detections against ground truth as COCO does. Neither argument is changed.

    Args:
      ground_truth: a COCO instances dict: images, annotations, categories. Annotations without
        "iscrowd" are no crowds, those without "area" get width x height of their box. Images
        without annotations count: every detection on them is a false positive.
      results: COCO results, {image_id, category_id, bbox [x, y, w, h] in pixels, score} each; may
        be empty, which scores 0 wherever there is ground truth.
      voc: kinds of VOC's numbers to compute too, of VOC_KINDS. Only these look at "difficult".

    Raises:
      ValueError: the ground truth lacks one of its three lists, or a result names an image or a
        category that the ground truth does not have.
    """
    results = Results.of(results)
    evaluation = evaluate(ground_truth, results)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.accumulate()
        evaluation.summarize()
    curves: Any = evaluation.eval
    precision = curves["precision"][..., _ALL_AREAS, _MAX_DETECTIONS_100]
    outcome = outcomes(evaluation, ground_truth, results)
    return CocoMetrics(
        summary=dict(zip(SUMMARY_KEYS, map(float, evaluation.stats), strict=True)),
        per_class=_per_class(curves["precision"][..., _MAX_DETECTIONS_100], ground_truth),
        num_images=len(ground_truth["images"]),
        num_detections=len(results),
        precision=np.where(precision > -1, precision, math.nan),
        outcomes=outcome,
        matches=matches_of(outcome, ground_truth, results),
        voc=voc_metrics(ground_truth, results, voc) if voc else {},
    )


def summary_table(metrics: CocoMetrics, coco: bool = True) -> str:
    """The twelve numbers as plain text, one a line, each with what it was measured with, and those of VOC.

    A number that is not defined (-1: no such boxes in the ground truth) reads "n/a".

    Args:
      metrics: of coco_metrics.
      coco: False leaves COCO's numbers out.
    """
    rows = [
        (key, value_text(metrics.summary[key], 3), *meaning)
        for key, meaning in zip(SUMMARY_KEYS, _MEANINGS, strict=True)
        if coco
    ]
    rows += [(f"{kind} mAP", _decimals(voc.mean_ap), "0.50", "all", "all") for kind, voc in metrics.voc.items()]
    return _table(("metric", "value", "IoU", "area in pixels", "detections"), rows, "<><<>")


def value_text(value: float, digits: int = 4) -> str:
    """A number of the summary; "n/a" for COCO's -1, where nothing counts."""
    return "n/a" if value < 0 else f"{value:.{digits}f}"


def written_summary(summary: Mapping[str, float]) -> dict[str, float | None]:
    """The summary as files have it: None in place of COCO's -1, which a program would take for a number."""
    return {key: None if value < 0 else value for key, value in summary.items()}


def per_class_table(metrics: CocoMetrics, limit: int | None = None, coco: bool = True) -> str:
    """One line a class as plain text, the best AP first, classes without ground truth last.

    Args:
      metrics: of coco_metrics.
      limit: keep the best `limit` classes and say how many are left out; None keeps all.
      coco: False leaves COCO's numbers out.
    """
    ranked = sorted(metrics.per_class, key=lambda c: (math.isnan(c.ap), -c.ap, c.category_id))
    kept = ranked if limit is None else ranked[: max(limit, 0)]
    names = [*(("AP", "AP50") if coco else ()), *metrics.voc]
    numbers = [
        [*((c.ap, c.ap50) if coco else ()), *(voc.per_class[c.category_id] for voc in metrics.voc.values())]
        for c in kept
    ]
    rows = [
        (c.category_id, one_line(c.name), c.images, c.boxes, *map(_decimals, row))
        for c, row in zip(kept, numbers, strict=True)
    ]
    table = _table(("id", "class", "images", "boxes", *names), rows, "><>>" + ">" * len(names))
    left_out = len(ranked) - len(kept)
    return f"{table}\n... and {left_out} more" if left_out else table


def write_reports(
    metrics: CocoMetrics,
    results: Sequence[Mapping[str, Any]],
    output_dir: str | os.PathLike[str],
    notes: Sequence[str] = (),
) -> None:
    """Writes metrics.json, results.json and per_class.csv into `output_dir`, which is made.

    metrics.json has SUMMARY_KEYS, num_images and num_detections at its top level, and "per_class", a list of objects
    with the columns of per_class.csv: category_id, name, images, boxes, AP, AP50, APs, APm, APl. Where VOC's numbers
    were asked for, voc07_mAP and voc12_mAP are there too, and voc07_AP and voc12_AP of each class. What is not defined
    is null in JSON and empty in CSV; "undefined" then says why, by the names of the twelve numbers. "notes" is there
    where notes are given: what belongs beside the numbers, such as `manifest.notes`.
    results.json has the results `rounded`. Each file appears complete or not at all.

    Raises:
      OSError: the folder or a file cannot be written.
    """
    folder = Path(output_dir)
    make_folder(folder)
    rows = [_report_row(result, metrics.voc) for result in metrics.per_class]
    flat = {
        **written_summary(metrics.summary),
        **{f"{kind}_mAP": _or_none(voc.mean_ap) for kind, voc in metrics.voc.items()},
        "num_images": metrics.num_images,
        "num_detections": metrics.num_detections,
        "per_class": rows,
        **({"undefined": metrics.undefined} if metrics.undefined else {}),
        **({"notes": list(notes)} if notes else {}),
    }
    table = io.StringIO(newline="")
    columns = [*_COLUMNS, *(f"{kind}_AP" for kind in metrics.voc)]
    writer = csv.DictWriter(table, fieldnames=columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    metrics_file, results_file, table_file = (folder / name for name in REPORT_FILES)
    write_atomically(metrics_file, json.dumps(flat, indent=2, allow_nan=False) + "\n")
    write_atomically(results_file, json.dumps(rounded(results), default=_plain) + "\n")
    write_atomically(table_file, table.getvalue())


def rounded(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """COCO results as they are written: boxes to 3 decimals, scores to 5.

    For files alone. Rounded scores have ties that the detector's do not have, and so another AP.
    """
    return [
        {
            **result,
            "bbox": [round(float(value), _BBOX_DECIMALS) for value in result["bbox"]],
            "score": round(float(result["score"]), _SCORE_DECIMALS),
        }
        for result in results
    ]


def _per_class(precision: np.ndarray, ground_truth: Mapping[str, Any]) -> tuple[ClassResult, ...]:
    names = {category["id"]: category["name"] for category in ground_truth["categories"]}
    listed = {image["id"] for image in ground_truth["images"]}
    images_with_box: dict[int, list[Any]] = {category_id: [] for category_id in names}
    for truth in ground_truth["annotations"]:
        if truth["image_id"] in listed and not truth.get("iscrowd", 0):
            images_with_box.get(truth["category_id"], []).append(truth["image_id"])
    return tuple(
        ClassResult(
            category_id=category_id,
            name=names[category_id],
            images=len(set(images_with_box[category_id])),
            boxes=len(images_with_box[category_id]),
            ap=_mean_of_defined(precision[:, :, k, _ALL_AREAS]),
            ap50=_mean_of_defined(precision[_IOU_50, :, k, _ALL_AREAS]),
            ap_small=_mean_of_defined(precision[:, :, k, _SMALL]),
            ap_medium=_mean_of_defined(precision[:, :, k, _MEDIUM]),
            ap_large=_mean_of_defined(precision[:, :, k, _LARGE]),
        )
        for k, category_id in enumerate(sorted(names))
    )


def _mean_of_defined(precision: np.ndarray) -> float:
    defined = precision[precision > -1]
    return float(defined.mean()) if defined.size else math.nan


def _report_row(result: ClassResult, voc: Mapping[str, VocMetrics]) -> dict[str, Any]:
    row = dict(zip(_COLUMNS, dataclasses.astuple(result), strict=True))
    row.update({f"{kind}_AP": metrics.per_class[result.category_id] for kind, metrics in voc.items()})
    return {column: _or_none(value) for column, value in row.items()}


def _or_none(value: Any) -> Any:
    return None if value != value else value  # nan differs from itself


def _decimals(value: float) -> str:
    return "n/a" if math.isnan(value) else f"{value:.3f}"


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]], alignments: str) -> str:
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    layout = "  ".join(f"{{:{a}{w}}}" for a, w in zip(alignments, widths, strict=True))
    return "\n".join(layout.format(*row).rstrip() for row in cells)


def _plain(value: Any) -> Any:
    """NumPy's numbers and arrays as what json can write."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"Expected numbers, strings, lists and dicts. Received: {type(value)}")
