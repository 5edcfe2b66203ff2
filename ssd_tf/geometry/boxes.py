# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Box formats of files and programs, in NumPy: the one place where a box enters from another format or leaves to one.

A box is [ymin, xmin, ymax, xmax], normalised to [0, 1]. Arrays are float64, since files keep pixels to two decimals.
What runs in the model, on tensors, is in box_ops.py.
"""

import numpy as np


def from_coco_xywh(xywh_n4: np.ndarray, height: int | np.ndarray, width: int | np.ndarray) -> np.ndarray:
    """Boxes from COCO's [x, y, w, h] in pixels: float64 [N, 4], normalised, not clipped.

    The size is that of the image, or [N] those of the images that the boxes lie in.
    """
    x, y, w, h = np.moveaxis(np.asarray(xywh_n4, np.float64).reshape(-1, 4), -1, 0)
    # The boxes of a model that diverges are infinite, and infinity minus infinity is NaN.
    with np.errstate(invalid="ignore"):
        return np.stack([y / height, x / width, (y + h) / height, (x + w) / width], axis=-1)


def to_coco_xywh(boxes_n4: np.ndarray, height: int, width: int) -> np.ndarray:
    """COCO's [x, y, w, h] in pixels from normalised boxes: float64 [N, 4]."""
    ymin, xmin, ymax, xmax = np.moveaxis(np.asarray(boxes_n4, np.float64).reshape(-1, 4), -1, 0)
    with np.errstate(invalid="ignore", over="ignore"):  # infinity minus infinity
        return np.stack([xmin * width, ymin * height, (xmax - xmin) * width, (ymax - ymin) * height], axis=-1)


def from_pixels_xyxy(xyxy_n4: np.ndarray, height: int, width: int) -> np.ndarray:
    """Boxes from [xmin, ymin, xmax, ymax] in pixels, the edges of the box: float64 [N, 4], normalised, not clipped."""
    xmin, ymin, xmax, ymax = np.moveaxis(np.asarray(xyxy_n4, np.float64).reshape(-1, 4), -1, 0)
    return np.stack([ymin / height, xmin / width, ymax / height, xmax / width], axis=-1)


def from_voc_xyxy(xyxy_n4: np.ndarray, height: int, width: int) -> np.ndarray:
    """Boxes from PASCAL VOC's [xmin, ymin, xmax, ymax]: the first and the last pixel that belong to it, counted from 1.

    So 1, 1, W, H is the whole image, as detectron2's pascal_voc.py has it too. float64 [N, 4], normalised, not clipped.
    """
    return from_pixels_xyxy(np.asarray(xyxy_n4, np.float64).reshape(-1, 4) - [1, 1, 0, 0], height, width)


def from_yolo_cxcywh(cxcywh_n4: np.ndarray) -> np.ndarray:
    """Boxes from YOLO's normalised [cx, cy, w, h]: float64 [N, 4], not clipped."""
    cx, cy, w, h = np.moveaxis(np.asarray(cxcywh_n4, np.float64).reshape(-1, 4), -1, 0)
    return np.stack([cy - h / 2, cx - w / 2, cy + h / 2, cx + w / 2], axis=-1)


def to_pixels_xyxy(boxes_n4: np.ndarray, height: int, width: int) -> np.ndarray:
    """[xmin, ymin, xmax, ymax] in pixels from normalised boxes: float64 [N, 4]."""
    ymin, xmin, ymax, xmax = np.moveaxis(np.asarray(boxes_n4, np.float64).reshape(-1, 4), -1, 0)
    return np.stack([xmin * width, ymin * height, xmax * width, ymax * height], axis=-1)


def clip(boxes_n4: np.ndarray) -> np.ndarray:
    """The part of each box that is inside the image."""
    return np.clip(boxes_n4, 0.0, 1.0)
