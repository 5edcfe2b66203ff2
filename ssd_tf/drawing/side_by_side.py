# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""True and predicted boxes of an image, side by side. Boxes are COCO's [x, y, w, h] in pixels of the original."""

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from ssd_tf.drawing.detections import draw_detections
from ssd_tf.geometry.boxes import from_coco_xywh

# Between and around the two, in pixels, and its grey level.
_GAP, _GROUND = 6, 255
_HEAD_HEIGHT, _HEAD_SCALE = 22, 0.5


def side_by_side(
    image: np.ndarray,
    size: tuple[int, int],
    annotations: Sequence[Mapping[str, Any]],
    results: Sequence[Mapping[str, Any]],
    categories: Sequence[Mapping[str, Any]],
    score_threshold: float = 0.3,
) -> np.ndarray:
    """The image twice: with the boxes of its ground truth, and with those that were found. uint8 RGB [h, w, 3].

    Args:
      image: uint8 RGB, of any size.
      size: height and width in pixels of the original, which boxes are of.
      annotations: the image's, of a COCO instances dict; crowds are drawn like the others.
      results: the image's, in COCO's results format.
      categories: of the COCO instances dict.
      score_threshold: results with a score below are left out.
    """
    drawn = truth_and_found(image, size, annotations, results, categories, score_threshold)
    found = sum(result["score"] >= score_threshold for result in results)
    heads = (f"truth: {len(annotations)}", f"found: {found}")
    halves = [_with_head(image, head) for image, head in zip(drawn, heads, strict=True)]
    gap = np.full((halves[0].shape[0], _GAP, 3), _GROUND, np.uint8)
    return np.concatenate([halves[0], gap, halves[1]], axis=1)


def truth_and_found(
    image: np.ndarray,
    size: tuple[int, int],
    annotations: Sequence[Mapping[str, Any]],
    results: Sequence[Mapping[str, Any]],
    categories: Sequence[Mapping[str, Any]],
    score_threshold: float = 0.3,
    text_scale: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """The two images of `side_by_side`, without heads; letters and lines are `text_scale` times as large."""
    class_of = {category["id"]: k for k, category in enumerate(categories, start=1)}
    names = {k: category["name"] for k, category in enumerate(categories, start=1)}
    shown = [result for result in results if result["score"] >= score_threshold]

    def draw(objects: Sequence[Mapping[str, Any]], scores: np.ndarray | None) -> np.ndarray:
        boxes = from_coco_xywh(np.array([thing["bbox"] for thing in objects]), *size)
        classes = np.array([class_of[thing["category_id"]] for thing in objects], np.int32)
        return draw_detections(image, boxes, classes, scores, names, text_scale=text_scale)

    return draw(annotations, None), draw(shown, np.array([result["score"] for result in shown]))


def _with_head(image: np.ndarray, text: str) -> np.ndarray:
    head = np.full((_HEAD_HEIGHT, image.shape[1], 3), _GROUND, np.uint8)
    cv2.putText(head, text, (2, _HEAD_HEIGHT - 7), cv2.FONT_HERSHEY_SIMPLEX, _HEAD_SCALE, (0, 0, 0), 1, cv2.LINE_AA)
    return np.concatenate([head, image], axis=0)
