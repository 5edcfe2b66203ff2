# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The table of detectors: everything that tells one SSD from another is a field of DetectorSpec.

A spec is plain data. `ssd_tf.spec` finds one by its name or in a JSON file; a user's own is built in Python or written
as JSON, and trains, saves and exports like those of the table. Sizes and ratios of SSD300 follow Liu et al.
(arXiv 1512.02325, section 2.2) as MLPerf ssd-v1 sets them for COCO.
"""

import dataclasses
import json
import math
import pathlib
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal

from ssd_tf.utils.errors import UserError

Activation = Literal["relu", "relu6"]


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


@dataclasses.dataclass(frozen=True)
class BackboneLevel:
    """A feature map of the backbone that feeds heads.

    Attributes:
      feature_map: its name; see the backbone's `feature_maps`.
      l2_scale: where the heads see it L2-normalised over its channels, the value that the learnt scales start with;
        None where they see it as it is. The layers after it see it as it is in both cases.
    """

    feature_map: str
    l2_scale: float | None = None


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

    Attributes:
      cells: side of the square of cells: of the feature map, after the stride of the heads.
      step: distance between the centres of neighbouring default boxes, in pixels; None spreads them evenly.
      size: side of the smallest default box, in pixels.
      next_size: size of the next level; the second square box has side sqrt(size * next_size).
      aspect_ratios: each ratio a adds two boxes, of aspect a and of aspect 1 / a.
    """

    cells: int
    step: float | None
    size: float
    next_size: float
    aspect_ratios: tuple[float, ...]

    @property
    def boxes_per_cell(self) -> int:
        return 2 + 2 * len(self.aspect_ratios)


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
    """

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    deviation: tuple[float, float, float] = (0.229, 0.224, 0.225)
    divisor: float = 255.0
    channels: Literal["rgb", "bgr"] = "rgb"


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
    """

    score_threshold: float = 0.05
    iou_threshold: float = 0.5
    keep_equal_iou: bool = False
    candidates_per_class: int = 200
    max_detections: int = 200
    clip_boxes: bool = False


@dataclasses.dataclass(frozen=True)
class DetectorSpec:
    """What a detector is. Fields with a default are MLPerf ssd-v1's.

    Attributes:
      name: what `--detector` takes.
      image_size: S, side of the square input in pixels.
      backbone: the backbone and its settings.
      backbone_levels: which of the backbone's feature maps feed heads, largest first.
      extra_blocks: what makes each further level from the one before.
      levels: the default boxes on each feature map, largest first: the backbone's, then the extra blocks'.
      heads: the convolutions that predict.
      batch_norm: of all batch normalisation in the model.
      initialization: of extra blocks and heads. "xavier": xavier-uniform kernels and PyTorch's default biases;
        "xavier_zero": the same with zero biases (Caffe, amdegroot, torchvision's VGG); "normal": normal kernels of
        deviation 0.03 and zero biases (SSDLite).
      clip: what of the default boxes (cy, cx, h, w) is clipped to [0, 1]: all four ("centre_form"), only h and w
        ("sizes", as torchvision) or nothing ("none", as Caffe).
      variances: what offsets (dy, dx, dh, dw) are divided by.
      matching, loss, preprocessing, detection: see there.

    Raises:
      ValueError: the parts do not fit each other, or a value is none of those that are known.
    """

    name: str
    image_size: int
    backbone: ResNet
    backbone_levels: tuple[BackboneLevel, ...]
    extra_blocks: tuple[ExtraBlock, ...]
    levels: tuple[Level, ...]
    heads: Heads = Heads()
    batch_norm: BatchNormalization = BatchNormalization()
    initialization: Literal["xavier", "xavier_zero", "normal"] = "xavier"
    clip: Literal["none", "centre_form", "sizes"] = "centre_form"
    variances: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.2)
    matching: Matching = Matching()
    loss: Loss = Loss()
    preprocessing: Preprocessing = Preprocessing()
    detection: Detection = Detection()

    def __post_init__(self):
        _decoded(DetectorSpec, _encoded(self), "spec", build=False)
        _check(self)

    @property
    def num_anchors(self) -> int:
        """A, the number of default boxes."""
        return sum(level.cells**2 * level.boxes_per_cell for level in self.levels)


def _check(spec: DetectorSpec) -> None:
    """Raises ValueError where parts of a spec contradict each other or a number is out of range."""
    if len(spec.levels) != len(spec.backbone_levels) + len(spec.extra_blocks):
        raise UserError(
            f"{spec.name}: expected a level for each of {len(spec.backbone_levels)} backbone_levels and "
            f"{len(spec.extra_blocks)} extra_blocks. Received: {len(spec.levels)} levels"
        )
    if not spec.backbone_levels:
        raise UserError(f"{spec.name}: expected at least one of backbone_levels. Received: none")
    for level in spec.backbone_levels:
        if level.feature_map not in spec.backbone.feature_maps:
            raise UserError(
                f"{spec.name}: feature_map: expected one of {', '.join(spec.backbone.feature_maps)}. "
                f"Received: {level.feature_map!r}"
            )
    positive = {
        "image_size": spec.image_size,
        "heads.stride": spec.heads.stride,
        "detection.candidates_per_class": spec.detection.candidates_per_class,
        "detection.max_detections": spec.detection.max_detections,
        "detection.iou_threshold": spec.detection.iou_threshold,
        "preprocessing.divisor": spec.preprocessing.divisor,
        **{f"preprocessing.deviation[{i}]": value for i, value in enumerate(spec.preprocessing.deviation)},
        **{f"variances[{i}]": value for i, value in enumerate(spec.variances)},
        **{f"levels[{i}].cells": level.cells for i, level in enumerate(spec.levels)},
        **{f"levels[{i}].size": level.size for i, level in enumerate(spec.levels)},
        **{f"levels[{i}].next_size": level.next_size for i, level in enumerate(spec.levels)},
    }
    for name, value in positive.items():
        if not value > 0:
            raise UserError(f"{spec.name}: {name}: expected more than 0. Received: {value}")


def spec(detector: "str | pathlib.Path | DetectorSpec") -> DetectorSpec:
    """The detector that is meant: by its name in the table, as a JSON file, or a spec, which is returned as it is.

    Raises:
      ValueError: no detector has that name (the message lists those that there are), or the file holds no spec.
      FileNotFoundError: a path that ends in .json names no file.
    """
    if isinstance(detector, DetectorSpec):
        return detector
    if not str(detector).endswith(".json"):
        return named(str(detector))
    path = pathlib.Path(detector)
    if not path.is_file():
        raise FileNotFoundError(f"no file with a detector's spec at {path}")
    try:
        return spec_from_json(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise UserError(f"{path}: not a detector's spec: {error}") from error


def named(name: str) -> DetectorSpec:
    """The detector of that name in the table.

    Raises:
      ValueError: there is none; the message lists those that there are.
    """
    if name not in DETECTORS:
        raise UserError(
            f"unknown detector {name!r}; expected one of: {', '.join(DETECTORS)}; or a .json file with a spec"
        )
    return DETECTORS[name]


def differences(one: DetectorSpec, other: DetectorSpec) -> list[str]:
    """The names of the fields in which two specs differ."""
    return [field.name for field in dataclasses.fields(one) if getattr(one, field.name) != getattr(other, field.name)]


def spec_to_json(spec: DetectorSpec) -> dict[str, Any]:
    """The spec as json.dumps takes it; `spec_from_json` gives an equal spec back."""
    return _encoded(spec)


def spec_from_json(content: Any) -> DetectorSpec:
    """The spec that `spec_to_json` made this content of; fields that have a default may be left out.

    Raises:
      ValueError: a field is unknown, missing or of a wrong type; the message names it.
    """
    return _decoded(DetectorSpec, content, "spec")


def _encoded(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: _encoded(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return [_encoded(part) for part in value] if isinstance(value, tuple) else value


def _decoded(kind: Any, value: Any, where: str, build: bool = True) -> Any:
    """The value of a field of type `kind` from JSON; with build=False it is only checked."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _decoded_dataclass(kind, value, where, build)
    if origin is types.UnionType:  # X | None
        return None if value is None else _decoded(arguments[0], value, where, build)
    if origin is Literal:
        if value not in arguments:
            raise UserError(f"{where}: expected {' or '.join(map(repr, arguments))}. Received: {value!r}")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise UserError(f"{where}: expected a list. Received: {value!r}")
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
        if len(value) != len(kinds):
            raise UserError(f"{where}: expected {len(kinds)} values. Received: {value!r}")
        return tuple(
            _decoded(part, entry, f"{where}[{i}]", build)
            for i, (part, entry) in enumerate(zip(kinds, value, strict=True))
        )
    # bool is an int to Python, and a whole number may stand for a float.
    fits = isinstance(value, (int, float) if kind is float else kind) and (kind is bool or not isinstance(value, bool))
    if not fits or (kind is float and not math.isfinite(value)):
        raise UserError(f"{where}: expected {kind.__name__}. Received: {value!r}")
    return value


def _decoded_dataclass(kind: Any, content: Any, where: str, build: bool) -> Any:
    if not isinstance(content, Mapping):
        raise UserError(f"{where}: expected an object. Received: {content!r}")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    if unknown := [name for name in content if name not in fields]:
        raise UserError(f"{where}: unknown field {unknown[0]!r}; expected one of: {', '.join(fields)}")
    for name, field in fields.items():
        if name not in content and field.default is dataclasses.MISSING:
            raise UserError(f"{where}: missing field {name!r}")
    hints = typing.get_type_hints(kind)
    values = {name: _decoded(hints[name], value, f"{where}.{name}", build) for name, value in content.items()}
    return kind(**values) if build else None


# MLPerf ssd-v1: ResNet-34 up to conv4_x, which keeps stride 1, so that the first level is 38x38.
_SSD300_RESNET34 = DetectorSpec(
    name="ssd300_resnet34",
    image_size=300,
    backbone=ResNet(64, (Stage(64, 3, 1), Stage(128, 4, 2), Stage(256, 6, 1))),
    backbone_levels=(BackboneLevel("conv4"),),
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
    backbone=ResNet(16, (Stage(32, 1, 1), Stage(64, 2, 2))),
    backbone_levels=(BackboneLevel("conv3"),),
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

DETECTORS = {entry.name: entry for entry in (_SSD300_RESNET34, _SSD128_TINY)}
