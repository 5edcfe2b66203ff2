# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""PASCAL VOC's average precision: of 11 points, as in VOC 2007, and the area under the curve, as from VOC 2010 on.

The rules are those of the development kit (http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/) as py-faster-rcnn
has them in voc_eval.py: a detection looks at the truth of its image and class with the largest IoU, and is right where
that is above 0.5 and not found yet. One that finds a difficult truth counts neither way, and difficult truths are not
among those to be found. COCO's crowds are treated as difficult, as Caffe's SSD does.

Pixels: edges, as in all boxes here. A box is x to x + w, and its width is the difference. The kit writes the first and
the last pixel instead and adds 1 to the difference; boxes that were read from its files have the edges of those pixels
(geometry/boxes.py, from_voc_xyxy), so both are the same boxes. Letters: D detections and G truths of one class.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ssd_tf.data.formats.coco_results import Results
from ssd_tf.evaluation.coco_matching import check, class_indices, overlaps, places_by_id, truths_of
from ssd_tf.utils.errors import UserError

# The fields of AveragePrecision, and what `evaluate --metrics` calls them.
VOC_KINDS = ("voc07", "voc12")
COCO = "coco"
IOU_THRESHOLD = 0.5
# What VOC 2007 takes the precision at, in the kit's floats: 0.30000000000000004 is not reached by 3 of 10.
_RECALLS = np.arange(0.0, 1.1, 0.1)


class AveragePrecision(NamedTuple):
    """Of a class, by 11 points and by the area under the curve: in [0, 1], or nan where there is no truth to find."""

    voc07: float
    voc12: float


class VocMetrics(NamedTuple):
    """One kind of VOC's numbers of a split.

    Attributes:
      mean_ap: over the classes that have a truth to be found; nan where none has.
      per_class: AP by category id, in the order of the ids; nan where there is no truth to be found.
    """

    mean_ap: float
    per_class: dict[int, float]


def voc_metrics(
    ground_truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]], kinds: Sequence[str] = VOC_KINDS
) -> dict[str, VocMetrics]:
    """Scores detections as VOC does, by each of the kinds. Neither argument is changed.

    Args:
      ground_truth: a COCO instances dict; annotations may have "difficult". "iscrowd" is treated as difficult.
      results: COCO results; all of them are looked at, not COCO's best 100.
      kinds: of VOC_KINDS.

    Raises:
      ValueError: the ground truth lacks one of its lists, or a result names an image or a category that it lacks.
    """
    check(ground_truth, results)
    results, truths = Results.of(results), truths_of(ground_truth)
    annotations, image_ids = ground_truth["annotations"], {image["id"] for image in ground_truth["images"]}
    difficult = np.array([bool(truth.get("difficult", 0) or truth.get("iscrowd", 0)) for truth in annotations], bool)
    listed = np.array([truth["image_id"] in image_ids for truth in annotations], bool)
    found_of = places_by_id(class_indices(ground_truth, results))
    true_of = places_by_id(class_indices(ground_truth, truths), listed)
    per_class = {}
    for k, category_id in enumerate(sorted(category["id"] for category in ground_truth["categories"]), start=1):
        found, true = results.take(found_of[k]), truths.take(true_of[k])
        per_class[category_id] = average_precision(
            found.image_ids, found.boxes, found.scores, true.image_ids, true.boxes, difficult[true_of[k]]
        )
    return {kind: _metrics({k: ap._asdict()[kind] for k, ap in per_class.items()}) for kind in kinds}


def voc_kinds(metrics: Sequence[str]) -> tuple[str, ...]:
    """Those of VOC among "coco" and VOC_KINDS; ValueError where a name is neither, or there is none."""
    if not metrics or not {*metrics} <= {COCO, *VOC_KINDS}:
        raise UserError(f"metrics: expected some of {', '.join((COCO, *VOC_KINDS))}. Received: {','.join(metrics)!r}")
    return tuple(kind for kind in VOC_KINDS if kind in metrics)


def average_precision(
    found_images: np.ndarray,
    found_boxes: np.ndarray,
    scores: np.ndarray,
    truth_images: np.ndarray,
    truth_boxes: np.ndarray,
    difficult: np.ndarray,
) -> AveragePrecision:
    """AP of one class.

    Args:
      found_images: [D], the image of each detection.
      found_boxes: float64 [D, 4], [x, y, w, h] in pixels.
      scores: float64 [D]; of equal ones the first counts first.
      truth_images: [G].
      truth_boxes: float64 [G, 4], as found_boxes.
      difficult: bool [G].
    """
    to_find = int((~difficult).sum())
    if not to_find:
        return AveragePrecision(math.nan, math.nan)
    order = np.argsort(-scores, kind="stable")
    right, wrong = _judged(found_images[order], found_boxes[order], truth_images, truth_boxes, difficult)
    hits, misses = np.cumsum(right), np.cumsum(wrong)
    # A leading difficult one is neither: 0 of 0.
    precision = hits / np.maximum(hits + misses, 1)
    return AveragePrecision(*_areas(hits / to_find, precision))


def _metrics(per_class: dict[int, float]) -> VocMetrics:
    defined = [ap for ap in per_class.values() if not math.isnan(ap)]
    return VocMetrics(float(np.mean(defined)) if defined else math.nan, per_class)


def _judged(
    found_images: np.ndarray,
    found_boxes: np.ndarray,
    truth_images: np.ndarray,
    truth_boxes: np.ndarray,
    difficult: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Whether each detection, the best first, is right, and whether it is wrong; neither where it is on a difficult
    truth. bool [D] both."""
    # Of each detection the truth that it looks at, and whether they overlap enough.
    target, enough = np.zeros(len(found_images), np.int64), np.zeros(len(found_images), bool)
    found_of = places_by_id(found_images)
    for image, truths in places_by_id(truth_images).items():
        places = found_of[image]
        if len(places):
            iou = overlaps(found_boxes[places], truth_boxes[truths])
            target[places] = truths[iou.argmax(axis=1)]
            enough[places] = iou.max(axis=1) > IOU_THRESHOLD
    counts: np.ndarray = enough.copy()
    counts[enough] = ~difficult[target[enough]]
    right = np.zeros(len(found_images), bool)
    first = np.unique(target[counts], return_index=True)[1]  # the best detection of each truth
    right[np.flatnonzero(counts)[first]] = True
    return right, ~right & ~(enough & ~counts)


def _areas(recall: np.ndarray, precision: np.ndarray) -> tuple[float, float]:
    """The mean of the largest precision at recalls of at least 0, 0.1 ... 1, and the area under that curve."""
    best = np.maximum.accumulate(precision[::-1])[::-1]
    best = np.append(best, 0.0)
    eleven = best[np.searchsorted(recall, _RECALLS, side="left")]
    area = np.sum(np.diff(recall, prepend=0.0) * best[:-1])
    return float(eleven.mean()), float(area)
