# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""COCO's matching of detections to ground truth: what became of each detection and of each truth.

hotcoco's COCOeval matches, with the results of pycocotools, bit for bit, in a hundredth of the time. All that is said
of an evaluation (metrics, precision and recall, errors, scores of images) rests on this one matching, so that the
numbers agree with each other and with those of other programs. Boxes are COCO's [x, y, w, h] in pixels.
"""

import collections
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from hotcoco import COCO, COCOeval
from hotcoco.primitives import bbox_iou

from ssd_tf.data.formats.coco_results import Results
from ssd_tf.utils.errors import UserError

# COCOeval looks at so many detections of an image and a class, the best ones.
MAX_DETECTIONS = 100
# What became of a detection. IGNORED: it lies on a crowd, or is beyond the best MAX_DETECTIONS.
WRONG, CORRECT, IGNORED = 0, 1, 2
# What became of a truth. CROWD: one that is not to be found, or of an image that is not in the list of images.
MISSED, FOUND, CROWD = 0, 1, 2


class Outcomes(NamedTuple):
    """At IoU 0.5 and all sizes, as COCO matches: WRONG, CORRECT or IGNORED of each detection, in the order of the
    results, int8 [D]; MISSED, FOUND or CROWD of each truth, in the order of the annotations, int8 [G]."""

    detections: np.ndarray
    truths: np.ndarray


def check(ground_truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> None:
    """Raises ValueError where the ground truth lacks one of its three lists, or a result names an image or a category
    that the ground truth does not have."""
    for key in ("images", "annotations", "categories"):
        if key not in ground_truth:
            raise UserError(f"Expected a COCO instances dict with {key!r}. Received: keys={list(ground_truth)}")
    results = Results.of(results)
    for key, ids, listed in (
        ("image_id", results.image_ids, ground_truth["images"]),
        ("category_id", results.category_ids, ground_truth["categories"]),
    ):
        unknown = {*ids.tolist()} - {entry["id"] for entry in listed}
        if unknown:
            index, value = next((k, value) for k, value in enumerate(ids.tolist()) if value in unknown)
            raise UserError(
                f"Expected every {key} of the results to be in the ground truth. "
                f"Received: results[{index}] has {key}={value!r}"
            )


def evaluate(ground_truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> COCOeval:
    """hotcoco's COCOeval of `results`, evaluated but not accumulated. Neither argument is changed.

    The annotations and the results get the ids 1, 2, ... in their order, and so do images and categories in the order
    of their own ids, which may be too large for a float64.

    Args:
      ground_truth: a COCO instances dict. Annotations without "iscrowd" are no crowds, those without "area" get width x
        height of their box.
      results: COCO results; may be empty.

    Raises:
      ValueError: as `check`.
    """
    results = Results.of(results)
    check(ground_truth, results)
    annotations = ground_truth["annotations"]
    numbers = {
        "image_id": _numbered(image["id"] for image in ground_truth["images"]),
        "category_id": _numbered(category["id"] for category in ground_truth["categories"]),
    }
    areas = [truth.get("area", truth["bbox"][2] * truth["bbox"][3]) for truth in annotations]
    crowds = [bool(truth.get("iscrowd", 0)) for truth in annotations]
    evaluation = COCOeval(
        _columns(numbers, annotations, area=np.array(areas, np.float64), iscrowd=np.array(crowds, bool)),
        _columns(numbers, []).load_res(_rows(numbers, results)),
        "bbox",
    )
    evaluation.evaluate()
    return evaluation


def outcomes(evaluation: COCOeval, ground_truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> Outcomes:
    """What became of every detection and every truth in the evaluation of these two by `evaluate`."""
    statuses = evaluation.image_diagnostics(iou_thr=0.5)
    return Outcomes(
        _by_place(statuses["dt_status"], {"fp": WRONG, "tp": CORRECT}, IGNORED, len(results)),
        _by_place(statuses["gt_status"], {"fn": MISSED, "matched": FOUND}, CROWD, len(ground_truth["annotations"])),
    )


def match(ground_truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> Outcomes:
    """What became of every detection and every truth; ValueError as `check`."""
    return outcomes(evaluate(ground_truth, results), ground_truth, results)


def by_image(rows: Sequence[Mapping[str, Any]]) -> Mapping[Any, list[Mapping[str, Any]]]:
    """Annotations or results by image id, in their order; an empty list for an image that has none."""
    found = collections.defaultdict(list)
    for row in rows:
        found[row["image_id"]].append(row)
    return found


def truths_of(ground_truth: Mapping[str, Any]) -> Results:
    """The annotations as arrays; each has the score 1."""
    return Results.of([{**row, "score": 1.0} for row in ground_truth["annotations"]])


def places_by_id(ids: np.ndarray, chosen: np.ndarray | None = None) -> Mapping[Any, np.ndarray]:
    """Id -> the places, int [N] and ascending, of its rows that are `chosen`, bool [D], or of all; no places for an id
    that has none. Of ids [D]."""
    places = np.arange(len(ids)) if chosen is None else np.flatnonzero(chosen)
    places = places[np.argsort(ids[places], kind="stable")]
    values, starts = np.unique(ids[places], return_index=True)
    found = collections.defaultdict(lambda: np.zeros(0, np.int64))
    # Not strict: of no places at all np.split makes one part.
    found.update(zip(values.tolist(), np.split(places, starts[1:]), strict=False))
    return found


def class_indices(ground_truth: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Of annotations or results: int64 [N], 1..C in the order of the ascending category ids; 0 for an unknown one."""
    class_of = {k: i for i, k in enumerate(sorted(c["id"] for c in ground_truth["categories"]), start=1)}
    ids = rows.category_ids.tolist() if isinstance(rows, Results) else [row["category_id"] for row in rows]
    return np.array([class_of.get(category_id, 0) for category_id in ids], np.int64)


def overlaps(boxes: Sequence[Any] | np.ndarray, others: Sequence[Any] | np.ndarray, crowd: bool = False) -> np.ndarray:
    """IoU float64 [D, G] of boxes [D, 4] with others [G, 4] as COCOeval has it; of `crowd` others the fraction of each
    of `boxes` that lies in them."""
    if not len(boxes) or not len(others):
        return np.zeros((len(boxes), len(others)))
    return bbox_iou(np.array(boxes, np.float64), np.array(others, np.float64), [crowd] * len(others))


def _numbered(ids: Iterable[int]) -> dict[int, int]:
    """1, 2, ... by id, in the order of the ids."""
    return {identity: number for number, identity in enumerate(sorted(set(ids)), start=1)}


def _columns(numbers: Mapping[str, Mapping[int, int]], annotations: Sequence[Mapping[str, Any]], **more: Any) -> COCO:
    """All images and categories, by number, with these annotations; 0 is an image or a category that is not listed."""
    images, categories = numbers["image_id"], numbers["category_id"]
    return COCO.from_arrays(
        images=[{"id": number} for number in images.values()],
        categories=[{"id": number, "name": str(number)} for number in categories.values()],
        image_ids=np.array([images.get(row["image_id"], 0) for row in annotations], np.int64),
        category_ids=np.array([categories.get(row["category_id"], 0) for row in annotations], np.int64),
        boxes=np.array([row["bbox"] for row in annotations], np.float64).reshape(-1, 4),
        **more,
    )


def _rows(numbers: Mapping[str, Mapping[int, int]], results: Results) -> Any:
    """float64 [D, 7]: number of the image, x, y, w, h, score, number of the category.

    Any, since hotcoco's stubs do not know that its load_res takes arrays.
    """
    images = [numbers["image_id"][image_id] for image_id in results.image_ids.tolist()]
    categories = [numbers["category_id"][category_id] for category_id in results.category_ids.tolist()]
    return np.column_stack([np.array(images, float), results.boxes, results.scores, np.array(categories, float)])


def _by_place(statuses: Mapping[int, str], codes: Mapping[str, int], other: int, count: int) -> np.ndarray:
    """hotcoco's statuses by id, of those that count, as int8 [count] by place; `other` for those without one."""
    found = np.full(count, other, np.int8)
    places = np.fromiter(statuses, np.int64, len(statuses)) - 1  # ids begin at 1
    found[places] = np.fromiter(map(codes.__getitem__, statuses.values()), np.int8, len(statuses))
    return found
