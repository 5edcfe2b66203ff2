# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Default boxes (anchors) of a detector, as Liu et al. section 2.2 and MLPerf ssd-v1 (dboxes300_coco) place them.

Anchors run over level, row, column, box of the cell: the order of a Keras NHWC head reshaped to [B, A, .].
"""

import functools
import math

import numpy as np

from ssd_tf import specs
from ssd_tf.specs import DetectorSpec, Level


def default_boxes(spec: str | DetectorSpec) -> np.ndarray:
    """Default boxes as float32 [A, 4], [cy, cx, h, w], normalised and clipped as the spec's `clip` says.

    Centres and sizes are clipped at most, never corners, so a corner may lie outside the image; see `anchor_corners`.
    """
    return _default_boxes(specs.spec(spec)).copy()


def anchor_corners(spec: str | DetectorSpec) -> np.ndarray:
    """Corners float32 [A, 4], [ymin, xmin, ymax, xmax], of the default boxes; they reach beyond [0, 1]."""
    boxes_a4 = _default_boxes(specs.spec(spec))
    centers, half = boxes_a4[:, :2], boxes_a4[:, 2:] * np.float32(0.5)
    return np.concatenate([centers - half, centers + half], axis=1)


@functools.cache
def _default_boxes(spec: DetectorSpec) -> np.ndarray:
    boxes_a4 = np.concatenate([_level_boxes(level, spec.image_size) for level in spec.levels]).astype(np.float32)
    if spec.clip != "none":
        clipped = slice(None) if spec.clip == "centre_form" else slice(2, None)
        boxes_a4[:, clipped] = np.clip(boxes_a4[:, clipped], 0.0, 1.0)
    return boxes_a4


def _level_boxes(level: Level, image_size: int) -> np.ndarray:
    """float64 [cells * cells * boxes, 4] of one level, not clipped."""
    # The reference spaces centres by step / image size, not by 1 / cells: 38 cells of 8 pixels are 304 pixels wide.
    step = image_size / level.cells if level.step is None else level.step
    centers = (np.arange(level.cells) + 0.5) * step / image_size
    cy, cx = np.meshgrid(centers, centers, indexing="ij")
    sizes = np.array(_cell_sizes(level), np.float64) / image_size
    boxes = np.empty((level.cells, level.cells, len(sizes), 4))
    boxes[..., 0] = cy[:, :, None]
    boxes[..., 1] = cx[:, :, None]
    boxes[..., 2:] = sizes
    return boxes.reshape(-1, 4)


def _cell_sizes(level: Level) -> list[tuple[float, float]]:
    """(height, width) in pixels of the boxes of one cell."""
    if level.size is None or level.next_size is None:
        return list(level.boxes)
    between = math.sqrt(level.size * level.next_size)
    sizes = [(float(level.size), float(level.size)), (between, between)]
    for ratio in level.aspect_ratios:
        long, short = level.size * math.sqrt(ratio), level.size / math.sqrt(ratio)
        sizes += [(short, long), (long, short)]
    return sizes
