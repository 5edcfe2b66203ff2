# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A trained Keras model, ready to use: uint8 images in, detections out. load.py takes models in every form."""

import functools
import pathlib
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from ssd_tf import specs
from ssd_tf.data.annotations import Category
from ssd_tf.geometry.decoding import detect
from ssd_tf.geometry.detections import Detections
from ssd_tf.models.folding import fold_batch_norm
from ssd_tf.models.preprocessing import preprocess
from ssd_tf.models.ssd import build_model
from ssd_tf.specs import DetectorSpec
from ssd_tf.weights.convert import read_model
from ssd_tf.weights.keras_file import SUFFIX as KERAS_SUFFIX
from ssd_tf.weights.keras_file import load_keras
from ssd_tf.weights.model_dir import find_checkpoint, restore_model
from ssd_tf.weights.model_info import ModelInfo, load_info
from ssd_tf.weights.published import find_detector, is_published


class Predictor:
    """Calls a model on uint8 RGB [B, S, S, 3] and returns Detections (normalised boxes, classes 1..C).

    Attributes:
      spec: the detector.
      categories: entry k - 1 is class k.
      min_score: no detection with a lower score comes out; 0 here, since only exported models have such a limit.
      max_detections: K.
      input_size: height and width in pixels of the images that it is called on, (S, S).
      on_tensorflow: TensorFlow runs the model; LiteRT and ONNX files need no TensorFlow.
      frozen: the model's weights of the start count for good, which is faster; else those of each call.
    """

    min_score = 0.0
    on_tensorflow = True

    def __init__(
        self, spec: DetectorSpec, categories: tuple[Category, ...], model: keras.Model, *, frozen: bool = False
    ):
        self.spec = spec
        self.categories = categories
        self.frozen = frozen
        self._run_model = _frozen(model) if frozen else functools.partial(model, training=False)
        self._predict = tf.function(self._forward)

    @property
    def max_detections(self) -> int:
        return self.spec.detection.max_detections

    @property
    def input_size(self) -> tuple[int, int]:
        return self.spec.image_size, self.spec.image_size

    def __call__(self, images: np.ndarray | tf.Tensor, score_threshold: float | None = None) -> Detections:
        if score_threshold is None:
            score_threshold = self.spec.detection.score_threshold
        return self._predict(tf.convert_to_tensor(images), tf.constant(score_threshold))

    def _forward(self, images, score_threshold):
        outputs = self._run_model(preprocess(images, self.spec))
        return detect(self.spec, outputs["offsets"], outputs["logits"], score_threshold)


def _frozen(model: keras.Model) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """The model with constants for weights, which TensorFlow lays out for its kernels once, and not at each call."""
    folded = fold_batch_norm(model)
    weights = [np.asarray(variable) for variable in folded.non_trainable_variables]

    def run(images: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs, _ = folded.stateless_call([], [tf.constant(value) for value in weights], images, training=False)
        return outputs

    return run


def load_model(path: str | pathlib.Path) -> tuple[ModelInfo, keras.Model]:
    """The Keras model of a model_dir, of one of its checkpoints, of a .keras file, or of "torchvision:NAME".

    Raises:
      OSError, ValueError: there is no model, or it cannot be loaded.
    """
    if is_published(path):
        return read_model(path, specs.named(find_detector(path).detector))
    if pathlib.Path(path).suffix == KERAS_SUFFIX:
        return load_keras(path)
    model_dir, checkpoint = find_checkpoint(path)
    info = load_info(model_dir)
    model = build_model(info.spec, len(info.categories))
    restore_model(model, checkpoint)
    logging.info("%s from %s; classes: %d", info.spec.name, checkpoint, len(info.categories))
    return info, model
