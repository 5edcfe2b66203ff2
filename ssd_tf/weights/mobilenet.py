# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The names in state_dicts of torchvision's SSDLite, and of its MobileNetV2 and MobileNetV3 by themselves.

The names of a block depend on what is in it, so they are worked out from the model's layers. Heads are anchor-major.
"""

import re

import keras

from ssd_tf.utils.errors import UserError
from ssd_tf.weights import layout

_BATCH_NORM = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_CONV = {"kernel": "weight", "bias": "bias"}
_PARTS = ("expand", "depthwise", "squeeze", "excite", "project")
_EXTRA = {"1": 0, "2_depthwise": 1, "2": 2}
_HEADS = {layout.OFFSETS: "regression", layout.LOGITS: "classification"}


def detector_names(model: keras.Model) -> layout.NameOf:
    """The names in torchvision's SSDLite: ("conv0", "kernel") -> "backbone.features.0.0.0.weight".

    It cuts the backbone in two after the expansion of the last block of stride 2. A MobileNetV2, which torchvision has
    no SSDLite of, is cut alike.

    Raises:
      ValueError: the function is asked for a layer that SSDLite has not.
    """
    names = classifier_names(model)
    cut = max(number for number in _blocks(model) if model.get_layer(f"block{number}_depthwise").strides[0] == 2)

    def name_of(layer: str, variable: str) -> str:
        name = names(layer, variable)
        if name:
            return _cut(name, cut)
        bare, suffix = _suffix(layer, variable)
        extra = re.fullmatch(r"extra(\d+)_(1|2|2_depthwise)", bare)
        head = re.fullmatch(r"(\D+)(\d+)(_depthwise)?", bare)
        if extra:
            return f"backbone.extra.{int(extra[1]) - 1}.{_EXTRA[extra[2]]}.{suffix}"
        if not head or head[1] not in _HEADS:
            raise UserError(f"{layer}: SSDLite has no such layer, so its weight files have no name for it")
        # The last convolution is a module by itself, without batch normalisation behind it.
        last = f"0.{suffix}" if head[3] else f"1.{suffix.removeprefix('0.')}"
        return f"head.{_HEADS[head[1]]}_head.module_list.{head[2]}.{last}"

    return name_of


def classifier_names(model: keras.Model) -> layout.NameOf:
    """The names in torchvision's mobilenet_v3_large or mobilenet_v2: ("conv0", "kernel") -> "features.0.0.weight".

    Raises:
      ValueError: the model's backbone is no MobileNet.
    """
    blocks = _blocks(model)
    if not blocks:
        raise UserError(f"{model.name} has none of a MobileNet's blocks")
    # V3's blocks list their parts as `block`, V2's as `conv`, where the projection is no module of its own.
    version2 = not any("squeeze" in parts for parts in blocks.values())

    def name_of(layer: str, variable: str) -> str | None:
        bare, suffix = _suffix(layer, variable)
        if re.fullmatch(r"conv\d+", bare):
            return f"features.{bare.removeprefix('conv')}.{suffix}"
        number, _, part = bare.removeprefix("block").partition("_")
        if not bare.startswith("block") or part not in _PARTS:
            return None
        modules = [name for name in blocks[int(number)] if name != "excite"]
        place = modules.index("squeeze" if part == "excite" else part)
        if part in ("squeeze", "excite"):
            return f"features.{number}.block.{place}.fc{1 + (part == 'excite')}.{suffix.removeprefix('0.')}"
        if not version2:
            return f"features.{number}.block.{place}.{suffix}"
        if part != "project":
            return f"features.{number}.conv.{place}.{suffix}"
        normalization, _, name = suffix.partition(".")
        return f"features.{number}.conv.{place + int(normalization)}.{name}"

    return name_of


def _suffix(layer: str, variable: str) -> tuple[str, str]:
    """The convolution's layer, and "0.weight" of it or "1.running_mean" of the batch normalisation behind it."""
    if layer.endswith("_bn"):
        return layer.removesuffix("_bn"), f"1.{_BATCH_NORM[variable]}"
    return layer, f"0.{_CONV[variable]}"


def _blocks(model: keras.Model) -> dict[int, list[str]]:
    """What each block of the backbone has, in order."""
    found: dict[int, list[str]] = {}
    for layer in model.layers:
        if match := re.fullmatch(rf"block(\d+)_({'|'.join(_PARTS)})", layer.name):
            found.setdefault(int(match[1]), []).append(match[2])
    return {number: sorted(parts, key=_PARTS.index) for number, parts in found.items()}


def _cut(name: str, cut: int) -> str:
    """A classifier's name -> the detector's, whose backbone is two modules."""
    _, number, rest = name.split(".", 2)
    if int(number) < cut:
        return f"backbone.features.0.{number}.{rest}"
    if int(number) > cut:
        return f"backbone.features.1.{int(number) - cut}.{rest}"
    _, place, rest = rest.split(".", 2)
    # The parts of the block that is cut are no longer in a module of its own.
    return f"backbone.features.0.{cut}.{rest}" if place == "0" else f"backbone.features.1.0.{place}.{rest}"
