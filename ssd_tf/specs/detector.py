# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""DetectorSpec: everything that tells one SSD from another. A spec is plain data, in Python or as JSON."""

import dataclasses
from typing import Any, Literal

from ssd_tf.specs.backbones import Backbone
from ssd_tf.specs.encoding import decoded, encoded
from ssd_tf.specs.parts import (
    BackboneLevel,
    BatchNormalization,
    Detection,
    ExtraBlock,
    Heads,
    Level,
    Loss,
    Matching,
    Preprocessing,
)
from ssd_tf.utils.errors import UserError

# Of all numbers in a spec; the others are more than 0.
_MAY_BE_NEGATIVE = ("mean",)
_MAY_BE_ZERO = ("padding", "squeeze_channels", "negatives_per_positive", "score_threshold", "momentum", "l2_scale")
_FRACTIONS = ("iou_threshold", "score_threshold", "momentum")


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
      backbone_batch_norm: of the backbone's, where that is another.
      initialization: of extra blocks and heads, a VGG's fc6 and fc7, and a MobileNet. "xavier": xavier-uniform kernels
        and PyTorch's default biases; "xavier_zero": the same with zero biases (Caffe, amdegroot, torchvision's VGG);
        "normal": normal kernels of deviation 0.03 and zero biases (SSDLite).
      clip: what of the default boxes (cy, cx, h, w) is clipped to [0, 1]: all four ("centre_form"), only h and w
        ("sizes", as torchvision) or nothing ("none", as Caffe).
      variances: what offsets (dy, dx, dh, dw) are divided by.
      matching, loss, preprocessing, detection: see there.
      weight_names: whose names the tensors have where its weights are written for PyTorch.

    Raises:
      ValueError: the parts do not fit each other, or a value is none of those that are known.
    """

    name: str
    image_size: int
    backbone: Backbone
    backbone_levels: tuple[BackboneLevel, ...]
    extra_blocks: tuple[ExtraBlock, ...]
    levels: tuple[Level, ...]
    heads: Heads = Heads()
    batch_norm: BatchNormalization = BatchNormalization()
    backbone_batch_norm: BatchNormalization | None = None
    initialization: Literal["xavier", "xavier_zero", "normal"] = "xavier"
    clip: Literal["none", "centre_form", "sizes"] = "centre_form"
    variances: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.2)
    matching: Matching = Matching()
    loss: Loss = Loss()
    preprocessing: Preprocessing = Preprocessing()
    detection: Detection = Detection()
    weight_names: Literal["mlperf", "amdegroot", "torchvision"] = "mlperf"

    def __post_init__(self):
        content = encoded(self)
        decoded(DetectorSpec, content, "spec", build=False)
        _check_parts(self)
        _check_numbers(self.name, content, "")

    @property
    def num_anchors(self) -> int:
        """A, the number of default boxes."""
        return sum(level.cells**2 * level.boxes_per_cell for level in self.levels)


def _check_parts(spec: DetectorSpec) -> None:
    """Raises ValueError where parts of a spec contradict each other."""
    if len(spec.levels) != len(spec.backbone_levels) + len(spec.extra_blocks):
        raise UserError(
            f"{spec.name}: expected a level for each of {len(spec.backbone_levels)} backbone_levels and "
            f"{len(spec.extra_blocks)} extra_blocks. Received: {len(spec.levels)} levels"
        )
    if not spec.backbone_levels:
        raise UserError(f"{spec.name}: expected at least one of backbone_levels. Received: none")
    known = spec.backbone.feature_maps
    for level in spec.backbone_levels:
        if level.feature_map not in known:
            raise UserError(
                f"{spec.name}: feature_map: expected one of {', '.join(known)}. Received: {level.feature_map!r}"
            )
    places = [known.index(level.feature_map) for level in spec.backbone_levels]
    if places != sorted(set(places)):
        raise UserError(
            f"{spec.name}: backbone_levels: expected feature maps in the order {', '.join(known)}, each once. "
            f"Received: {', '.join(level.feature_map for level in spec.backbone_levels)}"
        )


def _check_numbers(detector: str, value: Any, where: str) -> None:
    """Raises ValueError where a number in an encoded spec is out of the range of its field, whatever part it is in."""
    if isinstance(value, dict):
        for name, part in value.items():
            _check_numbers(detector, part, f"{where}.{name}" if where else name)
    elif isinstance(value, list):
        for place, part in enumerate(value):
            _check_numbers(detector, part, f"{where}[{place}]")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        field = where.rpartition(".")[2].partition("[")[0]
        if field not in _MAY_BE_NEGATIVE and not value >= 0:
            raise UserError(f"{detector}: {where}: expected at least 0. Received: {value}")
        if field not in (*_MAY_BE_NEGATIVE, *_MAY_BE_ZERO) and not value > 0:
            raise UserError(f"{detector}: {where}: expected more than 0. Received: {value}")
        if field in _FRACTIONS and value > 1:
            raise UserError(f"{detector}: {where}: expected at most 1. Received: {value}")


def with_negative_overlaps(spec: DetectorSpec) -> DetectorSpec:
    """The detector with the fault of MLPerf inference's non-maximum suppression; see `Detection`."""
    return dataclasses.replace(spec, detection=dataclasses.replace(spec.detection, negative_overlaps=True))


def differences(one: DetectorSpec, other: DetectorSpec) -> list[str]:
    """The names of the fields in which two specs differ."""
    return [field.name for field in dataclasses.fields(one) if getattr(one, field.name) != getattr(other, field.name)]


def share_weights(one: DetectorSpec, other: DetectorSpec) -> bool:
    """Whether weights of one fit the other: at most name, size of images and default boxes differ, not their number in
    a cell."""
    boxes, others = ([level.boxes_per_cell for level in spec.levels] for spec in (one, other))
    return boxes == others and set(differences(one, other)) <= {"name", "image_size", "levels"}


def spec_to_json(spec: DetectorSpec) -> dict[str, Any]:
    """The spec as json.dumps takes it; `spec_from_json` gives an equal spec back."""
    return encoded(spec)


def spec_from_json(content: Any) -> DetectorSpec:
    """The spec that `spec_to_json` made this content of; fields that have a default may be left out.

    Raises:
      ValueError: a field is unknown, missing or of a wrong type; the message names it.
    """
    return decoded(DetectorSpec, content, "spec")
