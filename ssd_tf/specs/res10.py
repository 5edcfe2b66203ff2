# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The detector behind OpenCV's face detector: Caffe's SSD300 on a ResNet of ten layers.

As in opencv/samples/dnn/face_detector/deploy.prototxt. Its last two levels keep 5x5 cells, with the steps of SSD300's
3x3 and 1x1, so that the centres of most of their default boxes lie outside the image.
"""

import dataclasses

from ssd_tf.specs import vgg16
from ssd_tf.specs.backbones import PreactBlock, PreactResNet
from ssd_tf.specs.parts import BackboneLevel, ExtraBlock, Level, Preprocessing

SSD300 = dataclasses.replace(
    vgg16.SSD300,
    name="ssd300_res10",
    backbone=PreactResNet(
        32,
        (
            PreactBlock(32, 32),
            PreactBlock(128, 128, stride=2),
            PreactBlock(256, 256, stride=2),
            PreactBlock(128, 256, dilation=2),
        ),
    ),
    backbone_levels=(BackboneLevel("block3_in", l2_scale=20), BackboneLevel("last")),
    extra_blocks=(
        ExtraBlock(128, 256, stride=2, padding=1),
        ExtraBlock(64, 128, stride=2, padding=1),
        ExtraBlock(64, 128, stride=1, padding=1),
        ExtraBlock(64, 128, stride=1, padding=1),
    ),
    levels=(
        Level(38, 8, 30, 60, (2,)),
        Level(19, 16, 60, 111, (2, 3)),
        Level(10, 32, 111, 162, (2, 3)),
        Level(5, 64, 162, 213, (2, 3)),
        Level(5, 100, 213, 264, (2,)),
        Level(5, 300, 264, 315, (2,)),
    ),
    # 177 for green is what its weights are published with; the caffemodel itself says that it was trained with 117.
    preprocessing=Preprocessing(mean=(104, 177, 123), deviation=(1, 1, 1), divisor=1, channels="bgr", antialias=False),
)
