# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Whose weights a file holds, by the names in it: how each program names the tensors of its SSD, or of a backbone."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np

from ssd_tf.data.formats.coco import COCO_CATEGORIES
from ssd_tf.models.backbone import is_backbone_layer
from ssd_tf.utils.errors import UserError
from ssd_tf.weights import caffe, layout, mlperf, mobilenet, torchvision, vgg


@dataclasses.dataclass(frozen=True)
class Source:
    """A program's names.

    Attributes:
      name: the program's.
      sign: a tensor that no other program has.
      names: the names of the tensors of a model.
      first_logits: the bias of the first head for logits; None where the file is a backbone by itself.
      backbone: how the names of a detector's backbone begin.
      skipped: how the names of a classifier's tensors begin that have no place in SSD.
      anchor_major: see `layout.assign`.
      bgr_kernel: the first kernel, where it takes B, G, R.
    """

    name: str
    sign: str
    names: Callable[[keras.Model], layout.NameOf]
    first_logits: str | None = None
    backbone: tuple[str, ...] = ("",)
    skipped: tuple[str, ...] = ()
    anchor_major: bool = True
    bgr_kernel: str | None = None

    def tensors_of(self, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The tensors for R, G, B."""
        return caffe.turned_round(tensors, self.bgr_kernel) if self.bgr_kernel else tensors


def _always(name_of: layout.NameOf) -> Callable[[keras.Model], layout.NameOf]:
    return lambda model: name_of


MLPERF = Source(
    "MLPerf", "model.layer1.0.weight", _always(mlperf.reference_name), "conf.0.bias", ("model.",), anchor_major=False
)
AMDEGROOT = Source("amdegroot", "vgg.0.weight", _always(vgg.amdegroot_name), "conf.0.bias", ("vgg.",))
TORCHVISION_VGG = Source(
    "torchvision",
    "backbone.scale_weight",
    _always(vgg.torchvision_name),
    "head.classification_head.module_list.0.bias",
    ("backbone.features.", "backbone.extra.0."),
)
TORCHVISION_SSDLITE = Source(
    "torchvision",
    "backbone.features.0.0.0.weight",
    mobilenet.detector_names,
    "head.classification_head.module_list.0.1.bias",
    ("backbone.features.",),
)
TORCHCV = Source(
    "torchcv",
    "extractor.features.layers.0.weight",
    _always(vgg.torchcv_name),
    "cls_layers.0.bias",
    ("extractor.features.", *(f"extractor.conv{number}" for number in ("5_", "6.", "7."))),
)
# The older of kuangliu's two, whose pixels are normalised by ImageNet's statistics: a spec of one's own says so.
KUANGLIU = Source(
    "kuangliu",
    "base.0.weight",
    _always(vgg.kuangliu_name),
    "multibox.conf_layers.0.bias",
    ("base.", *(f"conv{number}" for number in ("5_", "6.", "7."))),
)
CAFFE = Source(
    "Caffe",
    "conv6_1[0]",
    _always(caffe.vgg_name),
    "conv4_3_norm_mbox_conf[1]",
    (*(f"conv{group}_{index}[" for group in range(1, 6) for index in range(1, 4)), "fc6[", "fc7["),
    bgr_kernel=caffe.FIRST_KERNEL,
)
_DETECTORS = (CAFFE, AMDEGROOT, TORCHVISION_VGG, TORCHVISION_SSDLITE, TORCHCV, KUANGLIU, MLPERF)
_BACKBONES = (
    Source("torchvision", "conv1.weight", _always(torchvision.torchvision_name), skipped=("layer4.", "fc.")),
    Source(
        "Caffe",
        caffe.FIRST_KERNEL,
        _always(caffe.reduced_name),
        skipped=("fc8",),
        bgr_kernel=caffe.FIRST_KERNEL,
    ),
    Source("vgg16_reducedfc", "0.weight", _always(vgg.reduced_name)),
    Source("torchvision", "features.0.weight", _always(vgg.classifier_name), skipped=("classifier.",)),
    Source("torchvision", "features.0.0.weight", mobilenet.classifier_names, skipped=("classifier.",)),
)
# By DetectorSpec.weight_names; torchvision's are those of the backbone.
WRITTEN = {"mlperf": MLPERF, "amdegroot": AMDEGROOT}


def source_of(tensors: dict[str, np.ndarray]) -> Source:
    """Whose names these are; where nothing tells, Caffe's or MLPerf's, and loading then says what is missing."""
    prefix = layout.prefix_of(tensors)
    for source in (*_DETECTORS, *_BACKBONES):
        if prefix + source.sign in tensors:
            return source
    return CAFFE if caffe.are_blobs(tensors) else MLPERF


def is_backbone(tensors: dict[str, np.ndarray]) -> bool:
    """Whether the names are those of a classifier or a backbone by itself, and not of a detector."""
    return source_of(tensors).first_logits is None


def assign(model: keras.Model, tensors: dict[str, np.ndarray], source: str, class_heads: bool = True) -> set[str]:
    """`layout.assign` by the names of whoever made the file.

    A model of 80 classes takes torchvision's heads for COCO's 90 ids without the ten that name nothing.

    Args:
      class_heads: False leaves out the layers that have an output for each class: the file's are for others.
    """
    whose, prefix = source_of(tensors), layout.prefix_of(tensors)
    tensors = whose.tensors_of(tensors)
    names = _names(model, whose, tensors, source)
    heads = {
        prefix + str(names(layer.name, variable.name))
        for layer in model.layers
        if layout.is_class_head(layer.name)
        for variable in layer.weights
    }
    if not class_heads:
        tensors = {name: value for name, value in tensors.items() if name not in heads}
        return layout.assign(
            model,
            tensors,
            source,
            lambda layer, variable: None if layout.is_class_head(layer) else names(layer, variable),
            whose.anchor_major,
        )
    if _classes_of(model) == len(COCO_CATEGORIES) and has_ids_of_coco(tensors, first_boxes(model)):
        tensors = torchvision.without_unused(tensors, heads)
    return layout.assign(model, tensors, source, names, whose.anchor_major)


def assign_backbone(model: keras.Model, tensors: dict[str, np.ndarray], source: str) -> set[str]:
    """The same for the backbone; of a detector the other tensors are not looked at, of a classifier all must fit."""
    whose, prefix = source_of(tensors), layout.prefix_of(tensors)
    whole = tensors
    kept = tuple(prefix + name for name in whose.backbone)
    skipped = tuple(prefix + name for name in whose.skipped)
    tensors = {
        name: value
        for name, value in whose.tensors_of(tensors).items()
        if name.startswith(kept) and not (skipped and name.startswith(skipped))
    }
    names = _names(model, whose, whole, source, is_backbone_layer)
    return layout.assign(
        model, tensors, source, lambda layer, variable: names(layer, variable) if is_backbone_layer(layer) else None
    )


def _names(
    model: keras.Model,
    whose: Source,
    tensors: dict[str, np.ndarray],
    source: str,
    asked: Callable[[str], bool] = lambda layer: True,
) -> layout.NameOf:
    """The names that whose program has for the model's layers; ValueError where it has none for one that is asked."""
    try:
        names = whose.names(model)
        for layer in model.layers:
            for variable in layer.weights if asked(layer.name) else ():
                names(layer.name, variable.name)
    except UserError as error:
        sign = layout.prefix_of(tensors) + whose.sign
        first = f"{sign!r} of {whose.name}" if sign in tensors else f"{min(tensors, default='')!r}"
        raise UserError(f"{source}: tensor {first} has no place in {model.name}: {error}") from error
    return names


def state_dict(model: keras.Model, weight_names: str) -> dict[str, np.ndarray]:
    """The model's weights as a program's state_dict, its counters of batches (always 0 here) included.

    Args:
      weight_names: whose names; see DetectorSpec.

    Raises:
      ValueError: that program's SSD has no such layers.
    """
    on_mobilenet = any(layer.name == "conv0" for layer in model.layers)
    torchvision_s = TORCHVISION_SSDLITE if on_mobilenet else TORCHVISION_VGG
    whose = WRITTEN.get(weight_names, torchvision_s)
    try:
        tensors = layout.to_tensors(model, whose.names(model), whose.anchor_major)
    except UserError as error:
        raise UserError(f"{model.name} cannot be written with names of {whose.name}: {error}") from error
    counters = {
        name.replace("running_mean", "num_batches_tracked"): np.zeros((), np.int64)
        for name in tensors
        if name.endswith("running_mean")
    }
    return {**tensors, **counters}


def first_boxes(model: keras.Model) -> int:
    """The default boxes of a cell of the first level."""
    return model.get_layer("logits0").weights[-1].shape[0] // (_classes_of(model) + 1)


def _classes_of(model: keras.Model) -> int:
    return model.output[layout.LOGITS].shape[-1] - 1


def has_ids_of_coco(tensors: dict[str, np.ndarray], boxes_per_cell: int) -> bool:
    """Whether these are torchvision's, with an output for each of COCO's ids from 1 to 90."""
    whose = source_of(tensors)
    bias = tensors.get(f"{layout.prefix_of(tensors)}{whose.first_logits}")
    outputs = boxes_per_cell * (1 + len(torchvision.COCO_BY_ID))
    return whose.name == "torchvision" and bias is not None and bias.shape == (outputs,)


def num_classes(tensors: dict[str, np.ndarray], boxes_per_cell: int, source: str) -> int:
    """The number of classes, without background, that a detector's state_dict is for.

    Args:
      boxes_per_cell: of the detector's first level.

    Raises:
      ValueError: the file has no first head for logits, or one that does not fit the number of boxes.
    """
    whose = source_of(tensors)
    name = whose.first_logits or MLPERF.first_logits
    bias = tensors.get(f"{layout.prefix_of(tensors)}{name}")
    if bias is None:
        hint = "; where its layers have other names, --prototxt says which they are" if whose is CAFFE else ""
        raise UserError(f"{source}: no tensor {name!r}: these are not the weights of {whose.name}'s SSD{hint}")
    if bias.ndim != 1 or len(bias) % boxes_per_cell or len(bias) < 2 * boxes_per_cell:
        raise UserError(
            f"{source}: {name}: expected {boxes_per_cell} numbers for each class. Received: shape {bias.shape}"
        )
    return len(bias) // boxes_per_cell - 1
