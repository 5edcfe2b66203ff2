# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Drawn boxes, [xmin, ymin, xmax, ymax] as fractions of the image, and their overlaps the straight way."""

import numpy as np

from ssd_tf.geometry.anchors import anchor_corners
from ssd_tf.specs import DetectorSpec


def random_boxes(count: int, seed: int = 0) -> np.ndarray:
    """float64 [count, 4], of all places, sizes and shapes, clipped to the image."""
    rng = np.random.default_rng(seed)
    centers, sizes = rng.random((count, 2)), np.exp(rng.uniform(np.log(0.01), np.log(1.5), (count, 2)))
    return np.clip(np.concatenate([centers - sizes / 2, centers + sizes / 2], axis=1), 0, 1)


def thin_boxes(count: int, seed: int = 0) -> np.ndarray:
    """The same of 60 to 240 pixels by 10 to 20 at an input of 300, lying or standing, inside the image."""
    rng = np.random.default_rng(seed)
    sizes = np.stack([rng.uniform(0.2, 0.8, count), rng.uniform(10 / 300, 20 / 300, count)], axis=1)
    sizes = np.where(rng.random((count, 1)) < 0.5, sizes, sizes[:, ::-1])
    corners = rng.uniform(0, 1 - sizes)
    return np.concatenate([corners, corners + sizes], axis=1)


def every_overlap(boxes_n4: np.ndarray, spec: DetectorSpec) -> np.ndarray:
    """IoU [N, A] of boxes and all default boxes, from corners in float64."""
    ymin, xmin, ymax, xmax = anchor_corners(spec).astype(np.float64).T
    left, top, right, bottom = boxes_n4.T[:, :, None]
    shared = np.clip(np.minimum(right, xmax) - np.maximum(left, xmin), 0, None)
    shared *= np.clip(np.minimum(bottom, ymax) - np.maximum(top, ymin), 0, None)
    return shared / ((right - left) * (bottom - top) + (ymax - ymin) * (xmax - xmin) - shared)
