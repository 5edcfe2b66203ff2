# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The backbone of a detector: which one is built, which layers belong to it, how its first stages are frozen."""

from collections.abc import Collection

import keras

from ssd_tf.models.mobilenet import mobilenet
from ssd_tf.models.preact import preact_resnet
from ssd_tf.models.resnet import resnet
from ssd_tf.models.vgg import vgg
from ssd_tf.specs import VGG, DetectorSpec, PreactResNet, ResNet
from ssd_tf.utils.errors import UserError


def backbone_maps(
    spec: DetectorSpec, images: keras.KerasTensor, wanted: Collection[str]
) -> dict[str, keras.KerasTensor]:
    """[B, S, S, 3] -> the wanted feature maps of the spec's backbone, by name."""
    backbone, norm = spec.backbone, spec.backbone_batch_norm or spec.batch_norm
    if isinstance(backbone, ResNet):
        return resnet(backbone, norm, images, wanted)
    if isinstance(backbone, VGG):
        return vgg(backbone, spec.initialization, images)
    if isinstance(backbone, PreactResNet):
        return preact_resnet(backbone, norm, images, wanted)
    return mobilenet(backbone, spec.initialization, norm, images)


def is_backbone_layer(name: str) -> bool:
    """Whether a layer of a detector, by its name, belongs to the backbone."""
    return name.startswith(("conv", "fc", "block", "input_", "last_"))


def freeze_stages(model: keras.Model, spec: DetectorSpec, stages: int) -> None:
    """Stops the training of the first `stages` stages; 0 freezes nothing.

    A ResNet's and a MobileNet's stem is frozen with the first stage. The stages of a MobileNet and a pre-activation
    ResNet are their blocks, a VGG's its groups of convolutions.

    Frozen batch norm normalises with its running statistics, as in evaluation, and does not change them.

    Raises:
      ValueError: the backbone has fewer stages.
    """
    most = spec.backbone.num_stages
    if not 0 <= stages <= most:
        raise UserError(f"{spec.name} has {most} backbone stages to freeze. Received: {stages}")
    if not stages:
        return
    if isinstance(spec.backbone, ResNet):
        frozen = tuple(f"conv{number}_" for number in range(1, stages + 2))
    elif isinstance(spec.backbone, VGG):
        frozen = tuple(f"conv{number}_" for number in range(1, stages + 1))
    elif isinstance(spec.backbone, PreactResNet):
        frozen = ("input_", "conv1_", *(f"block{number}_" for number in range(1, stages + 1)))
    else:
        frozen = ("conv0_", *(f"block{number}_" for number in range(1, stages + 1)))
    for layer in model.layers:
        if layer.weights and (f"{layer.name}_").startswith(frozen):
            layer.trainable = False
