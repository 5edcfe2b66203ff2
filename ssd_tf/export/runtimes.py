# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Exported models, ready to use as a checkpoint is: uint8 images in, Detections out. B images, K detections.

A LiteRT or ONNX model needs no TensorFlow, which takes seconds to start: arrays in, arrays out.
"""

import abc
import os
import pathlib
from typing import TYPE_CHECKING

import numpy as np

from ssd_tf.export.description import DESCRIPTION, Description, from_json
from ssd_tf.export.litert_detect import LiteRTDetector, decode
from ssd_tf.geometry.anchors import default_boxes
from ssd_tf.geometry.detections import Detections, padded
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.imports import import_extra, quiet_stderr

if TYPE_CHECKING:
    import tensorflow as tf


class ExportedPredictor(abc.ABC):
    """Calls an exported model on uint8 RGB [B, S, S, 3].

    Attributes:
      spec, categories: as Predictor's.
      min_score: no detection with a lower score comes out, whatever is asked for.
      max_detections: K.
      input_size, on_tensorflow: as Predictor's.
    """

    on_tensorflow = False

    def __init__(self, description: Description, min_score: float = 0.0):
        self.spec = description.info.spec
        self.categories = description.info.categories
        self.min_score = min_score
        self.max_detections = description.max_detections
        self.input_size = (self.spec.image_size, self.spec.image_size)

    @abc.abstractmethod
    def __call__(self, images: "np.ndarray | tf.Tensor", score_threshold: float | None = None) -> Detections:
        """Detections with a score above the threshold; None takes the spec's."""

    def _threshold(self, wanted: float | None) -> float:
        return self.spec.detection.score_threshold if wanted is None else wanted


class LiteRTPredictor(ExportedPredictor):
    """A .tflite file, by the same code that runs it without TensorFlow; one image after the other."""

    def __init__(self, path: pathlib.Path):
        try:
            self._detector = LiteRTDetector(str(path), os.cpu_count())
        except ValueError as error:  # that file runs without ssd_tf, and knows no UserError
            raise UserError(str(error)) from error
        size = self._detector.image_size
        with quiet_stderr():  # the first run reports that it uses XNNPACK
            self._detector(np.zeros((size, size, 3), np.uint8))
        description = from_json(self._detector.description_text, str(path))
        super().__init__(description, description.score_threshold if self._detector.decides else 0.0)

    def __call__(self, images: "np.ndarray | tf.Tensor", score_threshold: float | None = None) -> Detections:
        found = [self._detector(image, self._threshold(score_threshold)) for image in np.asarray(images)]
        return padded(found, self.max_detections)


class OnnxPredictor(ExportedPredictor):
    """An .onnx file; detections are made from its offsets and logits here."""

    def __init__(self, path: pathlib.Path):
        onnxruntime = import_extra("onnxruntime")
        options = onnxruntime.SessionOptions()
        # Else its threads spin for some 40 ms after each run, on cores that decode, draw or show meanwhile.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except _onnx_errors() as error:
            raise UserError(f"{path}: ONNX Runtime cannot load this model: {error}") from error
        stored = self._session.get_modelmeta().custom_metadata_map
        if DESCRIPTION not in stored:
            raise UserError(f"{path}: an ONNX model, but not one that ssd_tf exported")
        self._description = from_json(stored[DESCRIPTION], str(path))
        super().__init__(self._description)
        self._anchors = default_boxes(self.spec)

    def __call__(self, images: "np.ndarray | tf.Tensor", score_threshold: float | None = None) -> Detections:
        pixels = np.asarray(images).astype(np.float32)
        how = self.spec.detection
        found = [
            decode(
                offsets,
                logits,
                self._anchors,
                self.spec.variances,
                self._threshold(score_threshold),
                self._description.iou_threshold,
                self.max_detections,
                how.candidates_per_class,
                how.keep_equal_iou,
                how.clip_boxes,
                how.max_growth,
            )
            for offsets, logits in zip(*self._session.run(["offsets", "logits"], {"images": pixels}), strict=True)
        ]
        return padded(found, self.max_detections)


def _onnx_errors() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises where a file is no model or none for it; they have no base of their own."""
    state = import_extra("onnxruntime.capi.onnxruntime_pybind11_state")
    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoModel", "NotImplemented")
    return tuple(getattr(state, name) for name in (*names, "NoSuchFile", "RuntimeException"))
