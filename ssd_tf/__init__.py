# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""SSD (Single Shot MultiBox Detector) for TensorFlow 2 and Keras 3.

The public names, which __init__.pyi lists, are loaded when they are first used, so that `import ssd_tf` does not start
TensorFlow.
"""

import lazy_loader

from ssd_tf.utils.keras_registration import import_with_keras

# The modules with classes that Keras saves by name.
REGISTERING = ("ssd_tf.models.layers", "ssd_tf.models.losses", "ssd_tf.training.optimizer")

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

import_with_keras(REGISTERING)
