# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""SSD300 and ResNet-34 in PyTorch, to write weight files with and to compare with.

Restated from the description of MLPerf's ssd-v1 and of torchvision; only the names in the state_dict and the order of
outputs are theirs. Layout is PyTorch's: images [N, 3, S, S], loc [N, 4, A] as (dx, dy, dw, dh), conf [N, C + 1, A].
"""

import collections

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone calls it
from torch import nn

# Channels and blocks of conv2_x to conv5_x.
_STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))
# Middle channels, channels, stride, padding of each block that makes a smaller level.
_EXTRA = ((256, 512, 2, 1), (256, 512, 2, 1), (128, 256, 2, 1), (128, 256, 1, 0), (128, 256, 1, 0))
_ANCHORS = (4, 6, 6, 6, 4, 4)
NEGATIVES_PER_POSITIVE = 3

# Threads that spin while other processes want the cores: a step took 14 s with two on two busy cores, 2.5 s with one.
torch.set_num_threads(1)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut around them."""

    def __init__(self, inputs: int, channels: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = nn.Sequential()
        # By channels, as in torchvision's conv3_x to conv5_x, where SSD sets a stride of 1 too.
        if inputs != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x):
        residual = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(residual + self.downsample(x))


class ResNet34(nn.Module):
    """With torchvision's names. SSD sets conv4_stride to 1, which no weight tells."""

    def __init__(self, conv4_stride: int = 2):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for number, ((channels, blocks), stride) in enumerate(zip(_STAGES, (1, 2, conv4_stride, 2), strict=True), 1):
            widths = [inputs] + [channels] * (blocks - 1)
            strides = [stride] + [1] * (blocks - 1)
            parts = [BasicBlock(width, channels, step) for width, step in zip(widths, strides, strict=True)]
            self.add_module(f"layer{number}", nn.Sequential(*parts))
            inputs = channels
        self.fc = nn.Linear(512, 1000)

    def conv4(self, x):
        """The output of conv4_x."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        return self.layer3(self.layer2(self.layer1(x)))

    def forward(self, x):
        return self.fc(self.layer4(self.conv4(x)).mean((2, 3)))


class SSD300(nn.Module):
    """MLPerf's detector, with its names.

    Args:
      num_classes: without background.
      backbone: whose modules it takes up to conv4_x; its conv4_stride must be 1.
    """

    def __init__(self, num_classes: int, backbone: ResNet34 | None = None):
        super().__init__()
        backbone = backbone or ResNet34(conv4_stride=1)
        stem = (backbone.conv1, backbone.bn1, nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        self.model = nn.Sequential(
            collections.OrderedDict(
                layer1=nn.Sequential(*stem, backbone.layer1, backbone.layer2), layer2=nn.Sequential(backbone.layer3)
            )
        )
        channels = [256] + [block[1] for block in _EXTRA]
        self.additional_blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(inputs, middle, 1), nn.ReLU(), nn.Conv2d(middle, outputs, 3, stride, padding), nn.ReLU()
            )
            for inputs, (middle, outputs, stride, padding) in zip(channels[:-1], _EXTRA, strict=True)
        )
        heads = list(zip(channels, _ANCHORS, strict=True))
        self.loc = nn.ModuleList(nn.Conv2d(inputs, 4 * anchors, 3, 1, 1) for inputs, anchors in heads)
        self.conf = nn.ModuleList(nn.Conv2d(inputs, (num_classes + 1) * anchors, 3, 1, 1) for inputs, anchors in heads)

    def forward(self, x):
        levels = [self.model(x)]
        for block in self.additional_blocks:
            levels.append(block(levels[-1]))
        return self._outputs(self.loc, levels, 4), self._outputs(self.conf, levels, self.conf[0].out_channels // 4)

    @staticmethod
    def _outputs(heads, levels, size):
        # Channel c * anchors + k of a head is number c of anchor kind k.
        return torch.cat([head(x).reshape(len(x), size, -1) for head, x in zip(heads, levels, strict=True)], dim=2)


def multibox_loss(loc, conf, offsets, labels):
    """The mean over the images of (smooth L1 + cross entropy with mined negatives) / positives.

    Args:
      loc, conf: as `SSD300` gives them.
      offsets: [N, 4, A], the targets, in the coordinates of loc.
      labels: int64 [N, A], 0 for background. At most a quarter of them may be positive: beyond, the reference counts
        some positives twice.
    """
    positive = labels > 0
    count = positive.sum(1)
    localization = (F.smooth_l1_loss(loc, offsets, reduction="none").sum(1) * positive).sum(1)
    entropy = F.cross_entropy(conf, labels, reduction="none")
    hardest_first = entropy.detach().masked_fill(positive, -1.0).argsort(dim=1, descending=True, stable=True)
    wanted = torch.arange(labels.shape[1]) < NEGATIVES_PER_POSITIVE * count[:, None]
    mined = torch.zeros_like(positive).scatter(1, hardest_first, wanted)
    classification = (entropy * (positive | mined)).sum(1)
    return torch.where(count > 0, (localization + classification) / count.clamp(min=1), 0.0).mean()
