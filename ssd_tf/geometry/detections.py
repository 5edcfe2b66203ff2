# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What a detector finds in a batch of images. Letters: B images, K detections kept."""

from typing import Any, NamedTuple


class Detections(NamedTuple):
    """What was found, best first; entries from `count` on are zero.

    Attributes, NumPy arrays or TensorFlow tensors:
      boxes: float32 [B, K, 4], [ymin, xmin, ymax, xmax]; normalised; not clipped to the image, unless the spec says so.
      scores: float32 [B, K].
      classes: int32 [B, K], 1..C.
      count: int32 [B].
    """

    boxes: Any
    scores: Any
    classes: Any
    count: Any
