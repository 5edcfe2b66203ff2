# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Writes .caffemodel and .prototxt files as Caffe does, and as it never would."""

from collections.abc import Callable

import numpy as np

from ssd_tf.specs import VGG, DetectorSpec
from ssd_tf.weights.caffe_ssd import CaffeDetector

# Fields of caffe.proto: NetParameter's layers, of today and of before 2014; LayerParameter's and BlobProto's.
LAYER, LAYERS = 100, 2
NAME, TYPE, BLOBS = 1, 2, 7
OLD_NAME, OLD_TYPE, OLD_BLOBS = 4, 5, 6
DATA, SHAPE, DOUBLES, RAW_TYPE, RAW = 5, 7, 8, 10, 12
# How a blob may be stored.
FORMS = ("packed", "tagged", "double", "double tagged", "sides", "half")


def refusal_of(function: Callable, *arguments, **more) -> str:
    """The one line with which a ValueError is raised; empty where there is none."""
    message = ""
    try:
        function(*arguments, **more)
    except ValueError as error:
        message = str(error.args[0])
    assert "\n" not in message
    return message


def varint(number: int) -> bytes:
    number &= 2**64 - 1
    parts = []
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def text(field: int, content: bytes | str) -> bytes:
    """A field of bytes: a string, a message, packed numbers."""
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def tagged(field: int, values: np.ndarray) -> bytes:
    """Numbers each with its tag, as files of protobuf without [packed = true] have them."""
    tag = varint(field << 3 | {4: 5, 8: 1}[values.itemsize])
    return b"".join(tag + value.tobytes() for value in values.reshape(-1))


def shape(*sides: int) -> bytes:
    return text(SHAPE, text(1, b"".join(map(varint, sides))))


def blob(values: np.ndarray, form: str = "packed") -> bytes:
    """The content of a BlobProto."""
    values = np.asarray(values, np.float32)
    if form == "half":
        return shape(*values.shape) + number(RAW_TYPE, 2) + text(RAW, values.astype(np.float16).tobytes())
    if form == "sides":
        sides = (1,) * (4 - values.ndim) + values.shape
        return b"".join(number(field, side) for field, side in enumerate(sides, start=1)) + text(DATA, values.tobytes())
    if form.startswith("double"):
        values, field = values.astype(np.float64), DOUBLES
    else:
        field = DATA
    data = tagged(field, values) if form.endswith("tagged") else text(field, values.tobytes())
    return data + shape(*values.shape)


def layer(name: str, kind: str, blobs: list[bytes], old: bool = False) -> bytes:
    """A field of NetParameter."""
    if old:
        content = text(OLD_NAME, name) + number(OLD_TYPE, 4) + b"".join(text(OLD_BLOBS, part) for part in blobs)
        return text(LAYERS, content)
    return text(LAYER, text(NAME, name) + text(TYPE, kind) + b"".join(text(BLOBS, part) for part in blobs))


def caffemodel(tensors: dict[str, np.ndarray], form: str = "packed", old: bool = False) -> bytes:
    """A file with these blobs, whose names are as "conv1_1[0]"; layers named bn... are BatchNorm, of factor 2."""
    by_layer: dict[str, list[np.ndarray]] = {}
    for name, values in tensors.items():
        by_layer.setdefault(name.rpartition("[")[0], []).append(values)
    content = text(1, "a net")
    for name, values in by_layer.items():
        kind = "BatchNorm" if name.startswith("bn") else "Convolution"
        if kind == "BatchNorm":
            values = [*(2 * value for value in values), np.float32([2])]
        content += layer(name, kind, [blob(value, form) for value in values], old)
    return content


def random_tensors(detector: CaffeDetector, seed: int = 0) -> dict[str, np.ndarray]:
    """What a caffemodel of that detector could hold."""
    rng = np.random.default_rng(seed)
    return {name: rng.uniform(0.5, 1.5, shape).astype(np.float32) for name, shape in detector.blobs.shapes.items()}


class Net:
    """The text of a .prototxt that grows layer by layer; `at` is the blob that was written last."""

    def __init__(self, side: int):
        self.lines = ['name: "net" # written by a test', 'input: "data"']
        self.lines.append(f"input_shape {{ dim: 1 dim: 3 dim: {side} dim: {side} }}")
        self.at = "data"

    def add(
        self, name: str, kind: str, settings: str = "", bottoms: tuple[str, ...] = (), in_place: bool = False
    ) -> str:
        bottoms = bottoms or (self.at,)
        self.at = bottoms[0] if in_place else name
        places = " ".join(f'bottom: "{bottom}"' for bottom in bottoms)
        self.lines.append(f'layer {{ name: "{name}" type: "{kind}" {places} top: "{self.at}"\n  {settings} }}')
        return self.at

    def convolution(self, name, channels, kernel=3, pad=1, stride=1, dilation=1, bias=True, bottoms=()) -> str:
        settings = f"num_output: {channels} kernel_size: {kernel} pad: {pad}"
        settings += f" stride: {stride}" * (stride > 1) + f" dilation: {dilation}" * (dilation > 1)
        settings += "" if bias else " bias_term: false"
        return self.add(name, "Convolution", f"convolution_param {{ {settings} }}", bottoms)

    def relu(self) -> str:
        return self.add(f"relu_{len(self.lines)}", "ReLU", in_place=True)

    def norm(self, name: str, in_place: bool = True, relu: bool = True) -> str:
        self.add(f"bn_{name}", "BatchNorm", in_place=in_place)
        self.add(f"scale_{name}", "Scale", "scale_param { bias_term: true }", in_place=True)
        return self.relu() if relu else self.at

    def pool(self, name: str, kernel: int, stride: int, pad: int = 0) -> str:
        return self.add(
            name, "Pooling", f"pooling_param {{ pool: MAX kernel_size: {kernel} stride: {stride} pad: {pad} }}"
        )


def prototxt(spec: DetectorSpec, num_classes: int, fraction: float = 0.0) -> str:
    """An SSD of Caffe's as a .prototxt for deployment.

    Args:
      num_classes: without background.
      fraction: of a pixel, added to the sizes of default boxes.
    """
    net = Net(spec.image_size)
    maps = _vgg(net, spec.backbone) if isinstance(spec.backbone, VGG) else _preact(net, spec.backbone)
    features = []
    for level in spec.backbone_levels:
        features.append(maps[level.feature_map])
        if level.l2_scale is not None:
            norm = "across_spatial: false channel_shared: false"
            norm += f' scale_filler {{ type: "constant" value: {level.l2_scale} }}'
            features[-1] = net.add("conv4_3_norm", "Normalize", f"norm_param {{ {norm} }}", (features[-1],))
    net.at = maps[spec.backbone_levels[-1].feature_map]
    for number, block in enumerate(spec.extra_blocks, start=6):
        net.convolution(f"conv{number}_1", block.middle_channels, 1, 0)
        net.relu()
        net.convolution(f"conv{number}_2", block.channels, block.kernel, block.padding, block.stride)
        features.append(net.relu())
    for map_name, level in zip(features, spec.levels, strict=True):
        for kind, size in (("loc", 4), ("conf", num_classes + 1)):
            net.convolution(f"{map_name}_mbox_{kind}", level.boxes_per_cell * size, bottoms=(map_name,))
            net.add(f"{map_name}_mbox_{kind}_perm", "Permute", "permute_param { order: [0, 2, 3, 1] }")
            net.add(f"{map_name}_mbox_{kind}_flat", "Flatten", "flatten_param { axis: 1 }")
        ratios = " ".join(f"aspect_ratio: {ratio}" for ratio in level.aspect_ratios)
        sizes = f"min_size: {level.size + fraction} max_size: {level.next_size + fraction}"
        variances = "variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2"
        settings = f"{sizes} {ratios} flip: true clip: false {variances} step: {level.step}"
        net.add(f"{map_name}_mbox_priorbox", "PriorBox", f"prior_box_param {{ {settings} }}", (map_name, "data"))
    for kind, end in (("loc", "_flat"), ("conf", "_flat"), ("priorbox", "")):
        axis = f"concat_param {{ axis: {2 if kind == 'priorbox' else 1} }}"
        net.add(f"mbox_{kind}", "Concat", axis, tuple(f"{name}_mbox_{kind}{end}" for name in features))
    shape_text = f"reshape_param {{ shape {{ dim: 0 dim: -1 dim: {num_classes + 1} }} }}"
    net.add("mbox_conf_reshape", "Reshape", shape_text, ("mbox_conf",))
    net.add("mbox_conf_softmax", "Softmax", "softmax_param { axis: 2 }")
    net.add("mbox_conf_flatten", "Flatten", "flatten_param { axis: 1 }")
    how = spec.detection
    nms = f"nms_param {{ nms_threshold: {how.iou_threshold} top_k: {how.candidates_per_class} }}"
    settings = (
        f"num_classes: {num_classes + 1} share_location: true background_label_id: 0 code_type: CENTER_SIZE {nms}"
    )
    settings += f" keep_top_k: {how.max_detections} confidence_threshold: {how.score_threshold}"
    net.add(
        "detection_out",
        "DetectionOutput",
        f"detection_output_param {{ {settings} }} include {{ phase: TEST }}",
        ("mbox_loc", "mbox_conf_flatten", "mbox_priorbox"),
    )
    return "\n".join(net.lines) + "\n"


def _vgg(net: Net, backbone) -> dict[str, str]:
    maps = {}
    for group, (channels, count) in enumerate(zip(backbone.channels, backbone.convolutions, strict=True), start=1):
        for index in range(1, count + 1):
            net.convolution(f"conv{group}_{index}", channels)
            maps[f"conv{group}"] = net.relu()
        last = group == len(backbone.channels)
        net.pool(f"pool{group}", *((3, 1, 1) if last else (2, 2)))
    dilation = backbone.fc_dilation
    net.convolution("fc6", backbone.fc_channels, 3, dilation, dilation=dilation)
    net.relu()
    net.add("drop6", "Dropout", in_place=True)
    net.convolution("fc7", backbone.fc_channels, 1, 0)
    maps["fc7"] = net.relu()
    return maps


def _preact(net: Net, backbone) -> dict[str, str]:
    net.norm("data", in_place=False, relu=False)
    net.convolution("conv1", backbone.stem_channels, 7, 3, 2)
    net.norm("conv1")
    shortcut = net.pool("pool1", 3, 2)
    maps = {}
    for number, block in enumerate(backbone.blocks, start=1):
        start = net.at
        if number > 1:
            start = maps[f"block{number}_in"] = net.norm(f"block{number}", in_place=False)
        net.convolution(f"block{number}_1", block.middle_channels, stride=block.stride, bias=False, bottoms=(start,))
        net.norm(f"block{number}_1")
        branch = net.convolution(
            f"block{number}_2", block.channels, 3, block.dilation, dilation=block.dilation, bias=False
        )
        if number > 1:
            shortcut = net.convolution(
                f"block{number}_expand", block.channels, 1, 0, block.stride, bias=False, bottoms=(start,)
            )
        net.add(f"block{number}_sum", "Eltwise", bottoms=(branch, shortcut))
    maps["last"] = net.norm("last")
    return maps
