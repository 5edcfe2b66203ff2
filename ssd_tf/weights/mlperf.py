# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The state_dict of MLPerf ssd-v1's SSD300 (PyTorch) -> our variables.

PyTorch keeps kernels as [out, in, height, width]; ours are [height, width, in, out]. The reference's heads are
coordinate-major and class-major (channel c * anchors + k); ours are anchor-major (k * size + c). Its coordinates are
(dx, dy, dw, dh), ours (dy, dx, dh, dw).
"""

import keras
import numpy as np

_BATCH_NORM = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_CONV = {"kernel": "weight", "bias": "bias"}
# Ours: conv2, conv3, conv4. The reference wraps torchvision's modules in two nn.Sequential.
_STAGES = {"conv2": "model.layer1.4", "conv3": "model.layer1.5", "conv4": "model.layer2.0"}
_HEADS = {"offsets": "loc", "logits": "conf"}
_BACKBONE = "model."
# Ours in the order of the reference's: dy is its 1, dx its 0, ...
_COORDINATES = (1, 0, 3, 2)


def assign(model: keras.Model, tensors: dict[str, np.ndarray], source: str) -> None:
    """Assigns every variable of the model; nothing is assigned where anything does not fit.

    Args:
      model: as `build_model` made it.
      tensors: the state_dict, with or without the "module." prefix of DistributedDataParallel.
      source: names the file in errors.

    Raises:
      KeyError: a tensor is missing or left over.
      ValueError: a tensor has the wrong shape.
    """
    _assign(model, _without_prefix(tensors), source, only="")


def assign_backbone(model: keras.Model, tensors: dict[str, np.ndarray], source: str) -> None:
    """The same for the backbone; the file's other tensors are not looked at."""
    tensors = {name: value for name, value in _without_prefix(tensors).items() if name.startswith(_BACKBONE)}
    _assign(model, tensors, source, only=_BACKBONE)


def reference_name(layer: str, variable: str) -> str:
    """The state_dict's name of a variable, such as ("conv2_1_1", "kernel") -> "model.layer1.4.0.conv1.weight"."""
    if layer.endswith("_bn"):
        return f"{_module(layer.removesuffix('_bn'), normalization=True)}.{_BATCH_NORM[variable]}"
    return f"{_module(layer, normalization=False)}.{_CONV[variable]}"


def _module(layer: str, normalization: bool) -> str:
    if layer == "conv1":
        return f"model.layer1.{int(normalization)}"
    for head, module in _HEADS.items():
        if layer.startswith(head):
            return f"{module}.{layer.removeprefix(head)}"
    stage, *place = layer.split("_")
    if stage.startswith("extra"):
        return f"additional_blocks.{int(stage.removeprefix('extra')) - 1}.{2 * (int(place[0]) - 1)}"
    block, convolution = place
    module = f"{_STAGES[stage]}.{int(block) - 1}"
    if convolution == "shortcut":
        return f"{module}.downsample.{int(normalization)}"
    return f"{module}.{'bn' if normalization else 'conv'}{convolution}"


def _assign(model: keras.Model, tensors: dict[str, np.ndarray], source: str, only: str) -> None:
    num_logits = model.output["logits"].shape[-1]
    orders = {"offsets": _COORDINATES, "logits": tuple(range(num_logits))}
    pairs, left = [], {name for name in tensors if not name.endswith("num_batches_tracked")}
    for layer in model.layers:
        for variable in layer.weights:
            name = reference_name(layer.name, variable.name)
            if not name.startswith(only):
                continue
            if name not in tensors:
                raise KeyError(f"{source}: no tensor {name!r}, which {model.name} needs for {variable.path}")
            order = next((orders[head] for head in _HEADS if layer.name.startswith(head)), ())
            pairs.append((variable, _converted(variable, name, tensors[name], order, source)))
            left.discard(name)
    if left:
        raise KeyError(f"{source}: tensor {min(left)!r} has no place in {model.name} ({len(left)} such tensors)")
    for variable, value in pairs:
        variable.assign(value)


def _converted(variable, name: str, tensor: np.ndarray, head_order: tuple[int, ...], source: str) -> np.ndarray:
    """The tensor in our layout. head_order lists, where the layer is a head, the outputs of an anchor in our order."""
    shape = tuple(variable.shape)
    expected = tuple(shape[i] for i in (3, 2, 0, 1)) if len(shape) == 4 else shape
    if tensor.shape != expected:
        raise ValueError(
            f"{source}: {name}: expected shape {expected} for {variable.path}. Received: {tensor.shape}"
            + _class_hint(name, expected, tensor.shape, len(head_order))
        )
    value = tensor.transpose(2, 3, 1, 0) if tensor.ndim == 4 else tensor
    if head_order:
        by_output = value.reshape(*value.shape[:-1], len(head_order), -1)[..., list(head_order), :]
        value = np.swapaxes(by_output, -1, -2).reshape(value.shape)
    return value


def _class_hint(name: str, expected: tuple[int, ...], received: tuple[int, ...], outputs: int) -> str:
    """Says so where a tensor of the logits' heads differs in the number of classes alone."""
    if not name.startswith(_HEADS["logits"]) or received[1:] != expected[1:]:
        return ""
    anchors = expected[0] // outputs
    return f": weights for {received[0] // anchors - 1} classes, the model has {outputs - 1}"


def _without_prefix(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix("module."): value for name, value in tensors.items()}
