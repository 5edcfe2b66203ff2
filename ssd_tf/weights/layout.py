# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""PyTorch's layout of tensors <-> ours, and the variables of a model <-> a dict of named tensors.

PyTorch keeps kernels as [out, in, height, width] and depthwise ones as [channels, 1, height, width]; ours are [height,
width, in, out] and [height, width, channels, 1]. MLPerf's heads are coordinate-major and class-major (channel c *
anchors + k); ours, and those of all other references, are anchor-major (k * size + c). All have coordinates (dx, dy,
dw, dh), ours are (dy, dx, dh, dw).
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from ssd_tf.utils.errors import UserError

# A layer's and a variable's name -> the tensor's name in the file; None: the variable does not come from there.
NameOf = Callable[[str, str], str | None]


class TensorNameError(UserError, KeyError):
    """A tensor is missing or left over."""


OFFSETS, LOGITS = "offsets", "logits"
_PARALLEL = "module."
# Ours in the order of the reference's: dy is its 1, dx its 0, ... The same turns ours into the reference's.
_COORDINATES = (1, 0, 3, 2)


def assign(
    model: keras.Model, tensors: dict[str, np.ndarray], source: str, name_of: NameOf, anchor_major: bool = False
) -> set[str]:
    """Assigns the variables that name_of has a name for; nothing is assigned where anything does not fit.

    Args:
      model: as `build_model` made it.
      tensors: in PyTorch's layout, of any float type.
      source: names the file in errors.
      name_of: the tensors' names, without the "module." that DistributedDataParallel may have put before them.
      anchor_major: the heads' channels are in our order.

    Returns:
      The paths of the variables that were assigned.

    Raises:
      TensorNameError: a tensor is missing or left over.
      ValueError: a tensor has the wrong shape or type.
    """
    prefix = prefix_of(tensors)
    pairs, left = [], {name for name in tensors if not name.endswith("num_batches_tracked")}
    for layer in model.layers:
        for variable in layer.weights:
            name = name_of(layer.name, variable.name)
            if name is None:
                continue
            name = prefix + name
            if name not in tensors:
                raise TensorNameError(f"{source}: no tensor {name!r}, which {model.name} needs for {variable.path}")
            outputs = _outputs(model, layer.name)
            _check(tensors[name], variable, name, _kernel_axes(layer), len(outputs), source)
            pairs.append((variable, _to_ours(tensors[name], _kernel_axes(layer), outputs, anchor_major)))
            left.discard(name)
    if left:
        raise TensorNameError(f"{source}: tensor {min(left)!r} has no place in {model.name} ({len(left)} such tensors)")
    for variable, value in pairs:
        variable.assign(value)
    return {variable.path for variable, _ in pairs}


def is_class_head(layer: str) -> bool:
    """Whether a layer, by its name, is one that has an output for each class."""
    return layer.removeprefix(LOGITS).isdecimal()


def prefix_of(tensors: dict[str, np.ndarray]) -> str:
    """The "module." that DistributedDataParallel puts before each name, where it did."""
    return _PARALLEL if any(name.startswith(_PARALLEL) for name in tensors) else ""


def to_tensors(model: keras.Model, name_of: NameOf, anchor_major: bool = False) -> dict[str, np.ndarray]:
    """The inverse of `assign`: the variables under the names of name_of, in PyTorch's layout."""
    tensors = {}
    for layer in model.layers:
        order = _outputs(model, layer.name)
        for variable in layer.weights:
            name = name_of(layer.name, variable.name)
            if name is not None:
                if name in tensors:
                    raise UserError(f"{model.name}: two variables would be {name!r} in the file")
                value = variable.numpy()
                if order:
                    # [..., anchors * size], or to [..., size * anchors]
                    by_anchor = value.reshape(*value.shape[:-1], -1, len(order))[..., list(order)]
                    value = (by_anchor if anchor_major else np.swapaxes(by_anchor, -1, -2)).reshape(value.shape)
                value = value.transpose(_kernel_axes(layer)) if value.ndim == 4 else value
                tensors[name] = np.ascontiguousarray(value)
    return tensors


def _outputs(model: keras.Model, layer: str) -> tuple[int, ...]:
    """The reference's places of what a head has for each anchor, in our order; empty where the layer is no head."""
    if layer.removeprefix(OFFSETS).isdecimal():
        return _COORDINATES
    return tuple(range(model.output[LOGITS].shape[-1])) if is_class_head(layer) else ()


def _kernel_axes(layer: keras.Layer) -> tuple[int, int, int, int]:
    """Which axes of our kernel are PyTorch's."""
    return (2, 3, 0, 1) if isinstance(layer, keras.layers.DepthwiseConv2D) else (3, 2, 0, 1)


def _check(tensor: np.ndarray, variable, name: str, axes: tuple[int, ...], outputs: int, source: str) -> None:
    """Raises ValueError where a tensor does not fit a variable."""
    shape = tuple(variable.shape)
    expected = tuple(shape[axis] for axis in axes) if len(shape) == 4 else shape
    if tensor.shape != expected:
        raise UserError(
            f"{source}: {name}: expected shape {expected} for {variable.path}. Received: {tensor.shape}"
            + _class_hint(variable.path, expected, tensor.shape, outputs)
        )
    if tensor.dtype.kind != "f" and tensor.dtype != tf.bfloat16.as_numpy_dtype:
        raise UserError(f"{source}: {name}: expected floating-point numbers. Received: {tensor.dtype}")


def _to_ours(tensor: np.ndarray, axes: tuple[int, ...], order: tuple[int, ...], anchor_major: bool) -> np.ndarray:
    value = tensor.transpose(np.argsort(axes)) if tensor.ndim == 4 else tensor
    value = value.astype(np.float32)
    if order and anchor_major:
        value = value.reshape(*value.shape[:-1], -1, len(order))[..., list(order)].reshape(value.shape)
    elif order:
        by_output = value.reshape(*value.shape[:-1], len(order), -1)[..., list(order), :]
        value = np.swapaxes(by_output, -1, -2).reshape(value.shape)
    return value


def _class_hint(path: str, expected: tuple[int, ...], received: tuple[int, ...], outputs: int) -> str:
    """Says so where a tensor of the first head for logits differs in the number of classes alone.

    Where that head fits, the classes are as many, and a later one has another number of default boxes.
    """
    if not path.startswith(f"{LOGITS}0/") or not received or received[1:] != expected[1:]:
        return ""
    anchors = expected[0] // outputs
    return f": weights for {received[0] // anchors - 1} classes, the model has {outputs - 1}"
