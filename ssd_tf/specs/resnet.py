# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Detectors on ResNet: MLPerf's two, and a tiny one.

Sizes and ratios of SSD300 follow Liu et al. (arXiv 1512.02325, section 2.2) as MLPerf ssd-v1 sets them for COCO.
"""

import dataclasses

from ssd_tf.specs.backbones import ResNet, Stage
from ssd_tf.specs.detector import DetectorSpec
from ssd_tf.specs.parts import BackboneLevel, ExtraBlock, Heads, Level, Preprocessing

# MLPerf ssd-v1: ResNet-34 up to conv4_x, which keeps stride 1, so that the first level is 38x38.
SSD300_RESNET34 = DetectorSpec(
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

# MLPerf inference v0.5 to v2.0, ssd-resnet34: four times the scales, on the maps that heads of stride 3 leave, with
# centres spread evenly. Its NMS does not clamp negative overlaps, and so drops boxes that lie apart: not
# followed, unless `with_negative_overlaps` asks for it.
SSD1200_RESNET34 = dataclasses.replace(
    SSD300_RESNET34,
    name="ssd1200_resnet34",
    image_size=1200,
    extra_blocks=(
        ExtraBlock(256, 512, stride=2, padding=1),
        ExtraBlock(256, 512, stride=2, padding=1),
        ExtraBlock(128, 256, stride=2, padding=1),
        ExtraBlock(128, 256, stride=2, padding=0),
        ExtraBlock(128, 256, stride=1, padding=0),
    ),
    levels=(
        Level(50, None, 84, 180, (2,)),
        Level(25, None, 180, 396, (2, 3)),
        Level(13, None, 396, 612, (2, 3)),
        Level(7, None, 612, 828, (2, 3)),
        Level(3, None, 828, 1044, (2,)),
        Level(3, None, 1044, 1260, (2,)),
    ),
    heads=Heads(stride=3),
    preprocessing=Preprocessing(antialias=False),
)

REFERENCES = (SSD300_RESNET34, SSD1200_RESNET34)

# A detector of our own for trials, demos and tests: small enough to train in minutes on two CPU cores.
SSD128_TINY = DetectorSpec(
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
