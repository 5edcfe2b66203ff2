# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A model that looks at tiles of an image, and at the whole of it: finds smaller objects, and takes longer."""

from typing import TYPE_CHECKING

import numpy as np

from ssd_tf.geometry import tiles
from ssd_tf.geometry.detections import Detections, padded
from ssd_tf.geometry.tiles import Tiling
from ssd_tf.inference.batches import AnyPredictor, resized

if TYPE_CHECKING:
    import tensorflow as tf


class TiledPredictor:
    """Calls a predictor on uint8 RGB [B, H, W, 3] of `input_size`, which it cuts up; attributes as Predictor's.

    Each tile and the whole image are seen by the model at its own size; B images of one view at a time.
    """

    def __init__(self, predictor: AnyPredictor, tiling: Tiling):
        self.spec, self.categories = predictor.spec, predictor.categories
        self.min_score, self.max_detections = predictor.min_score, predictor.max_detections
        self.on_tensorflow = predictor.on_tensorflow
        self.input_size = tiles.canvas_size(tiling, self.spec.image_size)
        self._predictor = predictor
        self._corners = tiles.corners(tiling, self.spec.image_size)
        self._windows_t4 = tiles.windows(tiling, self.spec.image_size)

    def __call__(self, images: "np.ndarray | tf.Tensor", score_threshold: float | None = None) -> Detections:
        images, side = np.asarray(images), self.spec.image_size
        whole = np.stack([resized(self._predictor, image, (side, side)) for image in images])
        views = [whole, *(images[:, top : top + side, left : left + side] for top, left in self._corners)]
        found = [self._predictor(view, score_threshold) for view in views]
        boxes, scores, classes = (
            np.stack([np.asarray(part) for part in parts], axis=1)
            for parts in zip(*((view.boxes, view.scores, view.classes) for view in found), strict=True)
        )
        detection = self.spec.detection
        how = (detection.iou_threshold, detection.keep_equal_iou, self.max_detections)
        together = (
            tiles.put_together(self._windows_t4, *image, *how) for image in zip(boxes, scores, classes, strict=True)
        )
        return padded(together, self.max_detections)
