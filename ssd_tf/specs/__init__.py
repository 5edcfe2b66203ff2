# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The table of detectors: everything that tells one SSD from another is a field of DetectorSpec.

A spec is plain data. `ssd_tf.spec` finds one by its name or in a JSON file; a user's own is built in Python or written
as JSON, and trains, saves and exports like those of the table.
"""

from ssd_tf.specs.backbones import VGG, Backbone, InvertedResidual, MobileNet, PreactBlock, PreactResNet, ResNet, Stage
from ssd_tf.specs.detector import (
    DetectorSpec,
    differences,
    share_weights,
    spec_from_json,
    spec_to_json,
)
from ssd_tf.specs.finer import with_finer_level
from ssd_tf.specs.parts import (
    BackboneLevel,
    BatchNormalization,
    Detection,
    ExtraBlock,
    Heads,
    Level,
    Loss,
    Matching,
    Preprocessing,
)
from ssd_tf.specs.sizes import with_image_size
from ssd_tf.specs.table import DETECTORS, named, spec

__all__ = [
    "DETECTORS",
    "VGG",
    "Backbone",
    "BackboneLevel",
    "BatchNormalization",
    "Detection",
    "DetectorSpec",
    "ExtraBlock",
    "Heads",
    "InvertedResidual",
    "Level",
    "Loss",
    "Matching",
    "MobileNet",
    "PreactBlock",
    "PreactResNet",
    "Preprocessing",
    "ResNet",
    "Stage",
    "differences",
    "named",
    "share_weights",
    "spec",
    "spec_from_json",
    "spec_to_json",
    "with_finer_level",
    "with_image_size",
]
