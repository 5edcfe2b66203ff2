# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The settings of each backbone: plain data, told apart by their `kind`."""

import dataclasses
from typing import Literal

from ssd_tf.utils.errors import UserError

# "hard_silu" is MobileNetV3's h-swish: x * relu6(x + 3) / 6.
Activation = Literal["relu", "relu6", "hard_silu"]


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

    @property
    def num_stages(self) -> int:
        """How many stages can be frozen."""
        return len(self.stages)


# Channels of ResNet-34's stem; channels and blocks of its stages.
_RESNET34_STEM, _RESNET34_STAGES = 64, [(64, 3), (128, 4), (256, 6), (512, 3)]


def is_resnet34(backbone: object) -> bool:
    """Whether ImageNet weights of ResNet-34 fit: it has the stem and the first stages; strides have no weights."""
    if not isinstance(backbone, ResNet) or backbone.stem_channels != _RESNET34_STEM:
        return False
    stages = [(stage.channels, stage.blocks) for stage in backbone.stages]
    return stages == _RESNET34_STAGES[: len(stages)]


@dataclasses.dataclass(frozen=True)
class VGG:
    """VGG with fc6 and fc7 as convolutions (Liu et al. section 3), without batch normalisation.

    Groups of 3x3 convolutions with ReLU; a 2x2 max pool after each but the last, sides rounded up; then a 3x3 max pool
    of stride 1, fc6 (3x3, dilated) and fc7 (1x1). The feature maps are "conv1", "conv2", ..., each the output of a
    group, and "fc7".

    Attributes:
      channels: of the convolutions of each group.
      convolutions: how many there are in each group.
      fc_channels: of fc6 and fc7.
      fc_dilation: of fc6.
    """

    channels: tuple[int, ...] = (64, 128, 256, 512, 512)
    convolutions: tuple[int, ...] = (2, 2, 3, 3, 3)
    fc_channels: int = 1024
    fc_dilation: int = 6
    kind: Literal["vgg"] = "vgg"

    def __post_init__(self):
        if not self.channels or len(self.channels) != len(self.convolutions):
            raise UserError(
                "backbone: expected as many channels as convolutions, one or more. "
                f"Received: channels={self.channels}, convolutions={self.convolutions}"
            )

    @property
    def feature_maps(self) -> tuple[str, ...]:
        """The names of the feature maps, largest first."""
        return (*(f"conv{number}" for number in range(1, len(self.channels) + 1)), "fc7")

    @property
    def num_stages(self) -> int:
        """How many stages can be frozen: the groups."""
        return len(self.channels)


@dataclasses.dataclass(frozen=True)
class InvertedResidual:
    """1x1 expansion, depthwise convolution, squeeze and excitation where asked, linear 1x1 projection.

    Each convolution has batch normalisation. The input is added where the stride is 1 and the channels stay.

    Attributes:
      expanded: channels between; no expansion is built where the input has as many.
      channels: of the output.
      kernel, stride: of the depthwise convolution.
      squeeze_channels: of the squeeze; 0 builds none.
      activation: after expansion and depthwise convolution.
    """

    expanded: int
    channels: int
    kernel: int = 3
    stride: int = 1
    squeeze_channels: int = 0
    activation: Activation = "relu6"


@dataclasses.dataclass(frozen=True)
class MobileNet:
    """MobileNetV2 or MobileNetV3 as torchvision builds them, without pooling and classifier.

    The feature maps are "block1_expand", "block2_expand", ...: the expansion of each block, after its activation,
    which is still as large as the block's input; and "last", the output of the last convolution.

    Attributes:
      stem_channels: of the 3x3 convolution of stride 2 that it starts with.
      blocks: in order.
      last_channels: of the 1x1 convolution that it ends with.
      activation: of the first and the last convolution.
    """

    stem_channels: int
    blocks: tuple[InvertedResidual, ...]
    last_channels: int
    activation: Activation = "relu6"
    kind: Literal["mobilenet"] = "mobilenet"

    @property
    def feature_maps(self) -> tuple[str, ...]:
        """The names of the feature maps, largest first."""
        return (*(f"block{number}_expand" for number in range(1, len(self.blocks) + 1)), "last")

    @property
    def num_stages(self) -> int:
        """How many stages can be frozen: the blocks."""
        return len(self.blocks)


@dataclasses.dataclass(frozen=True)
class PreactBlock:
    """A residual block of two 3x3 convolutions.

    Attributes:
      middle_channels: of the first convolution, which has the stride.
      channels: of the second, and of the output.
      stride: of the block.
      dilation: of the second convolution.
    """

    middle_channels: int
    channels: int
    stride: int = 1
    dilation: int = 1


@dataclasses.dataclass(frozen=True)
class PreactResNet:
    """A pre-activation ResNet (He et al. 2016) of one block a stage, as OpenCV's Res10 face detector has it.

    Batch normalisation of the input itself; a 7x7 convolution, 3x3 max pool, sides rounded up; a block that adds its
    input to what it makes of it; blocks that begin with batch normalisation and ReLU, and add a 1x1 convolution of
    that; both once more at the end. The feature maps are "block2_in", "block3_in", ...: what those blocks'
    convolutions see; and "last".

    Attributes:
      stem_channels: channels of the 7x7 convolution.
      blocks: in order.
    """

    stem_channels: int
    blocks: tuple[PreactBlock, ...]
    kind: Literal["preact_resnet"] = "preact_resnet"

    def __post_init__(self):
        first = self.blocks[0] if self.blocks else None
        if not first or (first.channels, first.stride) != (self.stem_channels, 1):
            raise UserError(
                f"backbone: expected a first block of {self.stem_channels} channels, as the stem, and stride 1. "
                f"Received: {first}"
            )

    @property
    def feature_maps(self) -> tuple[str, ...]:
        """The names of the feature maps, largest first."""
        return (*(f"block{number}_in" for number in range(2, len(self.blocks) + 1)), "last")

    @property
    def num_stages(self) -> int:
        """How many stages can be frozen: the blocks."""
        return len(self.blocks)


Backbone = ResNet | VGG | MobileNet | PreactResNet
