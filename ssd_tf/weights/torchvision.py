# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""ResNet-34 of torchvision (and timm, which names tensors alike), trained on ImageNet -> the backbone."""

from ssd_tf.utils.download import RemoteFile
from ssd_tf.weights.mlperf import backbone_name

# The file that MLPerf's rules name: ssd-v1 README, "ResNet-34 pretrained weights".
RESNET34 = RemoteFile(
    url="https://download.pytorch.org/models/resnet34-333f7ec4.pth",
    size=87306240,
    sha256="333f7ec4c6338da2cbed37f1fc0445f9624f1355633fa1d7eab79a91084c6cef",
)
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
