# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""COCO's matching of detections to ground truth: what became of each detection and of each truth.

pycocotools' COCOeval matches. All that is said of an evaluation (metrics, precision and recall, errors, scores of
images) rests on this one matching, so that the numbers agree with each other and with those of other programs. Boxes
are COCO's [x, y, w, h] in pixels.
"""

import collections
import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

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
    known = {
        "image_id": {image["id"] for image in ground_truth["images"]},
        "category_id": {category["id"] for category in ground_truth["categories"]},
    }
    for index, result in enumerate(results):
        for key, ids in known.items():
            if result[key] not in ids:
                raise UserError(
                    f"Expected every {key} of the results to be in the ground truth. "
                    f"Received: results[{index}] has {key}={result[key]!r}"
                )


def evaluate(
    ground_truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]], *, only_iou_50: bool = False
) -> COCOeval:
    """COCOeval of `results`, evaluated but not accumulated, with nothing printed. Neither argument is changed.

    The annotations and the results get the ids 1, 2, ... in their order.

    Args:
      ground_truth: a COCO instances dict. Annotations without "iscrowd" are no crowds, those without "area" get width x
        height of their box.
      results: COCO results; may be empty.
      only_iou_50: one IoU threshold, 0.5, and one range of areas, all, instead of ten and four: enough for `outcomes`,
        and several times as fast.

    Raises:
      ValueError: as `check`.
    """
    check(ground_truth, results)
    # pycocotools keeps what it matched by annotation id and reads 0 as "not matched", so an
    # annotation of id 0 or a repeated id would give wrong numbers: ids are given out anew.
    truths = [
        {
            "id": index,
            "image_id": annotation["image_id"],
            "category_id": annotation["category_id"],
            "bbox": list(annotation["bbox"]),
            "area": annotation.get("area", annotation["bbox"][2] * annotation["bbox"][3]),
            "iscrowd": int(annotation.get("iscrowd", 0)),
        }
        for index, annotation in enumerate(ground_truth["annotations"], start=1)
    ]
    # As COCO.loadRes, which fails on an empty list and writes into its argument.
    found = [
        {
            "id": index,
            "image_id": result["image_id"],
            "category_id": result["category_id"],
            "bbox": list(result["bbox"]),
            "area": result["bbox"][2] * result["bbox"][3],
            "iscrowd": 0,
            "score": result["score"],
        }
        for index, result in enumerate(results, start=1)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(_indexed(ground_truth, truths), _indexed(ground_truth, found), iouType="bbox")
        if only_iou_50:
            evaluation.params.iouThrs = np.array([0.5])
            evaluation.params.areaRng = evaluation.params.areaRng[:1]
            evaluation.params.areaRngLbl = evaluation.params.areaRngLbl[:1]
            evaluation.params.maxDets = [MAX_DETECTIONS]
        evaluation.evaluate()
    return evaluation


def outcomes(evaluation: COCOeval) -> Outcomes:
    """What became of every detection and every truth in an evaluation of `evaluate`."""
    detections = np.full(len(evaluation.cocoDt.anns), IGNORED, np.int8)
    truths = np.full(len(evaluation.cocoGt.anns), CROWD, np.int8)
    p = evaluation.params
    images = np.array(evaluation.evalImgs, object).reshape(len(p.catIds), len(p.areaRng), len(p.imgIds))
    # The first range of areas is all, the first IoU threshold 0.5. Ids begin at 1.
    for image in images[:, 0].flat:
        if image is None:  # neither a truth nor a detection of this class
            continue
        rows = np.array(image["dtIds"], int) - 1
        right = np.where(image["dtMatches"][0] > 0, CORRECT, WRONG)
        detections[rows] = np.where(image["dtIgnore"][0], IGNORED, right)
        rows = np.array(image["gtIds"], int) - 1
        found = np.where(image["gtMatches"][0] > 0, FOUND, MISSED)
        truths[rows] = np.where(image["gtIgnore"], CROWD, found)
    return Outcomes(detections, truths)


def match(ground_truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> Outcomes:
    """What became of every detection and every truth; ValueError as `check`."""
    return outcomes(evaluate(ground_truth, results, only_iou_50=True))


def by_image(rows: Sequence[Mapping[str, Any]]) -> Mapping[Any, list[Mapping[str, Any]]]:
    """Annotations or results by image id, in their order; an empty list for an image that has none."""
    found = collections.defaultdict(list)
    for row in rows:
        found[row["image_id"]].append(row)
    return found


def class_indices(ground_truth: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Of annotations or results: int64 [N], 1..C in the order of the ascending category ids; 0 for an unknown one."""
    class_of = {k: i for i, k in enumerate(sorted(c["id"] for c in ground_truth["categories"]), start=1)}
    return np.array([class_of.get(row["category_id"], 0) for row in rows], np.int64)


def overlaps(boxes: Sequence[Any] | np.ndarray, others: Sequence[Any] | np.ndarray, crowd: bool = False) -> np.ndarray:
    """IoU float64 [D, G] of boxes [D, 4] with others [G, 4] as COCOeval has it; of `crowd` others the share of each of
    `boxes` that lies in them."""
    if not len(boxes) or not len(others):
        return np.zeros((len(boxes), len(others)))
    # The stubs of pycocotools do not know that its iou takes arrays of boxes.
    iou: Any = mask.iou
    return iou(np.array(boxes, np.float64), np.array(others, np.float64), [int(crowd)] * len(others))


def _indexed(ground_truth: Mapping[str, Any], annotations: list[dict[str, Any]]) -> COCO:
    dataset: Any = {
        "images": list(ground_truth["images"]),
        "categories": list(ground_truth["categories"]),
        "annotations": annotations,
    }
    coco = COCO()
    coco.dataset = dataset
    coco.createIndex()
    return coco
