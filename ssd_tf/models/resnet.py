# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""ResNet of basic blocks (He et al. 2015, as torchvision builds it), cut after the last stage of the spec."""

from collections.abc import Collection

import keras

from ssd_tf.models.layers import Fork, conv_bn, pad
from ssd_tf.specs import BatchNormalization, ResNet


def resnet(
    backbone: ResNet, norm: BatchNormalization, x: keras.KerasTensor, wanted: Collection[str]
) -> dict[str, keras.KerasTensor]:
    """[B, S, S, 3] -> the wanted feature maps by name. Layers are named conv1, conv2_1_1, ... conv4_6_2."""
    x = conv_bn(x, backbone.stem_channels, kernel=7, stride=2, name="conv1", norm=norm)
    features = {}
    # Zeros never win: the input is the output of a ReLU.
    x = keras.layers.MaxPooling2D(3, 2, padding="valid", name="maxpool")(pad(x, 1, "maxpool"))
    last = backbone.feature_maps[-1]
    for number, (name, stage) in enumerate(zip(backbone.feature_maps, backbone.stages, strict=True), start=2):
        for block in range(1, stage.blocks + 1):
            stride = stage.stride if block == 1 else 1
            x = _basic_block(x, stage.channels, stride, f"conv{number}_{block}", norm)
        if name in wanted:
            # The next block reads its input twice, so the heads are a third consumer.
            features[name], x = (x, x) if name == last else Fork(name=f"{name}_fork")(x)
    return features


def _basic_block(x, channels: int, stride: int, name: str, norm: BatchNormalization):
    shortcut = x
    if stride != 1 or x.shape[-1] != channels:
        shortcut = conv_bn(x, channels, 1, stride, f"{name}_shortcut", norm, relu=False)
    x = conv_bn(x, channels, 3, stride, f"{name}_1", norm)
    x = conv_bn(x, channels, 3, 1, f"{name}_2", norm, relu=False)
    return keras.layers.ReLU(name=f"{name}_out")(keras.layers.Add(name=f"{name}_add")([x, shortcut]))
