# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A Caffe net as a graph: the layers that run in the test phase, what each reads, and how large its output is.

Caffe's layers name the blobs that they read and write, and may write where they read (ReLU, BatchNorm, Scale). Here a
layer knows the layers that it reads from, so that an output before and after a ReLU are two things.
"""

import dataclasses

from ssd_tf.weights.prototxt import Message, message_of, messages_of, number_of, numbers_of, text_of, texts_of
from ssd_tf.weights.refusal import printable, refuse

# Pass their input on as it is when a net is not trained.
_IDENTITIES = ("dropout", "split")
# Read one blob and write one.
_PLAIN = ("convolution", "pooling", "relu", "batchnorm", "scale")
# Square inputs of more pixels a side are taken for a mistake: default boxes grow with the area.
_LARGEST_SIDE = 2048


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Layer:
    """A layer.

    Attributes:
      name, type: as in the file.
      inputs: the layers that wrote what this one reads.
      settings: all its fields.
      side, channels: of its output, where that is a square map; else without meaning.
    """

    name: str
    type: str
    inputs: tuple["Layer", ...]
    settings: Message
    side: int
    channels: int

    @property
    def kind(self) -> str:
        """The type, written alike for both forms of layers: "innerproduct" for InnerProduct and INNER_PRODUCT."""
        return self.type.replace("_", "").lower()

    def __str__(self) -> str:
        return f"layer {printable(self.name)!r} ({printable(self.type)})"


@dataclasses.dataclass(frozen=True)
class Window:
    """What a convolution or a pooling layer looks at: `kernel`, `stride`, `pad` and `dilation` of both sides."""

    kernel: int
    stride: int = 1
    pad: int = 0
    dilation: int = 1

    def __str__(self) -> str:
        return f"kernel_size {self.kernel}, stride {self.stride}, pad {self.pad}, dilation {self.dilation}"

    def side_after(self, side: int, rounded_up: bool) -> int:
        """The side of the output. Caffe rounds down in convolutions, up in pooling."""
        free = side + 2 * self.pad - (self.dilation * (self.kernel - 1) + 1)
        if not rounded_up:
            return free // self.stride + 1
        outputs = -(-free // self.stride) + 1
        # No window may begin in the padding after the map.
        return outputs - 1 if self.pad and (outputs - 1) * self.stride >= side + self.pad else outputs


def layers_of(net: Message) -> list[Layer]:
    """The layers of the test phase, in order; those that pass their input on are left out.

    Raises:
      RefusedError: a layer reads what no layer before it writes, or its numbers make no sense.
    """
    layers: list[Layer] = []
    writers: dict[str, Layer] = {}
    for name in texts_of(net, "input"):
        layers.append(Layer(name, "Input", (), net, *_input_size(net)))
        writers[name] = layers[-1]
    for settings in messages_of(net, "layer") + messages_of(net, "layers"):
        name, kind = text_of(settings, "name", ""), text_of(settings, "type", "")
        if not _in_test_phase(settings):
            continue
        read = texts_of(settings, "bottom")
        if unknown := [blob for blob in read if blob not in writers]:
            refuse(f"layer {printable(name)!r} reads {printable(unknown[0])!r}, which no layer before it writes")
        inputs = tuple(writers[blob] for blob in read)
        layer = _with_size(Layer(name, kind, inputs, settings, 0, 0))
        passed_on = inputs[0] if layer.kind in _IDENTITIES and inputs else layer
        writers.update(dict.fromkeys(texts_of(settings, "top"), passed_on))
        if passed_on is layer:
            layers.append(layer)
    return layers


def window_of(layer: Layer) -> Window:
    """The window of a convolution or a pooling layer.

    Raises:
      RefusedError: it is not square, or its numbers are not whole and in range.
    """
    settings = parameters_of(layer)
    values = {}
    # Caffe's names of a field: for both sides, and for each side.
    for field, names, default, least in (
        ("kernel", ("kernel_size", "kernel_h", "kernel_w"), 0, 1),
        ("stride", ("stride", "stride_h", "stride_w"), 1, 1),
        ("pad", ("pad", "pad_h", "pad_w"), 0, 0),
        ("dilation", ("dilation",), 1, 1),
    ):
        numbers = {number for name in names for number in numbers_of(settings, name)} or {default}
        (number, *others) = sorted(numbers)
        if others or not isinstance(number, int) or not least <= number <= _LARGEST_SIDE:
            refuse(f"{layer}: {names[0]}: expected one whole number from {least} on. Received: {sorted(numbers)}")
        values[field] = number
    return Window(**values)


def parameters_of(layer: Layer) -> Message:
    """The message of the settings that layers of this type alone have: convolution_param for a Convolution, ..."""
    names = {
        "batchnorm": "batch_norm_param",
        "priorbox": "prior_box_param",
        "detectionoutput": "detection_output_param",
        "normalize": "norm_param",
    }
    return message_of(layer.settings, names.get(layer.kind, f"{layer.kind}_param"))


def flag_of(message: Message, field: str, default: bool) -> bool:
    """A bool of protobuf's text format."""
    return text_of(message, field, str(default).lower()) in ("true", "True", "t", "1")


def _with_size(layer: Layer) -> Layer:
    """The layer with the size of its output: that of the first input, but for convolutions and pooling."""
    if layer.kind in _PLAIN and len(layer.inputs) != 1:
        refuse(f"{layer}: expected one bottom. Received: {len(layer.inputs)}")
    if not layer.inputs:
        settings = (message_of(layer.settings, field) for field in ("input_param", "transform_param"))
        side, channels = _input_size(*settings)
        return dataclasses.replace(layer, side=side, channels=channels)
    side, channels = layer.inputs[0].side, layer.inputs[0].channels
    if layer.kind == "convolution":
        channels = int(number_of(parameters_of(layer), "num_output", 0))
    if layer.kind in ("convolution", "pooling"):
        if flag_of(parameters_of(layer), "global_pooling", False):
            side = 1
        else:
            side = window_of(layer).side_after(side, rounded_up=layer.kind == "pooling")
    if side < 1 <= layer.inputs[0].side:
        refuse(f"{layer}: its window is larger than its input, {layer.inputs[0].side} pixels")
    return dataclasses.replace(layer, side=side, channels=channels)


def _input_size(shape: Message, transform: Message | None = None) -> tuple[int, int]:
    """Side and channels of the net's input, where it is one of images; 0 and 0 where it is something else."""
    dims = [numbers_of(part, "dim") for field in ("input_shape", "shape") for part in messages_of(shape, field)]
    dims = [part for part in [*dims, numbers_of(shape, "input_dim")[:4]] if part]
    if not dims and transform:
        resize = message_of(transform, "resize_param")
        sides = [number_of(resize, field, 0) for field in ("height", "width")]
        dims = [[1, 3, *sides]] if all(sides) else []
    if not dims or len(dims[0]) != 4:
        return 0, 0
    _, channels, height, width = dims[0]
    if height != width or channels != 3 or not isinstance(height, int) or not 0 < height <= _LARGEST_SIDE:
        refuse(f"expected a square input of 3 channels and 1 to {_LARGEST_SIDE} pixels. Received: {dims[0]}")
    return height, 3


def _in_test_phase(settings: Message) -> bool:
    included = [text_of(rule, "phase", "") for rule in messages_of(settings, "include")]
    excluded = [text_of(rule, "phase", "") for rule in messages_of(settings, "exclude")]
    return "TEST" not in excluded and (not included or any(phase != "TRAIN" for phase in included))
