# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Overlaps of many boxes with the default boxes of a detector, by level and size.

Boxes are [xmin, ymin, xmax, ymax] as fractions of the image. Letters: N boxes, K default boxes of a cell.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from ssd_tf.geometry.anchors import default_boxes
from ssd_tf.specs import DetectorSpec

# Boxes that are looked at together: their overlaps with the boxes of a cell fit in a core's cache.
_CHUNK = 16384
# Edges at 1 come out of float arithmetic a little beyond it.
_EDGE = 1e-3


@dataclasses.dataclass(frozen=True)
class Grid:
    """The default boxes of a level, in fractions of the image: each size stands at each centre.

    Attributes:
      centers: float32 [cells], of rows and of columns, ascending.
      sizes: float32 [K, 2], height and width.
    """

    centers: np.ndarray
    sizes: np.ndarray


def checked_boxes(boxes: np.ndarray) -> np.ndarray:
    """The boxes as float32 [N, 4]; raises ValueError where the shape is another or a value is not in [0, 1]."""
    boxes_n4 = np.asarray(boxes, np.float32)
    if boxes_n4.ndim != 2 or boxes_n4.shape[1] != 4:
        raise ValueError(f"boxes: expected shape [N, 4]. Received: {boxes_n4.shape}")
    inside_n = ((boxes_n4 >= -_EDGE) & (boxes_n4 <= 1 + _EDGE)).all(axis=1)  # False for NaN
    if not inside_n.all():
        place = int(np.argmin(inside_n))
        raise ValueError(f"boxes: expected fractions of the image, 0 to 1. Received: {boxes_n4[place]} at {place}")
    return boxes_n4


def grids(spec: DetectorSpec) -> tuple[Grid, ...]:
    """The detector's default boxes by level, clipped as the spec says.

    Clipping does not spoil the grid: it moves centres on each axis by itself, and sizes alike in all cells.
    """
    found, start, boxes_a4 = [], 0, default_boxes(spec)
    for level in spec.levels:
        count = level.cells**2 * level.boxes_per_cell
        cells = boxes_a4[start : start + count].reshape(level.cells, level.cells, level.boxes_per_cell, 4)
        found.append(Grid(cells[:, 0, 0, 0], cells[0, 0, :, 2:]))
        start += count
    return tuple(found)


def best_overlaps(boxes_n4: np.ndarray, grids: Sequence[Grid]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The best default box of each box.

    Of all default boxes of one size the one at the nearest centre overlaps most: the overlap is a product of those on
    the two axes, and each falls with the distance. So a few dozen overlaps stand for thousands, and none is missed.

    Args:
      boxes_n4: float32 [N, 4], [xmin, ymin, xmax, ymax].
      grids: by level.

    Returns:
      iou: float32 [N].
      level: int [N], the place of its grid, the first of equals.
      size: int [N], the place of its size in that grid.
    """
    chunks = [_best_of_chunk(boxes_n4[start : start + _CHUNK], grids) for start in range(0, len(boxes_n4), _CHUNK)]
    if not chunks:
        return np.zeros(0, np.float32), np.zeros(0, int), np.zeros(0, int)
    iou, level, size = (np.concatenate(parts) for parts in zip(*chunks, strict=True))
    return iou, level, size


def own_overlaps(boxes_n4: np.ndarray, grid: Grid) -> np.ndarray:
    """float32 [N]: IoU of each box with one of its own size at the nearest centre: how well the level can serve it."""
    lengths_n2 = lengths(boxes_n4)
    centers_n2 = boxes_n4[:, [1, 0]] + lengths_n2 * np.float32(0.5)
    distance_n2 = np.stack([_distance_to_nearest(centers_n, grid.centers) for centers_n in centers_n2.T], axis=1)
    shared_n = np.clip(lengths_n2 - distance_n2, 0, None).prod(axis=1)
    union_n = 2 * lengths_n2.prod(axis=1) - shared_n
    return np.divide(shared_n, union_n, out=np.zeros_like(shared_n), where=union_n > 0)


def lengths(boxes_n4: np.ndarray) -> np.ndarray:
    """[N, 2], height and width; 0 where the edges are in the wrong order."""
    return np.clip(boxes_n4[:, [3, 2]] - boxes_n4[:, [1, 0]], 0, None)


def _best_of_chunk(boxes_n4: np.ndarray, grids: Sequence[Grid]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    low_2n, high_2n = boxes_n4[:, [1, 0]].T, boxes_n4[:, [3, 2]].T  # y, x
    centers_2n = (low_2n + high_2n) * np.float32(0.5)
    lengths_2n1 = lengths(boxes_n4).T[:, :, None]
    areas_n1 = lengths_2n1.prod(axis=0)
    count = len(boxes_n4)
    best_iou, best_level, best_size = np.full(count, -1, np.float32), np.zeros(count, int), np.zeros(count, int)
    for place, grid in enumerate(grids):
        shared_nk = np.float32(1)
        for axis in range(2):
            sizes_k = grid.sizes[:, axis]
            distance_n1 = _distance_to_nearest(centers_2n[axis], grid.centers)[:, None]
            shared_nk = shared_nk * _overlap(lengths_2n1[axis], sizes_k, distance_n1)
        iou_nk = shared_nk / (areas_n1 + grid.sizes.prod(axis=1) - shared_nk)
        size_n = iou_nk.argmax(axis=1)
        iou_n = np.take_along_axis(iou_nk, size_n[:, None], axis=1)[:, 0]
        better_n = iou_n > best_iou
        best_iou[better_n], best_level[better_n], best_size[better_n] = iou_n[better_n], place, size_n[better_n]
    return best_iou, best_level, best_size


def _overlap(lengths_n1: np.ndarray, others_k: np.ndarray, distance_n1: np.ndarray) -> np.ndarray:
    """[N, K]: what intervals of these lengths share where their centres are so far apart."""
    touching_nk = (lengths_n1 + others_k) * np.float32(0.5) - distance_n1
    return np.clip(np.minimum(touching_nk, np.minimum(lengths_n1, others_k)), 0, None)


def _distance_to_nearest(values_n: np.ndarray, centers: np.ndarray) -> np.ndarray:
    after_n = np.searchsorted(centers, values_n)
    neighbours_2n = centers[np.clip([after_n - 1, after_n], 0, len(centers) - 1)]
    return np.abs(values_n - neighbours_2n).min(axis=0)
