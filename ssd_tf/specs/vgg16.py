# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Detectors on VGG-16: Caffe's (Liu et al., arXiv 1512.02325), amdegroot's and torchvision's.

The names without a suffix follow weiliu89/caffe with COCO's default boxes, `_voc` with VOC's. One network stands behind
all of 300 pixels; what differs are default boxes, matching, detection and the input's numbers.
"""

import dataclasses

from ssd_tf.specs.backbones import VGG
from ssd_tf.specs.detector import DetectorSpec
from ssd_tf.specs.parts import BackboneLevel, Detection, ExtraBlock, Level, Loss, Matching, Preprocessing

_CELLS_300, _STEPS_300 = (38, 19, 10, 5, 3, 1), (8, 16, 32, 64, 100, 300)
_RATIOS_300 = ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,))
_CELLS_512, _STEPS_512 = (64, 32, 16, 8, 4, 2, 1), (8, 16, 32, 64, 128, 256, 512)
_RATIOS_512 = ((2,), (2, 3), (2, 3), (2, 3), (2, 3), (2,), (2,))


def _levels(cells, steps, sizes, ratios) -> tuple[Level, ...]:
    """A level for each entry; sizes have one entry more."""
    return tuple(map(Level, cells, steps, sizes[:-1], sizes[1:], ratios))


SSD300 = DetectorSpec(
    name="ssd300_vgg16",
    image_size=300,
    backbone=VGG(),
    backbone_levels=(BackboneLevel("conv4", l2_scale=20), BackboneLevel("fc7")),
    extra_blocks=(
        ExtraBlock(256, 512, stride=2, padding=1),
        ExtraBlock(128, 256, stride=2, padding=1),
        ExtraBlock(128, 256, stride=1, padding=0),
        ExtraBlock(128, 256, stride=1, padding=0),
    ),
    levels=_levels(_CELLS_300, _STEPS_300, (21, 45, 99, 153, 207, 261, 315), _RATIOS_300),
    initialization="xavier_zero",
    clip="none",
    matching=Matching(inclusive=True, forced="greedy"),
    loss=Loss("batch"),
    # Caffe's nets take B, G, R; an import turns the first kernel round.
    preprocessing=Preprocessing(mean=(123, 117, 104), deviation=(1, 1, 1), divisor=1, antialias=False),
    detection=Detection(0.01, 0.45, keep_equal_iou=True, candidates_per_class=400),
    weight_names="amdegroot",
)

SSD300_VOC = dataclasses.replace(
    SSD300,
    name="ssd300_vgg16_voc",
    levels=_levels(_CELLS_300, _STEPS_300, (30, 60, 111, 162, 213, 264, 315), _RATIOS_300),
)

# Sizes are 4, 10, 26, ... 90 % of 512 for COCO and 7, 15, 30, ... 90 % for VOC, of which Caffe's PriorBox layer keeps
# whole pixels. All published weights were trained with those.
SSD512 = dataclasses.replace(
    SSD300,
    name="ssd512_vgg16",
    image_size=512,
    extra_blocks=(
        ExtraBlock(256, 512, stride=2, padding=1),
        ExtraBlock(128, 256, stride=2, padding=1),
        ExtraBlock(128, 256, stride=2, padding=1),
        ExtraBlock(128, 256, stride=2, padding=1),
        ExtraBlock(128, 256, stride=1, padding=1, kernel=4),
    ),
    levels=_levels(_CELLS_512, _STEPS_512, (20, 51, 133, 215, 296, 378, 460, 542), _RATIOS_512),
)

SSD512_VOC = dataclasses.replace(
    SSD512,
    name="ssd512_vgg16_voc",
    levels=_levels(_CELLS_512, _STEPS_512, (35, 76, 153, 230, 307, 384, 460, 537), _RATIOS_512),
)

# amdegroot/ssd.pytorch, whose published weights are of VOC. It means to keep 200 detections of an image, as here; its
# code keeps up to 200 of each class, since the line that should cut them changes a copy.
SSD300_AMDEGROOT = dataclasses.replace(
    SSD300_VOC,
    name="ssd300_vgg16_amdegroot",
    backbone_levels=(BackboneLevel("conv4", l2_scale=20, l2_epsilon=1e-20), BackboneLevel("fc7")),
    clip="centre_form",
    matching=Matching(inclusive=True),
    detection=Detection(0.01, 0.45, keep_equal_iou=True),
)

# torchvision's ssd300_vgg16.
SSD300_TORCHVISION = dataclasses.replace(
    SSD300,
    name="ssd300_vgg16_torchvision",
    backbone_levels=(BackboneLevel("conv4", l2_scale=20, l2_epsilon=1e-24), BackboneLevel("fc7")),
    clip="sizes",
    matching=Matching(inclusive=True),
    preprocessing=Preprocessing(
        mean=(0.48235, 0.45882, 0.40784), deviation=(1 / 255, 1 / 255, 1 / 255), antialias=False
    ),
    detection=Detection(
        0.01, 0.45, keep_equal_iou=True, candidates_per_class=400, clip_boxes=True, max_growth=1000 / 16
    ),
    weight_names="torchvision",
)

REFERENCES = (SSD300, SSD300_VOC, SSD512, SSD512_VOC, SSD300_AMDEGROOT, SSD300_TORCHVISION)
