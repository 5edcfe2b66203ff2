# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The anchors' recall: how many boxes of a data set a detector's default boxes can be matched with.

A box whose best default box has an IoU below 0.5 is learnt from a forced match alone, and badly. Boxes here are
[xmin, ymin, xmax, ymax] as fractions of the image, which is what matching sees: an image is stretched to the square
input. Letters: N boxes, K default boxes of a cell.
"""

import dataclasses
import itertools
import math
from collections.abc import Sequence

import numpy as np

from ssd_tf import specs
from ssd_tf.geometry.anchors import default_boxes
from ssd_tf.specs import DetectorSpec

# What an anchor takes a box at, in every detector of the table.
MATCHED_IOU = 0.5
# Sides in pixels that part the sizes.
_SIDES = (16, 32, 64, 128, 256)
_SIZE_NAMES = ("under 16", *(f"{a} to {b}" for a, b in itertools.pairwise(_SIDES)), "256 and over")
# Recalls that differ less than this are nearly equal: other images of the same kind would move them as much.
_NEARLY_EQUAL = 0.01
# For trials, and for faces alone.
_NOT_RECOMMENDED = ("ssd128_tiny", "ssd300_res10")
# Boxes that are looked at together: their overlaps with the boxes of a cell fit in a core's cache.
_CHUNK = 16384
# Edges at 1 come out of float arithmetic a little beyond it.
_EDGE = 1e-3


@dataclasses.dataclass(frozen=True)
class Counted:
    """So many boxes of a kind, and those among them that a default box matches."""

    name: str
    boxes: int
    matched: int

    @property
    def recall(self) -> float:
        """matched / boxes; NaN where there are none."""
        return self.matched / self.boxes if self.boxes else math.nan


@dataclasses.dataclass(frozen=True)
class AnchorRecall:
    """How a detector's default boxes fit a set of boxes.

    Attributes:
      detector: its name.
      image_size: side of its input in pixels.
      boxes: N.
      matched: boxes whose best default box has an IoU of at least 0.5.
      sizes: the same by the side sqrt(w * h) of a box at the detector's input, in pixels; all ranges, smallest first.
      levels: the same by the level of the best default box, such as "38x38"; all levels, finest first.
      anchors: A, the detector's default boxes.
    """

    detector: str
    image_size: int
    boxes: int
    matched: int
    sizes: tuple[Counted, ...]
    levels: tuple[Counted, ...]
    anchors: int

    @property
    def recall(self) -> float:
        """matched / boxes; NaN where there are none."""
        return self.matched / self.boxes if self.boxes else math.nan


@dataclasses.dataclass(frozen=True)
class Grid:
    """The default boxes of a level, in fractions of the image: each size stands at each centre.

    Attributes:
      centers: float32 [cells], of rows and of columns, ascending.
      sizes: float32 [K, 2], height and width.
    """

    centers: np.ndarray
    sizes: np.ndarray


def anchor_recall(boxes: np.ndarray, spec: str | DetectorSpec) -> AnchorRecall:
    """How many of the boxes the detector's default boxes match.

    Args:
      boxes: float [N, 4], [xmin, ymin, xmax, ymax] as fractions of the image, in [0, 1].
      spec: the detector or its name.

    Raises:
      ValueError: the boxes have another shape, or a value is not in [0, 1].
    """
    spec = specs.spec(spec)
    boxes_n4 = checked_boxes(boxes)
    iou_n, level_n, _ = best_overlaps(boxes_n4, grids(spec))
    matched_n = iou_n >= MATCHED_IOU
    size_n = np.digitize(np.sqrt(lengths(boxes_n4).prod(axis=1)) * spec.image_size, _SIDES)
    level_names = tuple(f"{level.cells}x{level.cells}" for level in spec.levels)
    return AnchorRecall(
        detector=spec.name,
        image_size=spec.image_size,
        boxes=len(boxes_n4),
        matched=int(matched_n.sum()),
        sizes=_counted(_SIZE_NAMES, size_n, matched_n),
        levels=_counted(level_names, level_n, matched_n),
        anchors=spec.num_anchors,
    )


def best_fit(recalls: Sequence[AnchorRecall]) -> AnchorRecall:
    """The detector to begin with: of those within 0.01 of the highest recall the one that costs least.

    That is the smallest input, then the fewest default boxes, then the first of those given. The tiny detector for
    trials and the one for faces are left out.

    Raises:
      ValueError: there is no other detector, or there are no boxes.
    """
    candidates = [recall for recall in recalls if recall.detector not in _NOT_RECOMMENDED and recall.boxes]
    if not candidates:
        raise ValueError(f"recalls: expected those of detectors on some boxes. Received: {len(recalls)} of no use")
    enough = max(recall.recall for recall in candidates) - _NEARLY_EQUAL
    return min(
        (recall for recall in candidates if recall.recall >= enough),
        key=lambda recall: (recall.image_size, recall.anchors),
    )


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


def lengths(boxes_n4: np.ndarray) -> np.ndarray:
    """[N, 2], height and width; 0 where the edges are in the wrong order."""
    return np.clip(boxes_n4[:, [3, 2]] - boxes_n4[:, [1, 0]], 0, None)


def _distance_to_nearest(values_n: np.ndarray, centers: np.ndarray) -> np.ndarray:
    after_n = np.searchsorted(centers, values_n)
    neighbours_2n = centers[np.clip([after_n - 1, after_n], 0, len(centers) - 1)]
    return np.abs(values_n - neighbours_2n).min(axis=0)


def _counted(names: tuple[str, ...], kind_n: np.ndarray, matched_n: np.ndarray) -> tuple[Counted, ...]:
    """Boxes and matched ones of each kind; kind_n: int [N], places in names."""
    boxes = np.bincount(kind_n, minlength=len(names))
    matched = np.bincount(kind_n[matched_n], minlength=len(names))
    return tuple(map(Counted, names, boxes.tolist(), matched.tolist()))
