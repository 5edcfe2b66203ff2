# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The table of detectors: everything that tells one SSD from another is a field of DetectorSpec.

Sizes and ratios of SSD300 follow Liu et al. (arXiv 1512.02325, section 2.2) as MLPerf ssd-v1 sets them for COCO.
"""

import dataclasses

from ssd_tf.utils.errors import UserError


@dataclasses.dataclass(frozen=True)
class Level:
    """One feature map and the default boxes on it.

    Attributes:
      cells: side of the square feature map.
      step: distance between the centres of neighbouring default boxes, in pixels of the input.
      size: side of the smallest default box, in pixels of the input.
      next_size: size of the next level; the second square box has side sqrt(size * next_size).
      aspect_ratios: each ratio a adds two boxes, of aspect a and of aspect 1 / a.
    """

    cells: int
    step: int
    size: int
    next_size: int
    aspect_ratios: tuple[int, ...]

    @property
    def boxes_per_cell(self) -> int:
        return 2 + 2 * len(self.aspect_ratios)


@dataclasses.dataclass(frozen=True)
class ExtraBlock:
    """A 1x1 convolution, then a 3x3 one that makes the next smaller level; both with bias and ReLU."""

    middle_channels: int
    channels: int
    stride: int
    padding: int


@dataclasses.dataclass(frozen=True)
class Stage:
    """A run of residual blocks; the first one has the stride."""

    channels: int
    blocks: int
    stride: int


@dataclasses.dataclass(frozen=True)
class DetectorSpec:
    """What a detector is: backbone, extra levels, default boxes and the scaling of offsets.

    Attributes:
      name: what `--detector` takes.
      image_size: S, side of the square input in pixels.
      stem_channels: channels of the 7x7 convolution that the residual backbone starts with.
      stages: the residual stages; the last one's output is the first level.
      extra_blocks: what makes each further level from the one before.
      levels: the feature maps, largest first; one more than extra_blocks.
      variances: what offsets (dy, dx, dh, dw) are divided by.
    """

    name: str
    image_size: int
    stem_channels: int
    stages: tuple[Stage, ...]
    extra_blocks: tuple[ExtraBlock, ...]
    levels: tuple[Level, ...]
    variances: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.2)

    @property
    def num_anchors(self) -> int:
        """A, the number of default boxes."""
        return sum(level.cells**2 * level.boxes_per_cell for level in self.levels)


# MLPerf ssd-v1: ResNet-34 up to conv4_x, which keeps stride 1, so that the first level is 38x38.
_SSD300_RESNET34 = DetectorSpec(
    name="ssd300_resnet34",
    image_size=300,
    stem_channels=64,
    stages=(Stage(64, 3, 1), Stage(128, 4, 2), Stage(256, 6, 1)),
    extra_blocks=(
        ExtraBlock(256, 512, stride=2, padding=1),
        ExtraBlock(256, 512, stride=2, padding=1),
        ExtraBlock(128, 256, stride=2, padding=1),
        ExtraBlock(128, 256, stride=1, padding=0),
        ExtraBlock(128, 256, stride=1, padding=0),
    ),
    levels=(
        Level(38, 8, 21, 45, (2,)),
        Level(19, 16, 45, 99, (2, 3)),
        Level(10, 32, 99, 153, (2, 3)),
        Level(5, 64, 153, 207, (2, 3)),
        Level(3, 100, 207, 261, (2,)),
        Level(1, 300, 261, 315, (2,)),
    ),
)

# A detector of our own for trials, demos and tests: small enough to train in minutes on two CPU cores.
_SSD128_TINY = DetectorSpec(
    name="ssd128_tiny",
    image_size=128,
    stem_channels=16,
    stages=(Stage(32, 1, 1), Stage(64, 2, 2)),
    extra_blocks=(
        ExtraBlock(64, 128, stride=2, padding=1),
        ExtraBlock(64, 128, stride=2, padding=1),
        ExtraBlock(64, 128, stride=2, padding=1),
    ),
    levels=(
        Level(16, 8, 16, 32, (2,)),
        Level(8, 16, 32, 56, (2, 3)),
        Level(4, 32, 56, 84, (2, 3)),
        Level(2, 64, 84, 112, (2,)),
    ),
)

DETECTORS = {spec.name: spec for spec in (_SSD300_RESNET34, _SSD128_TINY)}


def detector(name: str | DetectorSpec) -> DetectorSpec:
    """The detector of that name; a DetectorSpec is returned as it is.

    Raises:
      ValueError: no detector has that name; the message lists those that there are.
    """
    if isinstance(name, DetectorSpec):
        return name
    if name not in DETECTORS:
        raise UserError(f"unknown detector {name!r}; expected one of: {', '.join(DETECTORS)}")
    return DETECTORS[name]
