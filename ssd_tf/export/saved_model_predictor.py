# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A SavedModel that was exported, ready to use as a checkpoint is."""

import pathlib

import numpy as np
import tensorflow as tf

from ssd_tf.export.description import DESCRIPTION, from_json
from ssd_tf.export.runtimes import ExportedPredictor
from ssd_tf.geometry.detections import Detections
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import literal


class SavedModelPredictor(ExportedPredictor):
    """The `detect` signature of a SavedModel."""

    on_tensorflow = True

    def __init__(self, folder: pathlib.Path):
        path = folder / "assets" / DESCRIPTION
        if not path.is_file():
            raise UserError(f"{folder}: a SavedModel, but not one that ssd_tf exported: it has no assets/{DESCRIPTION}")
        description = from_json(path.read_bytes(), str(folder))
        super().__init__(description, description.score_threshold)
        self._model = tf.saved_model.load(literal(folder))
        self._detect = self._model.signatures["detect"]
        self._ids = tf.constant([category.id for category in self.categories], tf.int64)

    def __call__(self, images: np.ndarray | tf.Tensor, score_threshold: float | None = None) -> Detections:
        score_threshold = self._threshold(score_threshold)
        found = self._detect(images=tf.convert_to_tensor(images))
        # Scores descend, so what is kept comes first.
        kept = tf.sequence_mask(found["count"], self.max_detections) & (found["scores"] > score_threshold)
        classes = tf.argmax(found["class_ids"][..., None] == self._ids, axis=-1, output_type=tf.int32) + 1
        return Detections(
            tf.where(kept[..., None], found["boxes"], 0.0),
            tf.where(kept, found["scores"], 0.0),
            tf.where(kept, classes, 0),
            tf.reduce_sum(tf.cast(kept, tf.int32), axis=1),
        )
