# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Exported models, ready to use as a checkpoint is: uint8 images in, Detections out. B images, K detections."""

import abc
import os
import pathlib

import numpy as np
import tensorflow as tf

from ssd_tf.export.description import DESCRIPTION, Description, from_json
from ssd_tf.geometry.detections import Detections, detect
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import literal
from ssd_tf.utils.imports import import_extra, quiet_stderr
from ssd_tf.weights.model_info import CONFIG

SAVED_MODEL_FILE = "saved_model.pb"


class ExportedPredictor(abc.ABC):
    """Calls an exported model on uint8 RGB [B, S, S, 3].

    Attributes:
      spec, categories: as Predictor's.
      min_score: no detection with a lower score comes out, whatever is asked for.
      max_detections: K.
    """

    def __init__(self, description: Description, min_score: float = 0.0):
        self.spec = description.info.spec
        self.categories = description.info.categories
        self.min_score = min_score
        self.max_detections = description.max_detections

    @abc.abstractmethod
    def __call__(self, images: tf.Tensor, score_threshold: float | None = None) -> Detections:
        """Detections with a score above the threshold; None takes the spec's."""


class SavedModelPredictor(ExportedPredictor):
    """The `detect` signature of a SavedModel."""

    def __init__(self, folder: pathlib.Path):
        path = folder / "assets" / DESCRIPTION
        if not path.is_file():
            raise UserError(f"{folder}: a SavedModel, but not one that ssd_tf exported: it has no assets/{DESCRIPTION}")
        description = from_json(path.read_bytes(), str(folder))
        super().__init__(description, description.score_threshold)
        self._model = tf.saved_model.load(literal(folder))
        self._detect = self._model.signatures["detect"]
        self._ids = tf.constant([category.id for category in self.categories], tf.int64)

    def __call__(self, images: tf.Tensor, score_threshold: float | None = None) -> Detections:
        if score_threshold is None:
            score_threshold = self.spec.detection.score_threshold
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


class LiteRTPredictor(ExportedPredictor):
    """A .tflite file, by the same code that runs it without TensorFlow; one image after the other."""

    def __init__(self, path: pathlib.Path):
        import_extra("ai_edge_litert.interpreter")
        from ssd_tf.export.litert_detect import LiteRTDetector

        try:
            self._detector = LiteRTDetector(str(path), os.cpu_count())
        except ValueError as error:  # that file runs without ssd_tf, and knows no UserError
            raise UserError(str(error)) from error
        size = self._detector.image_size
        with quiet_stderr():  # the first run reports that it uses XNNPACK
            self._detector(np.zeros((size, size, 3), np.uint8))
        description = from_json(self._detector.description_text, str(path))
        super().__init__(description, description.score_threshold if self._detector.decides else 0.0)

    def __call__(self, images: tf.Tensor, score_threshold: float | None = None) -> Detections:
        if score_threshold is None:
            score_threshold = self.spec.detection.score_threshold
        return Detections(
            *tf.numpy_function(
                self._run, [images, score_threshold], [tf.float32, tf.float32, tf.int32, tf.int32], stateful=False
            )
        )

    def _run(self, images, score_threshold):
        found = Detections(
            np.zeros((len(images), self.max_detections, 4), np.float32),
            np.zeros((len(images), self.max_detections), np.float32),
            np.zeros((len(images), self.max_detections), np.int32),
            np.zeros(len(images), np.int32),
        )
        for index, image in enumerate(images):
            boxes, scores, classes = self._detector(image, score_threshold)
            count = len(scores)
            found.boxes[index, :count], found.scores[index, :count] = boxes, scores
            found.classes[index, :count], found.count[index] = classes, count
        return found


class OnnxPredictor(ExportedPredictor):
    """An .onnx file; detections are made from its offsets and logits here."""

    def __init__(self, path: pathlib.Path):
        onnxruntime = import_extra("onnxruntime")
        try:
            self._session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        except _onnx_errors() as error:
            raise UserError(f"{path}: ONNX Runtime cannot load this model: {error}") from error
        stored = self._session.get_modelmeta().custom_metadata_map
        if DESCRIPTION not in stored:
            raise UserError(f"{path}: an ONNX model, but not one that ssd_tf exported")
        self._description = from_json(stored[DESCRIPTION], str(path))
        super().__init__(self._description)

    def __call__(self, images: tf.Tensor, score_threshold: float | None = None) -> Detections:
        offsets, logits = tf.numpy_function(self._run, [images], [tf.float32, tf.float32], stateful=False)
        anchors = self.spec.num_anchors
        return detect(
            self.spec,
            tf.ensure_shape(offsets, [None, anchors, 4]),
            tf.ensure_shape(logits, [None, anchors, len(self.categories) + 1]),
            score_threshold,
            self._description.iou_threshold,
            self._description.max_detections,
        )

    def _run(self, images):
        return self._session.run(["offsets", "logits"], {"images": images.astype(np.float32)})


def load_exported(path: pathlib.Path) -> ExportedPredictor | None:
    """The predictor of an exported model; None where path is none.

    Raises:
      ValueError: it is an exported model, but cannot be used.
    """
    found = find_exported(path)
    if not found or found.is_dir():
        return SavedModelPredictor(found) if found else None
    return LiteRTPredictor(found) if found.suffix == ".tflite" else OnnxPredictor(found)


def find_exported(path: pathlib.Path) -> pathlib.Path | None:
    """The .tflite or .onnx file, or the folder of the SavedModel, that a path means; None where it means none.

    A folder of versions, as TensorFlow Serving watches one, stands for its highest.
    """
    if path.is_file():
        return path if path.suffix in (".tflite", ".onnx") else None
    if not path.is_dir() or (path / CONFIG).is_file():  # a model_dir stands for its checkpoints, whatever else is in it
        return None
    candidates = [path, *(path / str(version) for version in reversed(versions(path)))]
    return next((folder for folder in candidates if (folder / SAVED_MODEL_FILE).is_file()), None)


def versions(folder: pathlib.Path) -> list[int]:
    """The versions in a folder that TensorFlow Serving may watch, ascending."""
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal() and path.is_dir())


def _onnx_errors() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises where a file is no model or none for it; they have no base of their own."""
    state = import_extra("onnxruntime.capi.onnxruntime_pybind11_state")
    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoModel", "NotImplemented")
    return tuple(getattr(state, name) for name in (*names, "NoSuchFile", "RuntimeException"))
