# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What a DetectorSpec is made of: levels, heads, matching, loss, preprocessing, detection. Plain data."""

import dataclasses
from typing import Literal

from ssd_tf.specs.backbones import Activation
from ssd_tf.utils.errors import UserError


@dataclasses.dataclass(frozen=True)
class BackboneLevel:
    """A feature map of the backbone that feeds heads.

    Attributes:
      feature_map: its name; see the backbone's `feature_maps`.
      l2_scale: where the heads see it L2-normalised over its channels, the value that the learnt scales start with;
        None where they see it as it is. The layers after it see it as it is in both cases.
      l2_epsilon: added to the sum of squares whose root is the norm: 1e-10 in Caffe; torchvision keeps the norm above
        1e-12, which 1e-24 stands for.
    """

    feature_map: str
    l2_scale: float | None = None
    l2_epsilon: float = 1e-10


@dataclasses.dataclass(frozen=True)
class ExtraBlock:
    """A 1x1 convolution, then a larger one that makes the next level; both with the activation.

    Attributes:
      kernel: of the second convolution.
      batch_norm: batch normalisation takes the place of the biases.
      separable: the second convolution is a depthwise one, with normalisation (or bias) and activation of its own,
        followed by a 1x1 one.
    """

    middle_channels: int
    channels: int
    stride: int
    padding: int
    kernel: int = 3
    batch_norm: bool = False
    separable: bool = False
    activation: Activation = "relu"


@dataclasses.dataclass(frozen=True)
class Heads:
    """The convolutions that predict, one for offsets and one for logits on each level.

    Attributes:
      stride: of the 3x3 convolution; 3 in SSD-ResNet34 of 1200 pixels.
      separable: a 3x3 depthwise convolution with batch normalisation and ReLU6, then a 1x1 one, as in SSDLite.
    """

    stride: int = 1
    separable: bool = False


@dataclasses.dataclass(frozen=True)
class BatchNormalization:
    """Of every batch normalisation; the defaults are PyTorch's.

    Attributes:
      epsilon: added to the variance.
      momentum: how much of the running statistics stays at a step, as Keras counts; PyTorch's is 1 minus this.
    """

    epsilon: float = 1e-5
    momentum: float = 0.9


@dataclasses.dataclass(frozen=True)
class Level:
    """The default boxes on one feature map. Pixels are those of the model's input.

    Those of a cell follow from size, next_size and aspect_ratios, or are listed one by one in boxes.

    Attributes:
      cells: side of the square of cells: of the feature map, after the stride of the heads.
      step: distance between the centres of neighbouring default boxes, in pixels; None spreads them evenly.
      size: side of the smallest default box, in pixels.
      next_size: size of the next level; the second square box has side sqrt(size * next_size).
      aspect_ratios: each ratio a adds two boxes, of aspect a and of aspect 1 / a.
      boxes: (height, width) of each default box of a cell, in pixels.

    Raises:
      ValueError: both are given, or neither.
    """

    cells: int
    step: float | None
    size: float | None = None
    next_size: float | None = None
    aspect_ratios: tuple[float, ...] = ()
    boxes: tuple[tuple[float, float], ...] = ()

    def __post_init__(self):
        sizes = [size for size in (self.size, self.next_size) if size is not None]
        if self.boxes and (sizes or self.aspect_ratios):
            raise UserError(f"level of {self.cells} cells: expected boxes alone, or size and next_size. Received: both")
        if not self.boxes and len(sizes) < 2:
            raise UserError(
                f"level of {self.cells} cells: expected size and next_size, or boxes. Received: size={self.size}, "
                f"next_size={self.next_size}"
            )

    @property
    def boxes_per_cell(self) -> int:
        return len(self.boxes) or 2 + 2 * len(self.aspect_ratios)


@dataclasses.dataclass(frozen=True)
class Matching:
    """Which anchors are trained to find which ground truth.

    Attributes:
      iou_threshold: an anchor takes the ground truth that it overlaps most where the IoU is above this.
      inclusive: an IoU that equals the threshold is enough.
      forced: how each ground truth gets an anchor whatever the IoU. "in_order": its best one; of two that want the
        same, the later gets it (MLPerf, amdegroot, torchvision). "greedy": the largest IoU of all free pairs first, as
        long as it is above 1e-6, so that no ground truth loses its anchor (Caffe).
    """

    iou_threshold: float = 0.5
    inclusive: bool = False
    forced: Literal["in_order", "greedy"] = "in_order"


@dataclasses.dataclass(frozen=True)
class Loss:
    """The multibox loss.

    Attributes:
      normalized_by: what its terms are divided by: the positives of each "image" (MLPerf), or those of the whole
        "batch" (Caffe, amdegroot, torchvision).
      negatives_per_positive: hard negatives for each positive of an image, at most.
    """

    normalized_by: Literal["image", "batch"] = "image"
    negatives_per_positive: int = 3

    def __post_init__(self):
        if self.normalized_by not in ("image", "batch"):
            raise UserError(f"loss.normalized_by: expected 'image' or 'batch'. Received: {self.normalized_by!r}")
        if not self.negatives_per_positive >= 0:
            raise UserError(
                f"loss.negatives_per_positive: expected at least 0. Received: {self.negatives_per_positive}"
            )


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """Pixels in 0..255 -> the model's input: (pixel / divisor - mean) / deviation.

    The defaults are torchvision's statistics of ImageNet.

    Attributes:
      mean, deviation: by channel, in the model's order of channels.
      divisor: 255 for pixels in 0..1, 1 for pixels as they are.
      channels: the order that the model takes them in.
      antialias: images are made smaller as PIL does, where each pixel is a mean over all that it covers (MLPerf
        training); False: bilinear between the nearest four, as OpenCV does, and torchvision's detectors. Levels are
        rounded to whole ones in both cases.
    """

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    deviation: tuple[float, float, float] = (0.229, 0.224, 0.225)
    divisor: float = 255.0
    channels: Literal["rgb", "bgr"] = "rgb"
    antialias: bool = True


@dataclasses.dataclass(frozen=True)
class Detection:
    """How detections are made of offsets and logits. The defaults are MLPerf ssd-v1's.

    Attributes:
      score_threshold: a candidate's softmax score must be higher than this.
      iou_threshold: a candidate is dropped where its IoU with a better one of its class is at least this.
      keep_equal_iou: a candidate with exactly that IoU is kept.
      candidates_per_class: anchors of a class that non-maximum suppression looks at, the best.
      max_detections: kept for an image over all classes.
      clip_boxes: boxes are clipped to the image before non-maximum suppression.
      max_growth: a decoded box has at most this many times the height and width of its anchor; None: no limit.
      negative_overlaps: the fault of MLPerf inference's code, for comparison with it alone: the sides of an overlap
        may be negative, so that two boxes which lie apart in height and in width overlap too, and drop each other.
    """

    score_threshold: float = 0.05
    iou_threshold: float = 0.5
    keep_equal_iou: bool = False
    candidates_per_class: int = 200
    max_detections: int = 200
    clip_boxes: bool = False
    max_growth: float | None = None
    negative_overlaps: bool = False
