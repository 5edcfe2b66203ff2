# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The table of detectors, and how one is found: by its name, or in a JSON file.

Sizes and ratios of SSD300 follow Liu et al. (arXiv 1512.02325, section 2.2) as MLPerf ssd-v1 sets them for COCO.
"""

import json
import pathlib

from ssd_tf.specs.backbones import ResNet, Stage
from ssd_tf.specs.detector import DetectorSpec, spec_from_json
from ssd_tf.specs.parts import BackboneLevel, ExtraBlock, Level
from ssd_tf.utils.errors import UserError


def spec(detector: "str | pathlib.Path | DetectorSpec") -> DetectorSpec:
    """The detector that is meant: by its name in the table, as a JSON file, or a spec, which is returned as it is.

    Raises:
      ValueError: no detector has that name (the message lists those that there are), or the file holds no spec.
      FileNotFoundError: a path that ends in .json names no file.
    """
    if isinstance(detector, DetectorSpec):
        return detector
    if not str(detector).endswith(".json"):
        return named(str(detector))
    path = pathlib.Path(detector)
    if not path.is_file():
        raise FileNotFoundError(f"no file with a detector's spec at {path}")
    try:
        return spec_from_json(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise UserError(f"{path}: not a detector's spec: {error}") from error


def named(name: str) -> DetectorSpec:
    """The detector of that name in the table.

    Raises:
      ValueError: there is none; the message lists those that there are.
    """
    if name not in DETECTORS:
        raise UserError(
            f"unknown detector {name!r}; expected one of: {', '.join(DETECTORS)}; or a .json file with a spec"
        )
    return DETECTORS[name]


# MLPerf ssd-v1: ResNet-34 up to conv4_x, which keeps stride 1, so that the first level is 38x38.
_SSD300_RESNET34 = DetectorSpec(
    name="ssd300_resnet34",
    image_size=300,
    backbone=ResNet(64, (Stage(64, 3, 1), Stage(128, 4, 2), Stage(256, 6, 1))),
    backbone_levels=(BackboneLevel("conv4"),),
    extra_blocks=(
        ExtraBlock(256, 512, stride=2, padding=1),
        ExtraBlock(256, 512, stride=2, padding=1),
        ExtraBlock(128, 256, stride=2, padding=1),
        ExtraBlock(128, 256, stride=1, padding=0),
        ExtraBlock(128, 256, stride=1, padding=0),
    ),
    levels=(
        Level(38, 8, 21, 45, (2,)),
        Level(19, 16, 45, 99, (2, 3)),
        Level(10, 32, 99, 153, (2, 3)),
        Level(5, 64, 153, 207, (2, 3)),
        Level(3, 100, 207, 261, (2,)),
        Level(1, 300, 261, 315, (2,)),
    ),
)

# A detector of our own for trials, demos and tests: small enough to train in minutes on two CPU cores.
_SSD128_TINY = DetectorSpec(
    name="ssd128_tiny",
    image_size=128,
    backbone=ResNet(16, (Stage(32, 1, 1), Stage(64, 2, 2))),
    backbone_levels=(BackboneLevel("conv3"),),
    extra_blocks=(
        ExtraBlock(64, 128, stride=2, padding=1),
        ExtraBlock(64, 128, stride=2, padding=1),
        ExtraBlock(64, 128, stride=2, padding=1),
    ),
    levels=(
        Level(16, 8, 16, 32, (2,)),
        Level(8, 16, 32, 56, (2, 3)),
        Level(4, 32, 56, 84, (2, 3)),
        Level(2, 64, 84, 112, (2,)),
    ),
)

DETECTORS = {entry.name: entry for entry in (_SSD300_RESNET34, _SSD128_TINY)}
