# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Pre-activation ResNet (He et al. 2016, arXiv 1603.05027) as OpenCV's Res10 face detector builds it in Caffe."""

from collections.abc import Collection

import keras

from ssd_tf.models.layers import BatchNorm, Fork, conv_bn, pad
from ssd_tf.specs import BatchNormalization, PreactResNet


def preact_resnet(
    backbone: PreactResNet, norm: BatchNormalization, x: keras.KerasTensor, wanted: Collection[str]
) -> dict[str, keras.KerasTensor]:
    """[B, S, S, 3] -> the wanted feature maps by name.

    Layers are named input_bn, conv1, conv1_bn, block1_1, block1_1_bn, block1_2, block2_bn, ..., block2_shortcut and
    last_bn. conv1 has a bias, though normalisation follows it, since Caffe's has one.
    """
    x = BatchNorm(norm.epsilon, norm.momentum, name="input_bn")(x)
    x = _conv(x, backbone.stem_channels, 7, "conv1", stride=2, use_bias=True)
    x = _normalized(x, "conv1_bn", norm)
    # Caffe rounds the side up: a window of an even side reaches one past the end, where "same" adds zeros, which never
    # win after a ReLU; those of an odd side cover it exactly.
    x = keras.layers.MaxPooling2D(3, 2, padding="valid" if x.shape[1] % 2 else "same", name="pool1")(x)
    features = {}
    for number, block in enumerate(backbone.blocks, start=1):
        shortcut = x
        if number > 1:
            x = _normalized(x, f"block{number}_bn", norm)
            if f"block{number}_in" in wanted:
                # With the heads and two convolutions it has three consumers.
                features[f"block{number}_in"], x = Fork(name=f"block{number}_fork")(x)
            shortcut = _conv(x, block.channels, 1, f"block{number}_shortcut", stride=block.stride)
        x = conv_bn(x, block.middle_channels, 3, block.stride, f"block{number}_1", norm)
        x = _conv(x, block.channels, 3, f"block{number}_2", dilation=block.dilation)
        x = keras.layers.Add(name=f"block{number}_add")([x, shortcut])
    features["last"] = _normalized(x, "last_bn", norm)
    return features


def _normalized(x, name: str, norm: BatchNormalization):
    x = BatchNorm(norm.epsilon, norm.momentum, name=name)(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)


def _conv(x, channels: int, kernel: int, name: str, stride: int = 1, dilation: int = 1, use_bias: bool = False):
    same = stride == 1 or kernel == 1
    return keras.layers.Conv2D(
        channels,
        kernel,
        stride,
        dilation_rate=dilation,
        padding="same" if same else "valid",
        use_bias=use_bias,
        kernel_initializer="he_normal",
        name=name,
    )(x if same else pad(x, kernel // 2, name))
