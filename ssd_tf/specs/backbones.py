# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The settings of each backbone: plain data, told apart by their `kind`."""

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True)
class Stage:
    """A run of residual blocks; the first one has the stride."""

    channels: int
    blocks: int
    stride: int


@dataclasses.dataclass(frozen=True)
class ResNet:
    """A residual backbone of basic blocks (ResNet-18 and ResNet-34).

    Its feature maps are "conv2", "conv3", ...: the output of each stage.

    Attributes:
      stem_channels: channels of the 7x7 convolution that it starts with.
      stages: the residual stages; nothing after the last one is built.
    """

    stem_channels: int
    stages: tuple[Stage, ...]
    kind: Literal["resnet"] = "resnet"

    @property
    def feature_maps(self) -> tuple[str, ...]:
        """The names of the feature maps, largest first."""
        return tuple(f"conv{number}" for number in range(2, len(self.stages) + 2))
