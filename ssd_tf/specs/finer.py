# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A detector with one more level, for objects that are too small for its first one."""

import dataclasses

from ssd_tf.specs.backbones import MobileNet
from ssd_tf.specs.detector import DetectorSpec
from ssd_tf.specs.parts import BackboneLevel

_STEM_STRIDE = 2


def with_finer_level(spec: DetectorSpec) -> DetectorSpec | None:
    """The detector with a level before its first: twice the cells, and default boxes of half the size.

    The level is fed by the last feature map that has twice the cells, so weights of the backbone fit as before; those
    of the heads do not, since every level moves up. "ssdlite320_mobilenet_v2" becomes
    "ssdlite320_mobilenet_v2_stride8".

    Returns:
      The detector; None where it is not an SSDLite on a MobileNet with default boxes of the usual kind, or its backbone
      has no such feature map.
    """
    first = spec.levels[0]
    if not isinstance(spec.backbone, MobileNet) or first.step is not None or not first.size or not first.next_size:
        return None
    strides = _strides(spec.backbone)
    known = spec.backbone.feature_maps
    before = known[: known.index(spec.backbone_levels[0].feature_map)]
    stride = strides[spec.backbone_levels[0].feature_map] // 2
    found = [name for name in before if strides[name] == stride]
    if not found:
        return None
    finer = dataclasses.replace(first, cells=2 * first.cells, size=first.size / 2, next_size=first.size)
    return dataclasses.replace(
        spec,
        name=f"{spec.name}_stride{stride}",
        backbone_levels=(BackboneLevel(found[-1]), *spec.backbone_levels),
        levels=(finer, *spec.levels),
    )


def _strides(backbone: MobileNet) -> dict[str, int]:
    """Of each feature map. A block's expansion is as large as the block's input."""
    strides, stride = {}, _STEM_STRIDE
    for name, block in zip(backbone.feature_maps, backbone.blocks, strict=False):  # the last map is of no block
        strides[name] = stride
        stride *= block.stride
    return {**strides, backbone.feature_maps[-1]: stride}
