# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The names in the state_dict of MLPerf's SSD-ResNet34 (PyTorch): training's ssd-v1, and inference's of 1200 pixels."""

import re

from ssd_tf.models.backbone import is_backbone_layer
from ssd_tf.utils.errors import UserError
from ssd_tf.weights import layout

_BATCH_NORM = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_CONV = {"kernel": "weight", "bias": "bias"}
# Ours: conv2, conv3, conv4. The reference wraps torchvision's modules in two nn.Sequential.
_STAGES = {"conv2": "model.layer1.4", "conv3": "model.layer1.5", "conv4": "model.layer2.0"}
_HEADS = {layout.OFFSETS: "loc", layout.LOGITS: "conf"}


# The layers of MLPerf's SSD, by our names; batch normalisation only in the backbone.
_LAYERS = re.compile(r"conv1(_bn)?|conv[234]_\d+_(1|2|shortcut)(_bn)?|extra\d+_[12]|(offsets|logits)\d+")


def reference_name(layer: str, variable: str) -> str:
    """The state_dict's name of a variable, such as ("conv2_1_1", "kernel") -> "model.layer1.4.0.conv1.weight".

    Raises:
      ValueError: MLPerf's SSD has no such layer.
    """
    if not _LAYERS.fullmatch(layer):
        raise UserError(f"{layer}: MLPerf's SSD has no such layer, so its weight files have no name for it")
    if layer.endswith("_bn"):
        return f"{_module(layer.removesuffix('_bn'), normalization=True)}.{_BATCH_NORM[variable]}"
    return f"{_module(layer, normalization=False)}.{_CONV[variable]}"


def backbone_name(layer: str, variable: str) -> str | None:
    """The same, where the layer belongs to the backbone."""
    return reference_name(layer, variable) if is_backbone_layer(layer) else None


def _module(layer: str, normalization: bool) -> str:
    if layer == "conv1":
        return f"model.layer1.{int(normalization)}"
    for head, module in _HEADS.items():
        if layer.startswith(head):
            return f"{module}.{layer.removeprefix(head)}"
    stage, *place = layer.split("_")
    if stage.startswith("extra"):
        return f"additional_blocks.{int(stage.removeprefix('extra')) - 1}.{2 * (int(place[0]) - 1)}"
    block, convolution = place
    module = f"{_STAGES[stage]}.{int(block) - 1}"
    if convolution == "shortcut":
        return f"{module}.downsample.{int(normalization)}"
    return f"{module}.{'bn' if normalization else 'conv'}{convolution}"
