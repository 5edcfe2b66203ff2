# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The names in state_dicts of SSD on VGG-16: amdegroot's, torchvision's, kuangliu's; and of VGG-16 by itself.

All heads are anchor-major. The kernels of the first convolution take R, G, B, as ours do.
"""

import re

from ssd_tf.utils.errors import UserError
from ssd_tf.weights import layout

_VARIABLES = {"kernel": "weight", "bias": "bias", "scale": "weight"}
# Of VGG-16. A convolution and its ReLU count two, a max pool one; that is how nn.Sequential numbers them.
_GROUPS = (2, 2, 3, 3, 3)
_PLACES = {
    f"conv{group}_{index}": 2 * (sum(_GROUPS[: group - 1]) + index - 1) + group - 1
    for group, convolutions in enumerate(_GROUPS, start=1)
    for index in range(1, convolutions + 1)
} | {"fc6": 31, "fc7": 33}
_LAYER = re.compile(r"(conv\d_\d|fc[67]|l2norm0)|extra(\d+)_([12])|(offsets|logits)(\d+)")


def amdegroot_name(layer: str, variable: str) -> str:
    """amdegroot/ssd.pytorch's name of a variable, such as ("conv1_2", "kernel") -> "vgg.2.weight".

    Raises:
      ValueError: its SSD has no such layer.
    """
    backbone, block, place, head, level = _parts(layer)
    if backbone == "l2norm0":
        module = "L2Norm"
    elif backbone:
        module = f"vgg.{_PLACES[backbone]}"
    elif block:
        module = f"extras.{2 * (int(block) - 1) + int(place) - 1}"
    else:
        module = f"{'loc' if head == layout.OFFSETS else 'conf'}.{level}"
    return f"{module}.{_VARIABLES[variable]}"


def torchvision_name(layer: str, variable: str) -> str:
    """torchvision's ssd300_vgg16's name of a variable: ("fc6", "kernel") -> "backbone.extra.0.7.1.weight".

    Raises:
      ValueError: it has no such layer.
    """
    backbone, block, place, head, level = _parts(layer)
    if backbone == "l2norm0":
        return "backbone.scale_weight"
    if backbone.startswith("fc"):
        module = f"backbone.extra.0.7.{ {'fc6': 1, 'fc7': 3}[backbone] }"
    elif backbone.startswith("conv5"):
        module = f"backbone.extra.0.{_PLACES[backbone] - _PLACES['conv5_1'] + 1}"
    elif backbone:
        module = f"backbone.features.{_PLACES[backbone]}"
    elif block:
        module = f"backbone.extra.{block}.{2 * (int(place) - 1)}"
    else:
        kind = "regression" if head == layout.OFFSETS else "classification"
        module = f"head.{kind}_head.module_list.{level}"
    return f"{module}.{_VARIABLES[variable]}"


def torchcv_name(layer: str, variable: str) -> str:
    """kuangliu/torchcv's name of a variable: ("extra1_2", "kernel") -> "extractor.conv8_2.weight".

    Raises:
      ValueError: its SSD has no such layer.
    """
    backbone, block, place, head, level = _parts(layer)
    if backbone == "l2norm0":
        module = "extractor.norm4"
    elif backbone.startswith("fc"):
        module = f"extractor.conv{backbone.removeprefix('fc')}"
    elif backbone.startswith("conv5"):
        module = f"extractor.{backbone}"
    elif backbone:
        module = f"extractor.features.layers.{_PLACES[backbone]}"
    elif block:
        module = f"extractor.conv{int(block) + 7}_{place}"
    else:
        module = f"{'loc' if head == layout.OFFSETS else 'cls'}_layers.{level}"
    return f"{module}.{_VARIABLES[variable]}"


def kuangliu_name(layer: str, variable: str) -> str | None:
    """kuangliu/pytorch-ssd's name of a variable: ("conv1_2", "kernel") -> "base.2.weight".

    Its L2 normalisation has a fixed scale of 20, which is what ours starts with, and no tensor.

    Raises:
      ValueError: its SSD has no such layer.
    """
    if layer == "l2norm0":
        return None
    head, name = layer.startswith(("offsets", "logits")), torchcv_name(layer, variable)
    if head:
        return f"multibox.{name.replace('cls_layers', 'conf_layers')}"
    return name.removeprefix("extractor.").replace("features.layers.", "base.")


def reduced_name(layer: str, variable: str) -> str | None:
    """The name in vgg16_reducedfc.pth, which holds the backbone alone: ("fc6", "kernel") -> "31.weight"."""
    return f"{_PLACES[layer]}.{_VARIABLES[variable]}" if layer in _PLACES else None


def classifier_name(layer: str, variable: str) -> str | None:
    """torchvision's vgg16's name of a variable of conv1_1 to conv5_3; its fc6 and fc7 are no convolutions."""
    return f"features.{reduced_name(layer, variable)}" if layer in _PLACES and layer.startswith("conv") else None


def _parts(layer: str) -> tuple[str, ...]:
    match = _LAYER.fullmatch(layer)
    if not match or (match[1] and match[1] != "l2norm0" and match[1] not in _PLACES):
        raise UserError(f"{layer}: SSD on VGG-16 has no such layer, so its weight files have no name for it")
    return tuple(part or "" for part in match.groups())
