# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""SSD (Single Shot MultiBox Detector) for TensorFlow 2 and Keras 3.

The public names are loaded when they are first used, so that `import ssd_tf` does not start TensorFlow.
"""

import importlib
from typing import TYPE_CHECKING

from ssd_tf.utils.keras_registration import import_with_keras
from ssd_tf.version import __version__ as __version__

if TYPE_CHECKING:
    from ssd_tf.api import Detector, prepare
    from ssd_tf.geometry.anchors import default_boxes
    from ssd_tf.geometry.detections import Detections, detect
    from ssd_tf.geometry.matching import match
    from ssd_tf.inference.predictions import Prediction
    from ssd_tf.models.losses import MultiBoxLoss, multibox_loss
    from ssd_tf.models.preprocessing import preprocess
    from ssd_tf.models.ssd import build_model
    from ssd_tf.settings import TrainConfig
    from ssd_tf.specs import DetectorSpec, spec
    from ssd_tf.training.loop import train
    from ssd_tf.weights.load import load_weights

_HOMES = {
    "Detector": "ssd_tf.api",
    "prepare": "ssd_tf.api",
    "Prediction": "ssd_tf.inference.predictions",
    "DetectorSpec": "ssd_tf.specs",
    "spec": "ssd_tf.specs",
    "default_boxes": "ssd_tf.geometry.anchors",
    "Detections": "ssd_tf.geometry.detections",
    "detect": "ssd_tf.geometry.detections",
    "match": "ssd_tf.geometry.matching",
    "build_model": "ssd_tf.models.ssd",
    "preprocess": "ssd_tf.models.preprocessing",
    "MultiBoxLoss": "ssd_tf.models.losses",
    "multibox_loss": "ssd_tf.models.losses",
    "load_weights": "ssd_tf.weights.load",
    "TrainConfig": "ssd_tf.settings",
    "train": "ssd_tf.training.loop",
}

# The modules with classes that Keras saves by name.
REGISTERING = ("ssd_tf.models.layers", "ssd_tf.models.losses", "ssd_tf.training.optimizer")

__all__ = [
    "Detections",
    "Detector",
    "DetectorSpec",
    "MultiBoxLoss",
    "Prediction",
    "TrainConfig",
    "build_model",
    "default_boxes",
    "detect",
    "load_weights",
    "match",
    "multibox_loss",
    "prepare",
    "preprocess",
    "spec",
    "train",
]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'ssd_tf' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


import_with_keras(REGISTERING)
