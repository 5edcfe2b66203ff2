# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""SSDLite of 320 pixels on MobileNet (Sandler et al. 2018), as torchvision's ssdlite320_mobilenet_v3_large."""

import dataclasses

from ssd_tf.specs.backbones import InvertedResidual, MobileNet
from ssd_tf.specs.detector import DetectorSpec
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


def _v3_block(kernel: int, expanded: int, channels: int, squeeze: int, activation, stride: int) -> InvertedResidual:
    """A block in the order of columns of Howard et al. 2019, table 1."""
    return InvertedResidual(expanded, channels, kernel, stride, squeeze, activation)


def _v3_large(tail: int, tail_squeeze: int) -> MobileNet:
    """Howard et al. 2019, table 1, with so many channels in the last three blocks."""
    # Squeezes have a quarter of the expanded channels, rounded to eights.
    blocks = (
        _v3_block(3, 16, 16, 0, "relu", 1),
        _v3_block(3, 64, 24, 0, "relu", 2),
        _v3_block(3, 72, 24, 0, "relu", 1),
        _v3_block(5, 72, 40, 24, "relu", 2),
        _v3_block(5, 120, 40, 32, "relu", 1),
        _v3_block(5, 120, 40, 32, "relu", 1),
        _v3_block(3, 240, 80, 0, "hard_silu", 2),
        _v3_block(3, 200, 80, 0, "hard_silu", 1),
        _v3_block(3, 184, 80, 0, "hard_silu", 1),
        _v3_block(3, 184, 80, 0, "hard_silu", 1),
        _v3_block(3, 480, 112, 120, "hard_silu", 1),
        _v3_block(3, 672, 112, 168, "hard_silu", 1),
        _v3_block(5, 672, tail, 168, "hard_silu", 2),
        _v3_block(5, 6 * tail, tail, tail_squeeze, "hard_silu", 1),
        _v3_block(5, 6 * tail, tail, tail_squeeze, "hard_silu", 1),
    )
    return MobileNet(stem_channels=16, blocks=blocks, last_channels=6 * tail, activation="hard_silu")


# ImageNet's net, and the one with half of the channels in its tail that the published COCO weights have.
MOBILENET_V3_LARGE_FULL = _v3_large(160, 240)
MOBILENET_V3_LARGE = _v3_large(80, 120)


def _v2_blocks() -> tuple[InvertedResidual, ...]:
    """Sandler et al. 2018, table 2: t (expansion), c (channels), n (blocks), s (stride of the first)."""
    rows = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    blocks, inputs = [], 32
    for expansion, channels, count, stride in rows:
        for index in range(count):
            blocks.append(InvertedResidual(expansion * inputs, channels, stride=stride if index == 0 else 1))
            inputs = channels
    return tuple(blocks)


MOBILENET_V2 = MobileNet(stem_channels=32, blocks=_v2_blocks(), last_channels=1280)


def _extra_block(middle: int, channels: int) -> ExtraBlock:
    return ExtraBlock(middle, channels, stride=2, padding=1, batch_norm=True, separable=True, activation="relu6")


SSDLITE320_MOBILENET_V3_LARGE = DetectorSpec(
    name="ssdlite320_mobilenet_v3_large",
    image_size=320,
    backbone=MOBILENET_V3_LARGE,
    # The expansion of the first block of stride 32, which is still of stride 16.
    backbone_levels=(BackboneLevel("block13_expand"), BackboneLevel("last")),
    extra_blocks=(_extra_block(256, 512), _extra_block(128, 256), _extra_block(128, 256), _extra_block(64, 128)),
    # 20, 35, ... 95 and 100 % of 320 pixels, centres spread evenly.
    levels=(
        Level(20, None, 64, 112, (2, 3)),
        Level(10, None, 112, 160, (2, 3)),
        Level(5, None, 160, 208, (2, 3)),
        Level(3, None, 208, 256, (2, 3)),
        Level(2, None, 256, 304, (2, 3)),
        Level(1, None, 304, 320, (2, 3)),
    ),
    heads=Heads(separable=True),
    batch_norm=BatchNormalization(epsilon=1e-3, momentum=0.97),
    initialization="normal",
    clip="sizes",
    matching=Matching(inclusive=True),
    loss=Loss("batch"),
    preprocessing=Preprocessing(mean=(0.5, 0.5, 0.5), deviation=(0.5, 0.5, 0.5), antialias=False),
    detection=Detection(
        0.001,
        0.55,
        keep_equal_iou=True,
        candidates_per_class=300,
        max_detections=300,
        clip_boxes=True,
        max_growth=1000 / 16,
    ),
    weight_names="torchvision",
)

# What torchvision builds on weights of ImageNet.
SSDLITE320_MOBILENET_V3_LARGE_FULL = dataclasses.replace(
    SSDLITE320_MOBILENET_V3_LARGE, name="ssdlite320_mobilenet_v3_large_full", backbone=MOBILENET_V3_LARGE_FULL
)

# No one else's detector: torchvision's heads and default boxes on its classifier, whose weights of ImageNet it takes.
SSDLITE320_MOBILENET_V2 = dataclasses.replace(
    SSDLITE320_MOBILENET_V3_LARGE,
    name="ssdlite320_mobilenet_v2",
    backbone=MOBILENET_V2,
    backbone_levels=(BackboneLevel("block14_expand"), BackboneLevel("last")),
    backbone_batch_norm=BatchNormalization(),
    preprocessing=Preprocessing(antialias=False),
)

REFERENCES = (SSDLITE320_MOBILENET_V3_LARGE, SSDLITE320_MOBILENET_V3_LARGE_FULL, SSDLITE320_MOBILENET_V2)
