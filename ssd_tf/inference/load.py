# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The predictor of a model in any form, and what to warn of when it is used.

TensorFlow, which takes seconds, is imported where a model is TensorFlow's.
"""

import pathlib

from absl import logging

from ssd_tf.data.manifest import Manifest
from ssd_tf.export.exported import load_exported
from ssd_tf.inference.batches import AnyPredictor
from ssd_tf.utils.hardware import cpu_name
from ssd_tf.weights.model_info import ModelInfo, require_same_model

# Of an image, the most detections that COCO's AP looks at.
COCO_DETECTIONS = 100


def load_predictor(path: str | pathlib.Path) -> AnyPredictor:
    """The predictor of a model in any form: model_dir, checkpoint, .keras, SavedModel, LiteRT or ONNX file, or
    "torchvision:NAME" for a detector of `published`, which is downloaded.

    A checkpoint computes in Keras' global dtype policy.

    Raises:
      OSError, ValueError: there is no model, or it cannot be loaded.
    """
    if exported := load_exported(pathlib.Path(path)):
        return exported
    from ssd_tf.inference.predictor import Predictor, load_model

    info, model = load_model(path)
    return Predictor(info.spec, info.categories, model, frozen=True)


def load_predictor_for(path: str | pathlib.Path, manifest: Manifest) -> AnyPredictor:
    """The same, to be scored on a split, with `warn_of_limits`.

    Raises:
      As `load_predictor`; ValueError too where the model and the split have other classes.
    """
    predictor = load_predictor(path)
    found, wanted = (ModelInfo(predictor.spec, part.categories) for part in (predictor, manifest))
    require_same_model(pathlib.Path(path), found, wanted)
    warn_of_limits(predictor)
    return predictor


def warn_of_limits(predictor: AnyPredictor) -> None:
    """Logs a warning where an exported model leaves out what counts for AP."""
    warn_of_min_score(predictor, predictor.spec.detection.score_threshold)
    if predictor.max_detections < COCO_DETECTIONS:
        logging.warning(
            "this model was exported with --max_detections=%d: AP, which looks at %d, may be lower",
            predictor.max_detections,
            COCO_DETECTIONS,
        )


def warn_of_min_score(predictor: AnyPredictor, wanted: float) -> None:
    """Logs a warning where an exported model leaves out detections with scores that are wanted."""
    if predictor.min_score > wanted:
        logging.warning(
            "this model was exported with --score_threshold=%g: detections between %g and that are missing",
            predictor.min_score,
            wanted,
        )


def device_name(predictor: AnyPredictor) -> str:
    """What a predictor runs on, such as "GPU NVIDIA H100" or "CPU Intel Xeon ..."; takes a second the first time."""
    # LiteRT and ONNX Runtime run on the CPU here, whatever else there is.
    if not predictor.on_tensorflow:
        return f"CPU {cpu_name()}"
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return f"CPU {cpu_name()}"
    name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "")
    return f"GPU {name}".strip()
