# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Where labels go: at their boxes, never on each other, and not on small objects.

One box after the other takes the cheapest of the free places. The best places of all together would be a hard search,
and would move the labels of a video whenever one box moves. Pixel boxes are int [x0, y0, x1, y1] with the last row and
column included; N boxes, V versions of a label, P places at a box, Q = V P.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

# Places as multiples of the box's and of the label's width, then of their heights, from the upper left corner of the
# box, the most liked first. Above the box, to the left, is where eyes look for a label.
_PLACES = np.array(
    [
        [(0, 0), (0, -1)],  # above, left
        [(0, 0), (0, 0)],  # inside, upper left
        [(1, -1), (0, -1)],  # above, right
        [(0, 0), (1, 0)],  # below, left
        [(1, -1), (0, 0)],  # inside, upper right
        [(1, -1), (1, 0)],  # below, right
        [(1, 0), (0, 0)],  # to the right, top
        [(0, -1), (0, 0)],  # to the left, top
        [(0, 0), (1, -1)],  # inside, lower left
        [(1, -1), (1, -1)],  # inside, lower right
        [(1, 0), (1, -1)],  # to the right, bottom
        [(0, -1), (1, -1)],  # to the left, bottom
    ],
    np.int64,
)
# Costs are in boxes hidden. The first place is worth a tenth of a box; the order of the others only breaks ties. A
# version without the score is worth a quarter of a box. A label that stays where it was in the last frame of a video
# saves more than most places differ by: for 20 boxes that shake by a pixel 0.7 % of the labels jump in a frame instead
# of 7 %, for 50 boxes 3 % instead of 20 %.
_PLACE_COSTS = np.array([0, *(0.1 + 0.01 * np.arange(len(_PLACES) - 1))])
_VERSION_COST = 0.25
_STAY_COST = -0.4
# How much of another box and of its own a label may hide: where more would be hidden, the box shows more of the object
# without its label, whose class the colour still shows.
_MOST_OF_ANOTHER, _MOST_OF_ITS_OWN = 0.25, 0.5
# How much two boxes of one class in frames that follow each other overlap (IoU) to be taken for the same object.
_SAME_OBJECT = 0.5


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a label goes: which version of it, its left and its upper pixel, and the number of the place, 0..Q-1."""

    version: int
    x: int
    y: int
    number: int


@dataclasses.dataclass
class LabelMemory:
    """The labels of the last frame of a video, so that they stay where they are. Each video needs its own."""

    frames_n4: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((0, 4), np.int64))
    classes_n: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))
    numbers_n: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))

    def recall(self, frames_n4: np.ndarray, classes_n: np.ndarray) -> np.ndarray:
        """The number of the place that each box's label had in the last frame, int [N]; -1 for new boxes."""
        if not len(self.frames_n4) or not len(frames_n4):
            return np.full(len(frames_n4), -1)
        common = _overlaps(frames_n4, self.frames_n4)
        iou = common / (_areas(frames_n4)[:, None] + _areas(self.frames_n4) - common)
        iou = np.where(classes_n[:, None] == self.classes_n, iou, 0)
        return np.where(iou.max(axis=1) >= _SAME_OBJECT, self.numbers_n[iou.argmax(axis=1)], -1)

    def keep(self, frames_n4: np.ndarray, classes_n: np.ndarray, places: Sequence[Place | None]) -> None:
        """Remembers where the labels of these boxes are, and forgets all others."""
        self.frames_n4, self.classes_n = frames_n4, classes_n
        self.numbers_n = np.array([-1 if place is None else place.number for place in places], np.int64)


def place_labels(
    frames_n4: np.ndarray,
    sizes_nv2: np.ndarray,
    image_size: tuple[int, int],
    last_numbers_n: np.ndarray,
) -> list[Place | None]:
    """Chooses a version and a place for every label, in the order of the boxes: the first box chooses first.

    A place costs the sum of the hidden fractions of all boxes, so that a small box counts for more than the same
    pixels of a large one. It is out of the question where it covers another label, more than a quarter of another
    box or more than half of its own.

    Args:
      frames_n4: int [N, 4], boxes in pixels, inside the image.
      sizes_nv2: int [N, V, 2], height and width of each label's versions, the most wanted first.
      image_size: height and width.
      last_numbers_n: int [N], what LabelMemory.recall says; -1 for boxes that are new.

    Returns:
      For every box the place of its label, which lies wholly in the image; None where there is none.
    """
    places_nq4 = _places(frames_n4, sizes_nv2, image_size)
    fits_nq = places_nq4[..., :2].min(axis=-1) >= 0
    costs_q = np.add.outer(_VERSION_COST * np.arange(sizes_nv2.shape[1]), _PLACE_COSTS).reshape(-1)
    areas_n = _areas(frames_n4)
    labels_n4 = np.zeros_like(frames_n4)
    found, count = [], 0
    for i, places_q4 in enumerate(places_nq4):
        hidden_qn = _overlaps(places_q4, frames_n4) / areas_n
        total_q = costs_q + hidden_qn.sum(axis=-1)
        if last_numbers_n[i] >= 0:
            total_q[last_numbers_n[i]] += _STAY_COST
        good_q = fits_nq[i] & (hidden_qn[:, i] <= _MOST_OF_ITS_OWN)
        hidden_qn[:, i] = 0
        good_q &= hidden_qn.max(axis=-1) <= _MOST_OF_ANOTHER
        good_q &= ~_overlaps(places_q4, labels_n4[:count]).any(axis=-1)
        if not good_q.any():
            found.append(None)
            continue
        best = int(np.argmin(np.where(good_q, total_q, np.inf)))
        labels_n4[count] = places_q4[best]
        count += 1
        found.append(Place(best // len(_PLACES), int(places_q4[best, 0]), int(places_q4[best, 1]), best))
    return found


def _places(frames_n4: np.ndarray, sizes_nv2: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    """Pixels of every version in every place, int [N, Q, 4]; x0 or y0 is < 0 where it is larger than the image.

    Places that stick out are moved in, so that a label slides along the border as its box moves, and does not jump.
    """
    boxes_n112 = (frames_n4[:, 2:] - frames_n4[:, :2] + 1)[:, None, None]
    labels_nv12 = sizes_nv2[:, :, None, ::-1]
    corners = frames_n4[:, None, None, :2] + _PLACES[..., 0] * boxes_n112 + _PLACES[..., 1] * labels_nv12
    corners = np.minimum(np.maximum(corners, 0), np.array(image_size[::-1]) - labels_nv12)
    places = np.concatenate([corners, corners + labels_nv12 - 1], axis=-1)
    return places.reshape(len(frames_n4), len(_PLACES) * sizes_nv2.shape[1], 4)


def _areas(frames_n4: np.ndarray) -> np.ndarray:
    return np.prod(frames_n4[:, 2:] - frames_n4[:, :2] + 1, axis=-1)


def _overlaps(places_p4: np.ndarray, others_m4: np.ndarray) -> np.ndarray:
    """Common pixels of every place with every box, float32 [P, M]; float32 takes half as long as int64."""
    x0, y0, x1, y1 = (v[:, None] for v in np.ascontiguousarray(places_p4.T, np.float32))
    u0, v0, u1, v1 = np.ascontiguousarray(others_m4.T, np.float32)
    widths = np.maximum(np.minimum(x1, u1) - np.maximum(x0, u0) + 1, 0)
    heights = np.maximum(np.minimum(y1, v1) - np.maximum(y0, v0) + 1, 0)
    return widths * heights
