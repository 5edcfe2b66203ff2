# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""torchvision's names of ResNet-34's tensors (timm has the same), and its classes of COCO.

Its detectors have 91 outputs, whose places are COCO's ids. Ten of the ids from 1 to 90 name nothing.
"""

from collections.abc import Collection

import numpy as np

from ssd_tf.data.annotations import Category
from ssd_tf.data.formats.coco import COCO_CATEGORIES
from ssd_tf.weights.mlperf import backbone_name

_NAMES = {category.id: category.name for category in COCO_CATEGORIES}
COCO_BY_ID = tuple(Category(number, _NAMES.get(number, f"unused {number}")) for number in range(1, 91))
_OUTPUTS = 1 + len(COCO_BY_ID)
# The reference's modules are torchvision's, wrapped.
_WRAPPED = {
    "model.layer1.0.": "conv1.",
    "model.layer1.1.": "bn1.",
    "model.layer1.4.": "layer1.",
    "model.layer1.5.": "layer2.",
    "model.layer2.0.": "layer3.",
}


def torchvision_name(layer: str, variable: str) -> str | None:
    """torchvision's name of a backbone's variable, such as ("conv2_1_1", "kernel") -> "layer1.0.conv1.weight"."""
    name = backbone_name(layer, variable)
    if name is None:
        return None
    wrapped = next(wrapped for wrapped in _WRAPPED if name.startswith(wrapped))
    return _WRAPPED[wrapped] + name.removeprefix(wrapped)


def without_unused(tensors: dict[str, np.ndarray], heads: Collection[str]) -> dict[str, np.ndarray]:
    """Tensors of 91 outputs -> of 81: background, then COCO's classes by their ids, as COCO_CATEGORIES has them.

    Args:
      heads: the names of the heads' tensors, whose first axis is [anchors * 91]. The others stay as they are, and so
        does a head whose first axis is no multiple of 91.
    """
    kept = [0, *_NAMES]
    return {
        name: value.reshape(-1, _OUTPUTS, *value.shape[1:])[:, kept].reshape(-1, *value.shape[1:])
        if name in heads and value.ndim and len(value) % _OUTPUTS == 0
        else value
        for name, value in tensors.items()
    }
