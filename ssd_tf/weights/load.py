# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Weight files -> our variables. What a file is, is recognised by its name's ending and by the names in it."""

import pathlib
import zipfile
from typing import Any

import keras
import numpy as np
import safetensors
from absl import logging

from ssd_tf.data.annotations import Category
from ssd_tf.data.formats.coco import COCO_CATEGORIES
from ssd_tf.models.backbone import is_backbone_layer
from ssd_tf.specs import share_weights
from ssd_tf.utils.errors import UserError
from ssd_tf.weights import layout, sources
from ssd_tf.weights.caffemodel import read_caffemodel
from ssd_tf.weights.model_dir import find_checkpoint, restore_model
from ssd_tf.weights.model_info import ModelInfo, load_info, require_same_detector
from ssd_tf.weights.published import is_published, local_file
from ssd_tf.weights.pytorch import read_pytorch, state_dict
from ssd_tf.weights.torchvision import COCO_BY_ID

# Weights hardly get smaller when they are compressed.
_MOST_INFLATED = 50
# How many names a line of the log has.
_FIRST = 3


def load_weights(model: keras.Model, path: str | pathlib.Path) -> None:
    """Loads all weights of a model from a file or a checkpoint.

    Args:
      model: as `build_model` made it.
      path: a file with the tensors of a state_dict of MLPerf's, amdegroot's, torchvision's or torchcv's SSD (NCHW, with
        or without the "module." prefix): .pth or .pt as torch.save wrote it, .safetensors or .npz; a .caffemodel of
        Caffe's SSD on VGG-16; a model_dir or checkpoint of ours; or "torchvision:NAME", which is downloaded: see
        `published`.

    Raises:
      FileNotFoundError: there is no such file; OSError: a download fails.
      KeyError: a tensor is missing from the file, or one is left over; the message names it.
      ValueError: the file cannot be read, or a tensor has another shape; the message names both shapes.
    """
    path = local_file(path)
    if is_checkpoint(path):
        restore_model(model, find_checkpoint(path)[1])
    else:
        sources.assign(model, _detector_tensors(path), str(path))


def load_fitting_weights(model: keras.Model, categories: tuple[Category, ...], path: str | pathlib.Path) -> None:
    """`load_weights` to train from: what has an output for each class stays fresh where the weights have other classes.

    A checkpoint has other classes where their names differ; a file, which seldom names them, where their number does.
    The log says what was taken.

    Args:
      categories: of the model.

    Raises:
      As `load_weights`.
    """
    path, names = local_file(path), [category.name for category in categories]
    if is_checkpoint(path):
        model_dir, checkpoint = find_checkpoint(path)
        kept = names == [category.name for category in load_info(model_dir).categories]
        restore_model(model, checkpoint, only=lambda layer: kept or not layout.is_class_head(layer))
    else:
        tensors, boxes = _detector_tensors(path), sources.first_boxes(model)
        if sources.has_ids_of_coco(tensors, boxes):
            kept = names in ([category.name for category in known] for known in (COCO_CATEGORIES, COCO_BY_ID))
        else:
            kept = sources.num_classes(tensors, boxes, str(path)) == len(categories)
        sources.assign(model, tensors, str(path), class_heads=kept)
    heads = [] if kept else [layer for layer in model.layers if layout.is_class_head(layer.name)]
    _log_taken(model, path, {variable.path for layer in heads for variable in layer.weights})


def load_backbone(model: keras.Model, path: str | pathlib.Path) -> None:
    """Loads the backbone only; other tensors are left alone.

    Args:
      model: as `build_model` made it.
      path: what `load_weights` takes, or in a file of the same kinds a ResNet-34 of torchvision or timm, a VGG-16 or
        MobileNet of torchvision, or vgg16_reducedfc, Caffe's too.

    Raises:
      As `load_weights`.
    """
    path = local_file(path)
    if is_checkpoint(path):
        restore_model(model, find_checkpoint(path)[1], only=is_backbone_layer)
        taken = {weight.path for layer in model.layers if is_backbone_layer(layer.name) for weight in layer.weights}
    else:
        taken = sources.assign_backbone(model, read_tensors(path), str(path))
    _log_taken(model, path, {weight.path for weight in model.weights} - taken)


def load_initial_weights(model: keras.Model, info: ModelInfo, path: str | pathlib.Path) -> None:
    """`load_fitting_weights` for --init_from: a checkpoint of ours must be of the same detector.

    The sizes of its images and default boxes may be others, so that a detector with boxes of one's own starts from the
    one that it was made of.

    Raises:
      As `load_weights`.
    """
    if not is_published(path) and is_checkpoint(pathlib.Path(path)):
        model_dir, _ = find_checkpoint(path)
        found = load_info(model_dir)
        if not share_weights(found.spec, info.spec):
            require_same_detector(pathlib.Path(path), found, info)
    load_fitting_weights(model, info.categories, path)


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


def _log_taken(model: keras.Model, path: pathlib.Path, fresh: set[str]) -> None:
    """Says how many variables came from a file, and which did not."""
    whole = [weight.path for weight in model.weights]
    left = [name for name in whole if name in fresh]
    text = f"{path}: {len(whole) - len(left)} of {len(whole)} tensors taken"
    if left:
        more = f" and {len(left) - _FIRST} more" if len(left) > _FIRST else ""
        text += f"; made anew: {', '.join(left[:_FIRST])}{more}"
    logging.info("%s", text)


def _detector_tensors(path: pathlib.Path) -> dict[str, np.ndarray]:
    tensors = read_tensors(path)
    if sources.is_backbone(tensors):
        raise UserError(f"{path} holds a backbone alone: use --backbone_weights={path}")
    return tensors


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
