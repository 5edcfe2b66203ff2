# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Parts of Caffe nets that are read alike in backbone, extra blocks and heads, and the blobs that they name."""

import dataclasses
from typing import NamedTuple, NoReturn

import numpy as np

from ssd_tf.utils.errors import UserError
from ssd_tf.weights.caffe_net import Layer, flag_of, parameters_of, window_of
from ssd_tf.weights.layout import TensorNameError
from ssd_tf.weights.prototxt import number_of, text_of
from ssd_tf.weights.refusal import printable, refuse

# What PyTorch's batch normalisation and Caffe's add to the variance.
_EPSILON = 1e-5


class Unit(NamedTuple):
    """A convolution, maybe BatchNorm and Scale after it, maybe ReLU after that; and the layer that it reads from."""

    convolution: Layer
    norm: tuple[Layer, Layer] | None
    relu: bool
    source: Layer


@dataclasses.dataclass(frozen=True)
class Blobs:
    """Which blob each variable takes, as "conv1_1[0]", and the shapes that the prototxt gives these blobs."""

    names: dict[tuple[str, str], str] = dataclasses.field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)

    def add(self, ours: str, variable: str, layer: Layer, place: int, shape: tuple[int, ...]) -> None:
        """Notes a blob of a layer for a variable of a layer of ours."""
        name = f"{layer.name}[{place}]"
        self.names[ours, variable] = name
        self.shapes[name] = shape

    def add_convolution(self, ours: str, layer: Layer, bias: bool) -> None:
        """Notes those of a convolution, which must have a bias or have none."""
        settings = parameters_of(layer)
        if flag_of(settings, "bias_term", True) != bias:
            refuse_layer(layer, f"bias_term: {str(bias).lower()}")
        if number_of(settings, "group", 1) != 1:
            refuse_layer(layer, f"one group; here are {number_of(settings, 'group', 1)}")
        kernel = window_of(layer).kernel
        self.add(ours, "kernel", layer, 0, (layer.channels, layer.inputs[0].channels, kernel, kernel))
        if bias:
            self.add(ours, "bias", layer, 1, (layer.channels,))

    def add_norm(self, ours: str, norm: Layer, scale: Layer) -> None:
        """Notes those of BatchNorm and of the Scale after it."""
        variables = (("moving_mean", norm, 0), ("moving_variance", norm, 1), ("gamma", scale, 0), ("beta", scale, 1))
        for variable, layer, place in variables:
            self.add(ours, variable, layer, place, (layer.channels,))

    def check(self, tensors: dict[str, np.ndarray], source: str) -> None:
        """Raises ValueError where a caffemodel is of another net; the message names the first blob that does not fit.

        A model is built after that, so that the numbers of a prototxt alone cannot fill the memory.
        """
        for name, shape in self.shapes.items():
            if name not in tensors:
                raise TensorNameError(f"{source}: no blob {printable(name)!r}, which the prototxt's layer has")
            if tensors[name].shape != shape:
                raise UserError(
                    f"{source}: {printable(name)}: expected shape {shape}, as the prototxt says. "
                    f"Received: {tensors[name].shape}"
                )


def refuse_layer(layer: Layer, expected: str) -> NoReturn:
    """Refuses a net by the layer that does not fit."""
    refuse(f"{layer} does not fit: expected {expected}")


def only_input(layer: Layer) -> Layer:
    """The layer that this one reads from."""
    if len(layer.inputs) != 1:
        refuse_layer(layer, f"one input; here are {len(layer.inputs)}")
    return layer.inputs[0]


def check_norm(norm: Layer, scale: Layer) -> None:
    """Refuses a BatchNorm and its Scale where ours would compute something else."""
    if abs(number_of(parameters_of(norm), "eps", _EPSILON) - _EPSILON) > 1e-9:
        refuse_layer(norm, f"eps {_EPSILON}")
    settings = parameters_of(scale)
    if not flag_of(settings, "bias_term", False) or number_of(settings, "axis", 1) != 1:
        refuse_layer(scale, "bias_term: true, along the channels")


def is_relu(layer: Layer) -> bool:
    """Whether it is a plain ReLU; a leaky one is refused."""
    if layer.kind == "relu" and number_of(parameters_of(layer), "negative_slope", 0) != 0:
        refuse_layer(layer, "no negative_slope")
    return layer.kind == "relu"


def is_max_pool(layer: Layer) -> bool:
    """Whether it is max pooling."""
    return layer.kind == "pooling" and text_of(parameters_of(layer), "pool", "MAX") in ("MAX", "0")


def unit_before(layer: Layer) -> Unit | None:
    """The unit that ends in this layer; None where there is no such thing."""
    relu = is_relu(layer)
    layer = layer.inputs[0] if relu else layer
    norm = None
    if layer.kind == "scale" and len(layer.inputs) == 1 and layer.inputs[0].kind == "batchnorm":
        norm = (layer.inputs[0], layer)
        check_norm(*norm)
        layer = only_input(norm[0])
    return Unit(layer, norm, relu, layer.inputs[0]) if layer.kind == "convolution" else None
