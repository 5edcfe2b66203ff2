# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What a model is trained on, as one image: augmented examples, their boxes, and the anchors that match those.

Letters: B images, S image side, A anchors.
"""

import math

import cv2
import numpy as np
import tensorflow as tf

from ssd_tf.data.augmentation import Rule
from ssd_tf.data.examples import TrainBatch
from ssd_tf.drawing.detections import class_color, draw_detections
from ssd_tf.geometry.anchors import anchor_corners
from ssd_tf.geometry.matching import match
from ssd_tf.models.preprocessing import pixels_of
from ssd_tf.specs import DetectorSpec
from ssd_tf.training.step import augment_batch

# Pixels of a side of each example in the grid, so that a label can be read in it, and between examples.
_SIDE, _GAP = 320, 4


def example_grid(
    spec: DetectorSpec, batch: TrainBatch, colors: Rule | None, names: dict[int, str], count: int = 16
) -> np.ndarray:
    """The first examples of a batch as the model gets them, in a grid as square as can be; uint8 RGB.

    Ground truth has a label; the anchors that are trained to find it are thin lines of the same colour.

    Args:
      batch: on one device; [B, ...].
      colors: whose rule the training step changes colours by; None: it does not.
      names: of classes 1..C.
      count: at most so many examples.
    """
    batch = tf.nest.map_structure(lambda values: values[:count], batch)
    # As it is: XLA would compile for seconds what is done once.
    images, boxes = augment_batch(batch, colors, spec)
    _, labels = match(spec, boxes, batch.classes, jit_compile=False)
    pixels = pixels_of(images, spec).numpy()
    corners = anchor_corners(spec)
    tiles = []
    for image, boxes_g4, classes_g, labels_a in zip(
        pixels, boxes.numpy(), batch.classes.numpy(), labels.numpy(), strict=True
    ):
        tile = np.asarray(cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_LINEAR), np.uint8)
        for anchor in np.flatnonzero(labels_a):
            ymin, xmin, ymax, xmax = np.rint(corners[anchor] * _SIDE).astype(int).tolist()
            cv2.rectangle(tile, (xmin, ymin), (xmax, ymax), class_color(int(labels_a[anchor])), 1)
        real = classes_g > 0
        tiles.append(draw_detections(tile, boxes_g4[real], classes_g[real], None, names))
    return _in_a_grid(tiles)


def _in_a_grid(tiles: list[np.ndarray]) -> np.ndarray:
    columns = math.ceil(math.sqrt(len(tiles)))
    rows = math.ceil(len(tiles) / columns)
    pitch = _SIDE + _GAP
    grid = np.full((rows * pitch - _GAP, columns * pitch - _GAP, 3), 255, np.uint8)
    for place, tile in enumerate(tiles):
        y, x = (place // columns) * pitch, (place % columns) * pitch
        grid[y : y + _SIDE, x : x + _SIDE] = tile
    return grid
