# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Weight files -> our variables. What a file is, is recognised by its name's ending and by the names in it."""

import pathlib
import zipfile

import keras
import numpy as np
import safetensors
import safetensors.numpy
from absl import logging

from ssd_tf.model_dir import ModelInfo, find_checkpoint, load_info, require_same_model, restore_model
from ssd_tf.weights import mlperf


def load_weights(model: keras.Model, path: str | pathlib.Path) -> None:
    """Loads all weights of a model from a file or a checkpoint.

    Args:
      model: as `build_model` made it.
      path: a .npz or .safetensors file with the tensors of MLPerf's state_dict (NCHW, with or without the "module."
        prefix), or a model_dir or checkpoint of ours.

    Raises:
      FileNotFoundError: there is no such file.
      KeyError: a tensor is missing from the file, or one is left over; the message names it.
      ValueError: the file cannot be read, or a tensor has another shape; the message names both shapes.
    """
    path = pathlib.Path(path)
    if path.suffix not in _READERS:
        if path.is_file() and path.suffix != ".index":
            raise ValueError(f"{path}: expected a file that ends in {' or '.join(_READERS)}, or a model_dir")
        restore_model(model, find_checkpoint(path)[1])
        return
    mlperf.assign(model, read_tensors(path), str(path))


def load_backbone(model: keras.Model, path: str | pathlib.Path) -> None:
    """Loads the backbone only, from a file as `load_weights` takes; other tensors in it are left alone.

    Raises:
      As `load_weights`.
    """
    mlperf.assign_backbone(model, read_tensors(pathlib.Path(path)), str(path))


def load_initial_weights(model: keras.Model, info: ModelInfo, path: str | pathlib.Path) -> None:
    """`load_weights` for --init_from: a checkpoint of ours must be of the same detector and classes.

    Raises:
      As `load_weights`.
    """
    if pathlib.Path(path).is_dir() or pathlib.Path(f"{path}.index").is_file():
        model_dir, _ = find_checkpoint(path)
        require_same_model(pathlib.Path(path), load_info(model_dir), info)
    load_weights(model, path)
    logging.info("weights from %s", path)


def read_tensors(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Names and arrays of a .npz or .safetensors file.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: the ending is another, or the file cannot be read.
    """
    if path.suffix not in _READERS:
        raise ValueError(f"{path}: expected a file that ends in {' or '.join(_READERS)}")
    if not path.is_file():
        raise FileNotFoundError(f"weights file not found: {path}")
    try:
        return _READERS[path.suffix](path)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, safetensors.SafetensorError) as error:
        raise ValueError(f"{path}: cannot be read as {path.suffix}: {error}") from error


def _read_npz(path: pathlib.Path) -> dict[str, np.ndarray]:
    # Pickled arrays could run code: they are refused. NumPy leaves a file that it opened itself open after an error.
    with path.open("rb") as file:
        archive = np.load(file, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("it holds one array without a name")
        tensors = {name: archive[name] for name in archive.files}
    if not all(isinstance(tensor, np.ndarray) for tensor in tensors.values()):
        raise ValueError("an entry is not an array")
    return tensors


def _read_safetensors(path: pathlib.Path) -> dict[str, np.ndarray]:
    return safetensors.numpy.load_file(path)


_READERS = {".npz": _read_npz, ".safetensors": _read_safetensors}
