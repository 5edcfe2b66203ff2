# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""One box on an image that is to be looked at, even where it is tiny, has no extent, or lies outside the image."""

import cv2
import numpy as np

from ssd_tf.drawing.palette import Color

_COLOR: Color = (213, 94, 0)
_EDGE, _OUTSIDE = (255, 255, 255), (128, 128, 128)
# As parts of the image's longer side; a box with a shorter side than this one gets a ring, which is larger.
_LINE, _SMALL, _RING = 1 / 160, 1 / 30, 1 / 18
# Of a side of the image: what lies farther out is not shown.
_MOST_OUTSIDE = 0.4


def mark_box(image_u8_hw3: np.ndarray, box_4: np.ndarray) -> np.ndarray:
    """A copy with the box in a strong line. Grey ground is added where the box leaves the image.

    Args:
      image_u8_hw3: uint8 RGB.
      box_4: float [4], [ymin, xmin, ymax, xmax] as fractions of the image, finite, beyond [0, 1] too.

    Returns:
      A new uint8 RGB array, larger than the image by what the box needs, up to two fifths of a side on each side.
    """
    height, width = image_u8_hw3.shape[:2]
    sides = np.array([height, width])
    box_22 = np.asarray(box_4, np.float64).reshape(2, 2) * sides  # y, x of the first corner, and of the second
    low, high = box_22.min(axis=0), box_22.max(axis=0)
    line = max(2, round(max(height, width) * _LINE))
    most = np.ceil(sides * _MOST_OUTSIDE)
    before = np.clip(np.ceil(-low) + 2 * line, 0, most).astype(int) * (low < 0)
    after = np.clip(np.ceil(high - sides) + 2 * line, 0, most).astype(int) * (high > sides)
    marked = cv2.copyMakeBorder(
        image_u8_hw3, before[0], after[0], before[1], after[1], cv2.BORDER_CONSTANT, value=_OUTSIDE
    )
    canvas = np.array(marked.shape[:2])
    low, high = (np.clip(np.rint(corner + before), 0, canvas - 1).astype(int) for corner in (low, high))
    first, second = (int(low[1]), int(low[0])), (int(high[1]), int(high[0]))
    small = (high - low).min() < max(height, width) * _SMALL
    for color, thickness in ((_EDGE, 2 * line + 1), (_COLOR, line)):
        if small:
            center = ((first[0] + second[0]) // 2, (first[1] + second[1]) // 2)
            radius = int(max(max(height, width) * _RING, (high - low).max() * 0.6))
            cv2.circle(marked, center, radius, color, thickness, cv2.LINE_AA)
        else:
            cv2.rectangle(marked, first, second, color, thickness)
    return np.asarray(marked, np.uint8)
