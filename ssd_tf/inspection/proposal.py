# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Default boxes proposed for a data set: k-means on IoU, as YOLOv2 finds its own (Redmon & Farhadi 2016, section 2).

YOLOv2 compares sizes alone, with the centres laid on each other. An SSD has coarse levels on which a centre can be far
away, so the IoU is that of matching, position and all: each box goes to the default box that overlaps it most, which
gives it its level too. Letters: N boxes, K default boxes of a cell.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from ssd_tf import specs
from ssd_tf.inspection.anchor_recall import MATCHED_IOU
from ssd_tf.inspection.overlaps import Grid, best_overlaps, checked_boxes, grids, lengths, own_overlaps
from ssd_tf.specs import DetectorSpec

# The recall stays as it is after 5 to 15 rounds on all sets tried.
_ROUNDS = 20
# A seeded sample of so many boxes stands for all: of 300,000 its proposals matched 0.01 less than those made of all.
_SAMPLE = 20_000
# Sizes are written in hundredths of a pixel, and are of one pixel at least.
_DECIMALS, _LEAST_PIXELS = 2, 1.0


def propose(boxes: np.ndarray, spec: str | DetectorSpec) -> DetectorSpec:
    """The detector with default boxes for these boxes, named such as "ssd300_resnet34_proposed".

    Each level keeps its cells and the number of its boxes, so that weights of the detector fit. The search starts at
    the detector's own default boxes and moves those that fit best to the boxes that they fit; of those that fit none,
    each is laid on a box that no other matches, or stays: what augmentation makes may need it.

    Args:
      boxes: float [N, 4], [xmin, ymin, xmax, ymax] as fractions of the image.
      spec: the detector or its name.

    Returns:
      Default boxes that match no fewer of the boxes than the detector's own. Where none match more or fit them
      better, the detector itself.

    Raises:
      ValueError: there are no boxes, or they are not of that form.
    """
    spec = specs.spec(spec)
    boxes_n4 = checked_boxes(boxes)
    boxes_n4 = boxes_n4[(lengths(boxes_n4) > 0).all(axis=1)]
    if not len(boxes_n4):
        raise ValueError("boxes: expected at least one with a width and a height. Received: none")
    proposed = _with_sizes(spec, _best_sizes(boxes_n4, grids(spec), spec.image_size))
    return proposed if _fit(boxes_n4, grids(proposed)) > _fit(boxes_n4, grids(spec)) else spec


def _best_sizes(boxes_n4: np.ndarray, start: Sequence[Grid], image_size: int) -> list[np.ndarray]:
    """float64 [K, 2] for each level, height and width in pixels: those of the round that fits a sample best."""
    rng = np.random.default_rng(0)
    sample_n4 = boxes_n4 if len(boxes_n4) <= _SAMPLE else boxes_n4[rng.choice(len(boxes_n4), _SAMPLE, replace=False)]
    own_nl = np.stack([own_overlaps(sample_n4, grid) for grid in start], axis=1)
    candidates, current = [], list(start)
    for _ in range(_ROUNDS):
        pixels = [_rounded(sizes_k2, image_size) for sizes_k2 in _moved(sample_n4, own_nl, current, rng)]
        current = [
            Grid(grid.centers, (pixels_k2 / image_size).astype(np.float32))
            for grid, pixels_k2 in zip(start, pixels, strict=True)
        ]
        candidates.append((_fit(sample_n4, current), pixels))
    return max(candidates, key=lambda candidate: candidate[0])[1]


def _moved(
    boxes_n4: np.ndarray, own_nl: np.ndarray, grids: Sequence[Grid], rng: np.random.Generator
) -> list[np.ndarray]:
    """A round of k-means: the sizes of each level, moved to the boxes whose best default box they are.

    Args:
      own_nl: `own_overlaps` of each box and level. A box that a level cannot serve moves no size of that level: else
        all would shrink towards objects that are too small for the detector anyway.
    """
    lengths_n2 = lengths(boxes_n4)
    iou_n, level_n, size_n = best_overlaps(boxes_n4, grids)
    can_serve_n = np.take_along_axis(own_nl, level_n[:, None], axis=1)[:, 0] >= MATCHED_IOU
    sizes, unused = [grid.sizes.copy() for grid in grids], []
    for level, sizes_k2 in enumerate(sizes):
        for place in range(len(sizes_k2)):
            served_n = can_serve_n & (level_n == level) & (size_n == place)
            if served_n.any():
                # The geometric mean: 2 and 1/2 are as far from 1.
                sizes_k2[place] = np.exp(np.log(lengths_n2[served_n]).mean(axis=0))
            else:
                unused.append((level, place))
    for level, place in unused:
        gain_n = own_nl[:, level] - iou_n
        # As k-means++ draws centres: by the square of the distance.
        weight_n = np.where((iou_n < MATCHED_IOU) & (own_nl[:, level] >= MATCHED_IOU), gain_n, 0) ** 2
        if not weight_n.any():
            continue
        drawn = rng.choice(len(weight_n), p=weight_n / weight_n.sum())
        sizes[level][place] = lengths_n2[drawn]
        there = Grid(grids[level].centers, lengths_n2[drawn : drawn + 1])
        iou_n = np.maximum(iou_n, best_overlaps(boxes_n4, [there])[0])
    return sizes


def _fit(boxes_n4: np.ndarray, grids: Sequence[Grid]) -> tuple[int, float]:
    """What is compared: the boxes that are matched; of equals, the mean IoU."""
    iou_n, _, _ = best_overlaps(boxes_n4, grids)
    return int((iou_n >= MATCHED_IOU).sum()), float(iou_n.mean())


def _rounded(sizes_k2: np.ndarray, image_size: int) -> np.ndarray:
    return np.maximum(np.round(sizes_k2.astype(np.float64) * image_size, _DECIMALS), _LEAST_PIXELS)


def _with_sizes(spec: DetectorSpec, sizes: Sequence[np.ndarray]) -> DetectorSpec:
    levels = tuple(
        specs.Level(level.cells, level.step, boxes=tuple((height, width) for height, width in sizes_k2.tolist()))
        for level, sizes_k2 in zip(spec.levels, sizes, strict=True)
    )
    return dataclasses.replace(spec, name=f"{spec.name}_proposed", levels=levels)
