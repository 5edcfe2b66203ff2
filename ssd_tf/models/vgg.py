# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""VGG (Simonyan and Zisserman 2014) as SSD uses it: fc6 and fc7 are convolutions, and pool5 keeps the size.

As Caffe's SSD, amdegroot/ssd.pytorch and torchvision build it; Liu et al. section 3.
"""

import keras

from ssd_tf.models.layers import conv
from ssd_tf.specs import VGG


def vgg(backbone: VGG, initialization: str, x: keras.KerasTensor) -> dict[str, keras.KerasTensor]:
    """[B, S, S, 3] -> all feature maps by name. Layers are named conv1_1, conv1_2, ... conv5_3, fc6, fc7.

    fc6 and fc7 are initialised as extra blocks are; the other convolutions as torchvision's, since in all references
    they start from weights of ImageNet.
    """
    features = {}
    groups = zip(backbone.channels, backbone.convolutions, strict=True)
    for number, (channels, convolutions) in enumerate(groups, start=1):
        if number > 1:
            # "same" adds a row and a column at the end where the side is odd, which never win: sides are rounded up.
            x = keras.layers.MaxPooling2D(2, 2, padding="same", name=f"pool{number - 1}")(x)
        for index in range(1, convolutions + 1):
            x = conv(x, channels, 3, f"conv{number}_{index}", "he_zero", padding=1, activation="relu")
        features[f"conv{number}"] = x
    x = keras.layers.MaxPooling2D(3, 1, padding="same", name=f"pool{len(backbone.channels)}")(x)
    dilation = backbone.fc_dilation
    x = conv(x, backbone.fc_channels, 3, "fc6", initialization, padding=dilation, activation="relu", dilation=dilation)
    features["fc7"] = conv(x, backbone.fc_channels, 1, "fc7", initialization, activation="relu")
    return features
