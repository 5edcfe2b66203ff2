# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Weight files -> our variables. What a file is, is recognised by its name's ending and by the names in it."""

import pathlib
import zipfile
from typing import Any

import keras
import numpy as np
import safetensors
from absl import logging

from ssd_tf.models.backbone import is_backbone_layer
from ssd_tf.utils.download import cache_dir, fetch
from ssd_tf.utils.errors import UserError
from ssd_tf.weights import sources, torchvision
from ssd_tf.weights.caffemodel import read_caffemodel
from ssd_tf.weights.model_dir import ModelInfo, find_checkpoint, load_info, require_same_model, restore_model
from ssd_tf.weights.pytorch import read_pytorch, state_dict

# Weights hardly get smaller when they are compressed.
_MOST_INFLATED = 50
# What --backbone_weights takes in place of a file.
TORCHVISION = "torchvision"


def load_weights(model: keras.Model, path: str | pathlib.Path) -> None:
    """Loads all weights of a model from a file or a checkpoint.

    Args:
      model: as `build_model` made it.
      path: a file with the tensors of a state_dict of MLPerf's, amdegroot's, torchvision's or torchcv's SSD (NCHW, with
        or without the "module." prefix): .pth or .pt as torch.save wrote it, .safetensors or .npz; a .caffemodel of
        Caffe's SSD on VGG-16; or a model_dir or checkpoint of ours.

    Raises:
      FileNotFoundError: there is no such file.
      KeyError: a tensor is missing from the file, or one is left over; the message names it.
      ValueError: the file cannot be read, or a tensor has another shape; the message names both shapes.
    """
    path = pathlib.Path(path)
    if is_checkpoint(path):
        restore_model(model, find_checkpoint(path)[1])
        return
    tensors = read_tensors(path)
    if sources.is_backbone(tensors):
        raise UserError(f"{path} holds a backbone alone: use --backbone_weights={path}")
    sources.assign(model, tensors, str(path))


def load_backbone(model: keras.Model, path: str | pathlib.Path) -> None:
    """Loads the backbone only; other tensors are left alone.

    Args:
      model: as `build_model` made it.
      path: what `load_weights` takes, or in a file of the same kinds a ResNet-34 of torchvision or timm, a MobileNet of
        torchvision, or vgg16_reducedfc, Caffe's too; "torchvision" downloads the ResNet-34 that MLPerf starts from into
        the cache, unless it is there.

    Raises:
      As `load_weights`; OSError where a download fails.
    """
    if str(path) == TORCHVISION:
        if not any(layer.name == "conv2_1_1" for layer in model.layers):
            raise UserError(f"backbone weights {TORCHVISION!r}: a ResNet-34, which {model.name} has not: give a file")
        path = fetch(torchvision.RESNET34, cache_dir())
    path = pathlib.Path(path)
    if is_checkpoint(path):
        restore_model(model, find_checkpoint(path)[1], only=is_backbone_layer)
    else:
        sources.assign_backbone(model, read_tensors(path), str(path))
    logging.info("backbone from %s", path)


def load_initial_weights(model: keras.Model, info: ModelInfo, path: str | pathlib.Path) -> None:
    """`load_weights` for --init_from: a checkpoint of ours must be of the same detector and classes.

    Raises:
      As `load_weights`.
    """
    if is_checkpoint(pathlib.Path(path)):
        model_dir, _ = find_checkpoint(path)
        require_same_model(pathlib.Path(path), load_info(model_dir), info)
    load_weights(model, path)
    logging.info("weights from %s", path)


def is_checkpoint(path: pathlib.Path) -> bool:
    """Whether a path means a model_dir or a checkpoint of ours, and not a file of tensors.

    Raises:
      ValueError: it is a file of neither kind.
    """
    if path.suffix in _READERS and not path.is_dir():
        return False
    if path.is_file() and path.suffix != ".index":
        raise UserError(f"{path}: expected a file that ends in {_ENDINGS}, or a model_dir")
    return True


def read_tensors(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Names and arrays of a .npz, .safetensors, .caffemodel, .pth or .pt file; nothing in the file is executed.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: the ending is another, or the file cannot be read.
    """
    content = read_content(path)
    return state_dict(content, str(path)) if path.suffix in _TORCH else content


def read_content(path: pathlib.Path) -> Any:
    """The same; of a .pth or .pt file everything that is in it.

    Raises:
      As `read_tensors`.
    """
    if path.suffix not in _READERS:
        raise UserError(f"{path}: expected a file that ends in {_ENDINGS}")
    if not path.is_file():
        raise FileNotFoundError(f"weights file not found: {path}")
    try:
        return _READERS[path.suffix](path)
    except (OSError, EOFError, zipfile.BadZipFile, safetensors.SafetensorError) as error:
        raise UserError(f"{path}: cannot be read as {path.suffix}: {error}") from error


def _read_npz(path: pathlib.Path) -> dict[str, np.ndarray]:
    # Pickled arrays could run code: they are refused. NumPy leaves a file that it opened itself open after an error.
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise UserError("it holds one array without a name")
            unpacked = sum(entry.file_size for entry in (archive.zip.infolist() if archive.zip else ()))
            if unpacked > _MOST_INFLATED * path.stat().st_size:
                raise UserError(f"it would inflate to {unpacked} bytes, which weights do not")
            tensors = {name: archive[name] for name in archive.files}
    except (ValueError, MemoryError) as error:
        raise UserError(f"{path}: cannot be read as .npz: {error}") from error
    if not all(isinstance(tensor, np.ndarray) for tensor in tensors.values()):
        raise UserError(f"{path}: cannot be read as .npz: an entry is not an array")
    return tensors


def _read_safetensors(path: pathlib.Path) -> dict[str, np.ndarray]:
    with safetensors.safe_open(path, framework="numpy") as file:
        try:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
        except (AttributeError, TypeError) as error:  # of a type that NumPy does not know, such as float8
            raise UserError(f"{path}: cannot be read as .safetensors: {error}") from error


_TORCH = (".pth", ".pt")
_READERS = {
    ".npz": _read_npz,
    ".safetensors": _read_safetensors,
    ".caffemodel": read_caffemodel,
    **dict.fromkeys(_TORCH, read_pytorch),
}
_ENDINGS = ", ".join(list(_READERS)[:-1]) + f" or {list(_READERS)[-1]}"
