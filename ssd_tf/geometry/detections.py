# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What a detector finds in a batch of images. Letters: B images, K detections kept."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np


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


def padded(found: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]], most: int) -> Detections:
    """Detections of NumPy arrays.

    Args:
      found: boxes, scores and classes of each image, no more than `most`, best first.
      most: K.
    """
    found = list(found)
    batch = Detections(
        np.zeros((len(found), most, 4), np.float32),
        np.zeros((len(found), most), np.float32),
        np.zeros((len(found), most), np.int32),
        np.zeros(len(found), np.int32),
    )
    for index, (boxes, scores, classes) in enumerate(found):
        count = len(scores)
        batch.boxes[index, :count], batch.scores[index, :count] = boxes, scores
        batch.classes[index, :count], batch.count[index] = classes, count
    return batch
