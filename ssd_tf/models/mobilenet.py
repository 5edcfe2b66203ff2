# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""MobileNetV2 and MobileNetV3 (Sandler et al. 2018, Howard et al. 2019) as torchvision builds them."""

import keras

from ssd_tf.models.layers import conv
from ssd_tf.specs import BatchNormalization, InvertedResidual, MobileNet


def mobilenet(
    backbone: MobileNet, initialization: str, norm: BatchNormalization, x: keras.KerasTensor
) -> dict[str, keras.KerasTensor]:
    """[B, S, S, 3] -> all feature maps by name.

    Layers are named as torchvision numbers them: conv0; block1_depthwise, block1_project, block2_expand, ...; conv16
    where there are 15 blocks. Squeeze and excitation of block 4 is block4_squeeze and block4_excite.
    """
    features = {}
    x = conv(x, backbone.stem_channels, 3, "conv0", initialization, 2, 1, backbone.activation, norm)
    for number, block in enumerate(backbone.blocks, start=1):
        expanded, x = _inverted_residual(x, block, f"block{number}", initialization, norm)
        features[f"block{number}_expand"] = expanded
    last = f"conv{len(backbone.blocks) + 1}"
    features["last"] = conv(
        x, backbone.last_channels, 1, last, initialization, activation=backbone.activation, norm=norm
    )
    return features


def _inverted_residual(x, block: InvertedResidual, name: str, initialization: str, norm: BatchNormalization):
    """The expansion, and the output of the block."""
    shortcut = x if block.stride == 1 and x.shape[-1] == block.channels else None
    options = {"activation": block.activation, "norm": norm}
    if block.expanded != x.shape[-1]:
        x = conv(x, block.expanded, 1, f"{name}_expand", initialization, **options)
    expanded, kernel = x, block.kernel
    x = conv(x, None, kernel, f"{name}_depthwise", initialization, block.stride, kernel // 2, **options)
    if block.squeeze_channels:
        x = _squeeze_and_excite(x, block.squeeze_channels, name, initialization)
    x = conv(x, block.channels, 1, f"{name}_project", initialization, norm=norm)
    return expanded, x if shortcut is None else keras.layers.Add(name=f"{name}_add")([shortcut, x])


def _squeeze_and_excite(x, channels: int, name: str, initialization: str):
    scale = keras.layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(x)
    scale = conv(scale, channels, 1, f"{name}_squeeze", initialization, activation="relu")
    # "hard_sigmoid" of Keras 3 is PyTorch's: relu6(x + 3) / 6.
    scale = conv(scale, x.shape[-1], 1, f"{name}_excite", initialization, activation="hard_sigmoid")
    return keras.layers.Multiply(name=f"{name}_scale")([x, scale])
