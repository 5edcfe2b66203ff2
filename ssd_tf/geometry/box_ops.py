# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What the model does with boxes, on tensors: corners and centres, areas, overlaps, windows.

A box is [ymin, xmin, ymax, xmax], normalised to [0, 1]. Letters of shapes (B, A, G) are those of docs/architecture.md.
"""

import tensorflow as tf


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


def iou(boxes: tf.Tensor, others: tf.Tensor, negative_overlaps: bool = False) -> tf.Tensor:
    """Intersection over union of every box with every other box.

    Args:
      boxes: float [..., N, 4].
      others: float [..., M, 4], the same or broadcastable leading dimensions.
      negative_overlaps: see `Detection`; boxes apart have any value then.

    Returns:
      [..., N, M] in [0, 1]; 0 where both boxes are empty, so that padding never matches.
    """
    a = tf.expand_dims(boxes, -2)
    b = tf.expand_dims(others, -3)
    height = tf.minimum(a[..., 2], b[..., 2]) - tf.maximum(a[..., 0], b[..., 0])
    width = tf.minimum(a[..., 3], b[..., 3]) - tf.maximum(a[..., 1], b[..., 1])
    if not negative_overlaps:
        height, width = tf.maximum(height, 0.0), tf.maximum(width, 0.0)
    intersection = height * width
    return tf.math.divide_no_nan(intersection, area(a) + area(b) - intersection)
