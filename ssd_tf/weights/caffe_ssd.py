# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The graph of a Caffe net -> the spec of the SSD that it is, and which blob each variable of ours takes.

Read from the end: DetectionOutput says which convolutions are heads and which PriorBox layers belong to them; what
feeds a head is a feature map; maps that two convolutions make of the one before are extra blocks; the rest is the
backbone. All that is read is checked: what DetectorSpec cannot say is refused, by the name of the layer.
"""

import dataclasses
import pathlib

from ssd_tf.specs import DETECTORS, Backbone, BackboneLevel, Detection, DetectorSpec, ExtraBlock, Level
from ssd_tf.utils.errors import UserError
from ssd_tf.weights.caffe_backbones import read_backbone
from ssd_tf.weights.caffe_net import Layer, Window, flag_of, layers_of, parameters_of, window_of
from ssd_tf.weights.caffe_parts import Blobs, Unit, only_input, refuse_layer, unit_before
from ssd_tf.weights.prototxt import message_of, number_of, numbers_of, read_prototxt, text_of
from ssd_tf.weights.refusal import RefusedError, refuse

# What may stand in an SSD for itself; the first layer of another type is what tells a net to be something else.
_TYPES = (
    *("input", "convolution", "relu", "pooling", "batchnorm", "scale", "eltwise", "normalize", "permute", "flatten"),
    *("concat", "priorbox", "reshape", "softmax", "detectionoutput"),
)
_HEAD = Window(3, pad=1)
_MOST_RATIOS, _MOST_DETECTIONS = 20, 10_000
# N, H, W, C: the order of our maps, in which boxes of a cell stand side by side.
_TO_NHWC = [0, 2, 3, 1]


@dataclasses.dataclass(frozen=True)
class CaffeDetector:
    """What a prototxt describes.

    Attributes:
      spec: of the table, where there is an equal one.
      num_classes: without background.
      blobs: which blob each of our variables takes.
      bgr: the net takes B, G, R where the spec says R, G, B: the first kernel is to be turned round.
    """

    spec: DetectorSpec
    num_classes: int
    blobs: Blobs
    bgr: bool


@dataclasses.dataclass(frozen=True)
class _Head:
    """The heads and the default boxes of a level, and the map that feeds them: normalised, and as it is."""

    offsets: Layer
    logits: Layer
    level: Level
    features: Layer
    normalize: Layer | None


def read_caffe_detector(path: str | pathlib.Path) -> CaffeDetector:
    """The SSD in a .prototxt for deployment, or for the test phase.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is no SSD, or one that no spec describes; the message names the first layer that does not fit.
    """
    message = read_prototxt(path)
    try:
        return _detector(layers_of(message), text_of(message, "name", "") or pathlib.Path(path).stem)
    except (RefusedError, UserError) as error:
        raise UserError(f"{path}: {error}") from error


def _detector(layers: list[Layer], name: str) -> CaffeDetector:
    output = _detection_output(layers)
    settings = parameters_of(output)
    num_classes = int(number_of(settings, "num_classes", 0))
    heads, variances, image_size = _heads(output, num_classes)
    first_extra = next(i for i in range(len(heads), 0, -1) if i == 1 or not _is_extra(heads[i - 1], heads[i - 2]))
    blobs = Blobs()
    backbone, maps = read_backbone(layers, heads[first_extra - 1].features, blobs)
    levels = []
    for index, head in enumerate(heads[:first_extra]):
        if id(head.features) not in maps:
            refuse_layer(
                head.features,
                f"a map of the backbone that can feed heads, or an extra block of {heads[index - 1].features}",
            )
        levels.append(_backbone_level(head, maps[id(head.features)]))
        if head.normalize:
            blobs.add(f"l2norm{index}", "scale", head.normalize, 0, (head.normalize.channels,))
    extras = tuple(
        _extra_block(head, f"extra{index}", blobs) for index, head in enumerate(heads[first_extra:], start=1)
    )
    for index, head in enumerate(heads):
        for kind, layer in (("offsets", head.offsets), ("logits", head.logits)):
            blobs.add_convolution(f"{kind}{index}", layer, bias=True)
    base = _relative(backbone)
    spec = dataclasses.replace(
        base,
        name="".join(c if c.isascii() and (c.isalnum() or c in "_-.") else "_" for c in name)[:100] or "caffe",
        image_size=image_size,
        backbone=backbone,
        backbone_levels=tuple(levels),
        extra_blocks=extras,
        levels=tuple(head.level for head in heads),
        clip="none",
        variances=variances,
        preprocessing=_preprocessing(layers, base),
        detection=_detection(output),
    )
    known = [entry for entry in DETECTORS.values() if dataclasses.replace(spec, name=entry.name) == entry]
    return CaffeDetector(known[0] if known else spec, num_classes - 1, blobs, spec.preprocessing.channels == "rgb")


def _detection_output(layers: list[Layer]) -> Layer:
    if not layers:
        refuse("has no layers")
    found = [layer for layer in layers if layer.kind == "detectionoutput"]
    if not found:
        other = next((layer for layer in layers if layer.inputs and layer.kind not in _TYPES), layers[-1])
        refuse(f"{other}: no part of an SSD for deployment, which ends in a DetectionOutput layer: here is none")
    return found[0]


def _heads(output: Layer, num_classes: int) -> tuple[list[_Head], tuple[float, float, float, float], int]:
    """The levels, the variances that all of them have, in our order, and the side of the input."""
    if num_classes < 2:
        refuse_layer(output, f"num_classes of 2 or more, background counted; here it is {num_classes}")
    if len(output.inputs) < 3:
        refuse_layer(output, f"three inputs: offsets, scores, default boxes; here are {len(output.inputs)}")
    offsets, scores, priors = (_parts(layer) for layer in output.inputs[:3])
    if not 0 < len(offsets) == len(scores) == len(priors):
        refuse_layer(output, f"as many heads as PriorBoxes; here are {len(offsets)}, {len(scores)} and {len(priors)}")
    heads, variances, sides = [], set(), set()
    for offset_part, score_part, prior in zip(offsets, scores, priors, strict=True):
        if prior.kind != "priorbox" or len(prior.inputs) != 2:
            refuse_layer(prior, "a PriorBox of a map and the input")
        features = prior.inputs[0]
        convolutions = (_head(offset_part, features), _head(score_part, features))
        level, variance = _level(prior, features, prior.inputs[1].side)
        for layer, size in zip(convolutions, (4, num_classes), strict=True):
            if layer.channels != level.boxes_per_cell * size:
                refuse_layer(
                    layer, f"num_output {level.boxes_per_cell} * {size}, as {prior} says; here it is {layer.channels}"
                )
        normalize = features if features.kind == "normalize" else None
        plain = only_input(features) if normalize else features
        heads.append(_Head(*convolutions, level, plain, normalize))
        variances.add(variance)
        sides.add(prior.inputs[1].side)
        if len(variances) > 1 or len(sides) > 1:
            refuse_layer(prior, "the variances and the input of the PriorBoxes before it")
    return heads, variances.pop(), sides.pop()


def _parts(layer: Layer) -> list[Layer]:
    """What is concatenated, maybe with a softmax after it."""
    while (
        layer.kind in ("flatten", "softmax", "reshape") and len(layer.inputs) == 1 and layer.inputs[0].kind != "permute"
    ):
        layer = layer.inputs[0]
    return list(layer.inputs) if layer.kind == "concat" else [layer]


def _head(part: Layer, features: Layer) -> Layer:
    """The convolution of a head, which is followed by Permute and Flatten."""
    permute = only_input(part) if part.kind == "flatten" else part
    if permute.kind != "permute" or numbers_of(parameters_of(permute), "order") != _TO_NHWC:
        refuse_layer(permute, f"a Permute with order {_TO_NHWC} between a head and its Flatten")
    layer = only_input(permute)
    if layer.kind != "convolution" or layer.inputs != (features,) or window_of(layer) != _HEAD:
        refuse_layer(layer, f"a head: a 3x3 Convolution with pad 1 of {features}")
    return layer


def _level(prior: Layer, features: Layer, image_size: int) -> tuple[Level, tuple[float, float, float, float]]:
    """The default boxes of a PriorBox layer, and its variances as dy, dx, dh, dw."""
    settings = parameters_of(prior)
    if image_size < 1:
        refuse_layer(prior, "the net's input, whose size is given, as its second input")
    sizes = [numbers_of(settings, field) for field in ("min_size", "max_size")]
    if [len(part) for part in sizes] != [1, 1]:
        refuse_layer(prior, f"one min_size and one max_size; here are {len(sizes[0])} and {len(sizes[1])}")
    if flag_of(settings, "clip", False) or number_of(settings, "offset", 0.5) != 0.5:
        refuse_layer(prior, "default boxes that are not clipped, with offset 0.5")
    if any(side != image_size for name in ("img_size", "img_h", "img_w") for side in numbers_of(settings, name)):
        refuse_layer(prior, f"an image of the input's size, {image_size}")
    steps = {step for name in ("step", "step_h", "step_w") for step in numbers_of(settings, name)}
    if len(steps) > 1:
        refuse_layer(prior, f"one step for both sides; here are {sorted(steps)}")
    ratios: list[float] = []
    for ratio in numbers_of(settings, "aspect_ratio"):
        if ratio <= 0:
            refuse_layer(prior, f"aspect ratios of more than 0; here is {ratio}")
        if len(ratios) <= _MOST_RATIOS and not any(
            abs(ratio - known) < 1e-6 for known in (1, *ratios, *(1 / known for known in ratios))
        ):
            ratios.append(ratio)
    if ratios and not flag_of(settings, "flip", True):
        refuse_layer(prior, "flip: true, which adds 1 / a to each aspect ratio a")
    if len(ratios) > _MOST_RATIOS:
        refuse_layer(prior, f"at most {_MOST_RATIOS} aspect ratios")
    variances = numbers_of(settings, "variance") or [0.1]
    if len(variances) not in (1, 4):
        refuse_layer(prior, f"1 or 4 variances; here are {len(variances)}")
    x, y, w, h = (float(value) for value in variances * (4 // len(variances)))
    # Caffe's layer keeps whole pixels.
    (size,), (next_size,) = ([int(value) for value in part] for part in sizes)
    if not 0 < size <= next_size:
        refuse_layer(prior, f"a min_size from 1 to max_size; here they are {size} and {next_size}")
    return Level(features.side, steps.pop() if steps else None, size, next_size, tuple(ratios)), (y, x, h, w)


def _backbone_level(head: _Head, feature_map: str) -> BackboneLevel:
    if not head.normalize:
        return BackboneLevel(feature_map)
    settings = parameters_of(head.normalize)
    if flag_of(settings, "across_spatial", True) or flag_of(settings, "channel_shared", True):
        refuse_layer(head.normalize, "across_spatial: false and channel_shared: false")
    scale = number_of(message_of(settings, "scale_filler"), "value", 0)
    return BackboneLevel(feature_map, l2_scale=scale or 1.0, l2_epsilon=number_of(settings, "eps", 1e-10))


def _is_extra(head: _Head, before: _Head) -> bool:
    """Whether the level's map is made of the one before by a 1x1 convolution and another."""
    second = unit_before(head.features)
    first = unit_before(second.source) if second and second.relu else None
    return bool(first and first.relu and first.source is before.features and window_of(first.convolution) == Window(1))


def _extra_block(head: _Head, name: str, blobs: Blobs) -> ExtraBlock:
    if head.normalize:
        refuse_layer(head.normalize, "a map of the backbone before it: those of extra blocks are not normalised")
    second = unit_before(head.features)
    first = unit_before(second.source) if second else None
    assert first and second  # _is_extra has seen them
    window = window_of(second.convolution)
    if window.dilation != 1:
        refuse_layer(second.convolution, "no dilation in an extra block")
    if bool(first.norm) != bool(second.norm):
        refuse_layer(second.convolution, f"BatchNorm, or none, as after {first.convolution}")
    for unit, place in ((first, 1), (second, 2)):
        _add_unit(unit, f"{name}_{place}", blobs)
    channels = (first.convolution.channels, second.convolution.channels)
    return ExtraBlock(*channels, window.stride, window.pad, window.kernel, batch_norm=bool(first.norm))


def _add_unit(unit: Unit, name: str, blobs: Blobs) -> None:
    blobs.add_convolution(name, unit.convolution, bias=not unit.norm)
    if unit.norm:
        blobs.add_norm(f"{name}_bn", *unit.norm)


def _detection(output: Layer) -> Detection:
    settings = parameters_of(output)
    if text_of(settings, "code_type", "CORNER") not in ("CENTER_SIZE", "2"):
        refuse_layer(output, "code_type: CENTER_SIZE")
    if not flag_of(settings, "share_location", True) or flag_of(settings, "variance_encoded_in_target", False):
        refuse_layer(output, "boxes that all classes share, and offsets that are divided by variances")
    if number_of(settings, "background_label_id", 0) != 0:
        refuse_layer(output, "background_label_id: 0")
    suppression = message_of(settings, "nms_param")
    candidates, kept = int(number_of(suppression, "top_k", -1)), int(number_of(settings, "keep_top_k", -1))
    if not (0 < candidates <= _MOST_DETECTIONS and 0 < kept <= _MOST_DETECTIONS):
        refuse_layer(
            output, f"nms_param.top_k and keep_top_k from 1 to {_MOST_DETECTIONS}; here: {candidates} and {kept}"
        )
    return Detection(
        score_threshold=number_of(settings, "confidence_threshold", 0.0),
        iou_threshold=number_of(suppression, "nms_threshold", 0.3),
        keep_equal_iou=True,
        candidates_per_class=candidates,
        max_detections=kept,
    )


def _relative(backbone: Backbone) -> DetectorSpec:
    """A detector of Caffe's on such a backbone: what a prototxt does not say is taken from it."""
    return DETECTORS["ssd300_vgg16" if backbone.kind == "vgg" else "ssd300_res10"]


def _preprocessing(layers: list[Layer], base: DetectorSpec):
    """A prototxt for deployment does not say the mean, one for the test phase does: B, G, R."""
    means = [numbers_of(message_of(layer.settings, "transform_param"), "mean_value") for layer in layers]
    mean = next((part for part in means if len(part) == 3), None)
    if mean is None:
        return base.preprocessing
    how = base.preprocessing
    return dataclasses.replace(how, mean=tuple(mean if how.channels == "bgr" else mean[::-1]))
