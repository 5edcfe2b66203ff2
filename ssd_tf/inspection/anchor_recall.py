# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The anchors' recall: how many boxes of a data set a detector's default boxes can be matched with.

A box whose best default box has an IoU below 0.5 is learnt from a forced match alone, and badly. Boxes here are
[xmin, ymin, xmax, ymax] as fractions of the image, which is what matching sees: an image is stretched to the square
input.
"""

import dataclasses
import itertools
import math
from collections.abc import Sequence

import numpy as np

from ssd_tf import specs
from ssd_tf.inspection.overlaps import best_overlaps, checked_boxes, grids, lengths
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


def anchor_recall(boxes: np.ndarray, spec: str | DetectorSpec) -> AnchorRecall:
    """How many of the boxes the detector's default boxes match, as they lie, without augmentation.

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


def _counted(names: tuple[str, ...], kind_n: np.ndarray, matched_n: np.ndarray) -> tuple[Counted, ...]:
    """Boxes and matched ones of each kind; kind_n: int [N], places in names."""
    boxes = np.bincount(kind_n, minlength=len(names))
    matched = np.bincount(kind_n[matched_n], minlength=len(names))
    return tuple(map(Counted, names, boxes.tolist(), matched.tolist()))
