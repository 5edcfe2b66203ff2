# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Box formats, areas and overlaps. The one place where a box changes its format.

A box is [ymin, xmin, ymax, xmax], normalised to [0, 1]. Letters of shapes (B, A, G) are those of docs/architecture.md.
The functions on annotation formats take and give NumPy float64 arrays, since files keep pixels to two decimals;
the functions that run in the model take TensorFlow tensors.
"""

import numpy as np
import tensorflow as tf


def from_coco_xywh(xywh_n4: np.ndarray, height: int, width: int) -> np.ndarray:
    """Boxes from COCO's [x, y, w, h] in pixels: float64 [N, 4], normalised, not clipped."""
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


def centers_to_corners(boxes: tf.Tensor) -> tf.Tensor:
    """[..., 4] as (cy, cx, h, w) -> [..., 4] as (ymin, xmin, ymax, xmax)."""
    cy, cx, h, w = tf.unstack(boxes, axis=-1)
    return tf.stack([cy - 0.5 * h, cx - 0.5 * w, cy + 0.5 * h, cx + 0.5 * w], axis=-1)


def corners_to_centers(boxes: tf.Tensor) -> tf.Tensor:
    """[..., 4] as (ymin, xmin, ymax, xmax) -> [..., 4] as (cy, cx, h, w)."""
    ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=-1)
    return tf.stack([0.5 * (ymin + ymax), 0.5 * (xmin + xmax), ymax - ymin, xmax - xmin], axis=-1)


def area(boxes: tf.Tensor) -> tf.Tensor:
    """Area [...] of boxes [..., 4]; a box whose corners are in the wrong order has area 0."""
    ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=-1)
    return tf.maximum(ymax - ymin, 0.0) * tf.maximum(xmax - xmin, 0.0)


def flip_left_right(boxes: tf.Tensor) -> tf.Tensor:
    """The boxes [..., 4] of the mirrored image."""
    ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=-1)
    return tf.stack([ymin, 1.0 - xmax, ymax, 1.0 - xmin], axis=-1)


def center_inside(boxes: tf.Tensor, windows: tf.Tensor) -> tf.Tensor:
    """Whether the centre of a box is inside a window and not on its border: bool [...] of [..., 4] and [..., 4]."""
    cy, cx = 0.5 * (boxes[..., 0] + boxes[..., 2]), 0.5 * (boxes[..., 1] + boxes[..., 3])
    ymin, xmin, ymax, xmax = tf.unstack(windows, axis=-1)
    return (cy > ymin) & (cy < ymax) & (cx > xmin) & (cx < xmax)


def relative_to(boxes: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
    """The parts of boxes [..., 4] inside a window [4], normalised to it; both in the same unit."""
    corner, size = tf.tile(window[:2], [2]), tf.tile(window[2:] - window[:2], [2])
    return tf.clip_by_value((boxes - corner) / size, 0.0, 1.0)


def iou(boxes: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Intersection over union of every box with every other box.

    Args:
      boxes: float [..., N, 4].
      others: float [..., M, 4], the same or broadcastable leading dimensions.

    Returns:
      [..., N, M] in [0, 1]; 0 where both boxes are empty, so that padding never matches.
    """
    a = tf.expand_dims(boxes, -2)
    b = tf.expand_dims(others, -3)
    height = tf.minimum(a[..., 2], b[..., 2]) - tf.maximum(a[..., 0], b[..., 0])
    width = tf.minimum(a[..., 3], b[..., 3]) - tf.maximum(a[..., 1], b[..., 1])
    intersection = tf.maximum(height, 0.0) * tf.maximum(width, 0.0)
    return tf.math.divide_no_nan(intersection, area(a) + area(b) - intersection)
