# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""An image cut into overlapping tiles, and what is found in the tiles put together. NumPy alone.

For small objects in large images: in a tile they are larger. As Akyon et al. 2022 (arXiv 2202.06934, "slicing aided
inference") the whole image is looked at too, for objects larger than a tile. T views, K detections of a view.
"""

import dataclasses
import re

import numpy as np

from ssd_tf.utils.errors import UserError

# Of a tile's side: the edge of a box that is so near to an inner edge of its tile may have been cut off there.
_AT_EDGE = 0.02
# A box that was cut off is dropped where so much of it lies in another one of its class.
_MOST = 0.5
# What its score counts for beside that of such a one, which may be less sure of the object.
_SURE = 0.5


@dataclasses.dataclass(frozen=True)
class Tiling:
    """How images are cut.

    Attributes:
      columns, rows: of tiles.
      overlap: how much of a tile's side its neighbour sees too, 0 to 0.5. Objects up to this size are whole in a tile.
    """

    columns: int
    rows: int
    overlap: float = 0.25

    def __post_init__(self):
        if min(self.columns, self.rows) < 1 or self.columns * self.rows < 2:
            raise UserError(f"--tiles: expected 2 tiles or more. Received: {self.columns}x{self.rows}")
        if not 0 <= self.overlap <= 0.5:
            raise UserError(f"--tile_overlap: expected 0 to 0.5. Received: {self.overlap}")


def parse_tiles(text: str, overlap: float = Tiling.overlap) -> Tiling:
    """The tiling of "3x2": three columns and two rows, as sizes of images are written.

    Raises:
      ValueError: it is no such text, or a number is out of range.
    """
    found = re.fullmatch(r"([0-9]{1,2})x([0-9]{1,2})", text)
    if not found:
        raise UserError(f"--tiles: expected COLUMNSxROWS, such as 2x2. Received: {text!r}")
    return Tiling(int(found[1]), int(found[2]), overlap)


def starts(count: int, side: int, overlap: float) -> list[int]:
    """Where `count` tiles of `side` pixels begin: evenly spread, in whole pixels."""
    return [round(index * side * (1 - overlap)) for index in range(count)]


def canvas_size(tiling: Tiling, side: int) -> tuple[int, int]:
    """Height and width in pixels that an image is resized to, so that its tiles are squares of `side` pixels."""
    height, width = (starts(count, side, tiling.overlap)[-1] + side for count in (tiling.rows, tiling.columns))
    return height, width


def corners(tiling: Tiling, side: int) -> list[tuple[int, int]]:
    """(top, left) of each tile in the canvas, row by row."""
    tops, lefts = (starts(count, side, tiling.overlap) for count in (tiling.rows, tiling.columns))
    return [(top, left) for top in tops for left in lefts]


def windows(tiling: Tiling, side: int) -> np.ndarray:
    """float32 [T, 4]: the part of the image that each view shows, as a box. The first view is the whole image."""
    height, width = canvas_size(tiling, side)
    boxes = [(0, 0, height, width), *((top, left, top + side, left + side) for top, left in corners(tiling, side))]
    return (np.array(boxes) / (height, width, height, width)).astype(np.float32)


def put_together(
    windows_t4: np.ndarray,
    boxes_tk4: np.ndarray,
    scores_tk: np.ndarray,
    classes_tk: np.ndarray,
    iou_threshold: float,
    keep_equal_iou: bool,
    most: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The detections of one image's views as those of the image, best first: boxes [N, 4], scores and classes [N].

    Of two boxes of a class that overlap the better one stays, as within an image. A box that an inner edge of its tile
    cut off counts half of its score beside others, and stays only where no such better one of its class is around most
    of it: it is a part of an object that a neighbour, or the view of the whole image, has in full.

    Args:
      windows_t4: as `windows` gives them.
      boxes_tk4: normalised in each view.
      scores_tk: 0 for no detection.
      classes_tk: 1..C.
      iou_threshold: a box is dropped where its IoU with a better one of its class is at least this (above it, with
        keep_equal_iou).
      most: detections kept.
    """
    tops_lefts, sizes = windows_t4[:, None, :2], windows_t4[:, None, 2:] - windows_t4[:, None, :2]
    view, place = np.nonzero(scores_tk > 0)
    boxes_tk4 = np.asarray(boxes_tk4, np.float32)
    whole = np.concatenate([tops_lefts, tops_lefts], -1) + boxes_tk4 * np.concatenate([sizes, sizes], -1)
    boxes, inside = whole[view, place], boxes_tk4[view, place]
    scores, classes = scores_tk[view, place], classes_tk[view, place]
    inner = np.concatenate([windows_t4[:, :2] > 0, windows_t4[:, 2:] < 1], -1)[view]
    near = np.concatenate([inside[:, :2] < _AT_EDGE, inside[:, 2:] > 1 - _AT_EDGE], -1)
    cut = np.any(inner & near, axis=-1)

    order = np.argsort(-np.where(cut, _SURE * scores, scores), kind="stable")
    boxes, scores, classes, cut = boxes[order], scores[order], classes[order], cut[order]
    # A suppression of its own: decoding's is TensorFlow's, and litert_detect's, which stands alone, knows no cut boxes.
    alive = np.ones(len(scores), bool)
    areas = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), -1)
    for index in range(len(scores)):
        if not alive[index]:
            continue
        rest = index + 1 + np.flatnonzero(alive[index + 1 :] & (classes[index + 1 :] == classes[index]))
        low, high = np.maximum(boxes[index, :2], boxes[rest, :2]), np.minimum(boxes[index, 2:], boxes[rest, 2:])
        common = np.prod(np.maximum(high - low, 0), -1)
        iou = common / np.maximum(areas[index] + areas[rest] - common, np.finfo(np.float32).tiny)
        overlaps = iou > iou_threshold if keep_equal_iou else iou >= iou_threshold
        alive[rest[overlaps | (cut[rest] & (common >= _MOST * areas[rest]))]] = False
    kept = np.flatnonzero(alive)
    kept = kept[np.argsort(-scores[kept], kind="stable")][:most]
    return boxes[kept], scores[kept], classes[kept]
