# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A run's folder: config.json, checkpoints/, best/, metrics.jsonl, TensorBoard events.

config.json says what model it is (model_info.py); training/checkpoints.py writes the checkpoints. A model that was
imported, and not trained here, has best/ alone.
"""

import pathlib
import shutil
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from ssd_tf.utils.errors import UserError, first_line
from ssd_tf.utils.files import literal
from ssd_tf.weights.model_info import CONFIG, ModelInfo, info_to_json, write_config
from ssd_tf.weights.published import name_for

METRICS = "metrics.jsonl"
CHECKPOINTS = "checkpoints"
BEST = "best"
TENSORBOARD = "tensorboard"
MODEL = "model"
AVERAGE = "average"
# What TensorFlow raises for a checkpoint that is cut off or of another model.
UNREADABLE = (AssertionError, IndexError, ValueError, tf.errors.OpError)


def find_checkpoint(path: str | pathlib.Path) -> tuple[pathlib.Path, str]:
    """The model_dir and the checkpoint prefix that a --model means.

    A model_dir stands for its best checkpoint, or for the last one where none was evaluated. `checkpoints` or `best`
    inside it stand for their last one; a checkpoint is named with or without `.index`.

    Raises:
      FileNotFoundError: there is no checkpoint.
    """
    path = pathlib.Path(path)
    if (path / CONFIG).is_file():
        for folder in (path / BEST, path / CHECKPOINTS):
            if found := list_checkpoints(path, folder.name):
                return path, found[-1]
        raise FileNotFoundError(f"{path} has no checkpoint yet")
    if path.is_dir():
        found = list_checkpoints(path.parent, path.name)
        if found and (path.parent / CONFIG).is_file():
            return path.parent, found[-1]
        raise FileNotFoundError(f"{path} is not a model_dir: it has no {CONFIG}")
    prefix = str(path).removesuffix(".index")
    if pathlib.Path(prefix + ".index").is_file() and (path.parent.parent / CONFIG).is_file():
        return path.parent.parent, prefix
    if path.is_file():
        raise FileNotFoundError(f"{path} is no model_dir: weight files become one with ssd_tf.apps.import_weights")
    hint = f"; {published} is downloaded" if (published := name_for(str(path))) else ""
    raise FileNotFoundError(f"no model at {path}: expected a model_dir or one of its checkpoints{hint}")


def list_checkpoints(model_dir: pathlib.Path, folder: str = CHECKPOINTS) -> list[str]:
    """The checkpoints under checkpoints/, or another folder, by ascending step: their files' names without ending."""
    found = (path.with_suffix("") for path in (model_dir / folder).glob("ckpt-*.index"))
    return [str(path) for path in sorted(found, key=lambda path: int(path.name.removeprefix("ckpt-")))]


def restore_model(model: keras.Model, prefix: str, only: Callable[[str], bool] = lambda layer: True) -> None:
    """Loads the weights of a checkpoint into the model: their average, where the checkpoint holds one.

    Args:
      only: says of a layer's name whether the layer is loaded.

    Raises:
      ValueError: the checkpoint does not fit the model or cannot be read.
    """
    layers = {name: layer for name, layer in layers_by_name(model).items() if only(name)}
    try:
        averaged = any(name.startswith(f"{AVERAGE}/") for name, _ in tf.train.list_variables(literal(prefix)))
        status = tf.train.Checkpoint(**{AVERAGE if averaged else MODEL: layers}).restore(literal(prefix))
        status.assert_existing_objects_matched().expect_partial()
    except UNREADABLE as error:
        raise UserError(f"{prefix}: cannot be loaded into {model.name}: {first_line(error)}") from error


def average_checkpoints(model: keras.Model, prefixes: Sequence[str]) -> None:
    """Sets every weight of the model, running statistics too, to its mean over the checkpoints, with equal weights.

    As Izmailov et al. 2018 (arXiv 1803.05407), but for batch norm: they compute its statistics anew from the data, here
    these are averaged too, which is close where the checkpoints are.

    Args:
      prefixes: checkpoints of the same model, at least one.

    Raises:
      ValueError: there is none, or one does not fit the model.
    """
    if not prefixes:
        raise UserError("expected at least one checkpoint to average. Received: none")
    sums = [np.zeros(weight.shape, np.float64) for weight in model.weights]
    for prefix in prefixes:
        restore_model(model, prefix)
        for total, weight in zip(sums, model.weights, strict=True):
            total += weight.numpy()
    for total, weight in zip(sums, model.weights, strict=True):
        weight.assign((total / len(prefixes)).astype(np.float32))


def save_model(model_dir: pathlib.Path, info: ModelInfo, model: keras.Model, source: list[str]) -> None:
    """Makes a model_dir of a model that was not trained there: config.json and best/.

    Args:
      source: the files that the weights are from.

    Raises:
      ValueError: model_dir holds a model already.
      OSError, tf.errors.OpError: it cannot be written.
    """
    if (model_dir / CONFIG).is_file():
        raise UserError(f"{model_dir} holds a model already")
    model_dir.mkdir(parents=True, exist_ok=True)
    try:
        weights_manager(model_dir, model, tf.Variable(0, dtype=tf.int64)).save(0)
    except tf.errors.OpError:  # such as a full disk
        remove_leftovers(model_dir / BEST)
        raise
    write_config(model_dir, {**info_to_json(info), "source": source})


def weights_manager(model_dir: pathlib.Path, model: keras.Model, step: tf.Variable) -> tf.train.CheckpointManager:
    """Writes the weights alone, under best/."""
    weights = tf.train.Checkpoint(**{MODEL: layers_by_name(model)}, step=step)
    return tf.train.CheckpointManager(weights, literal(model_dir / BEST), 1, step_counter=step)


def remove_leftovers(folder: pathlib.Path) -> None:
    """Removes what a save that was cut off left in a folder of checkpoints."""
    for path in folder.glob("ckpt-*_temp*"):
        shutil.rmtree(path)
    for data in folder.glob("ckpt-*.data-*"):
        if not data.with_suffix(".index").is_file():
            data.unlink()


def layers_by_name(model: keras.Model) -> dict[str, keras.layers.Layer]:
    """What a checkpoint holds of a model: the layers with weights, by name.

    Keras counts layers, so that one layer more would shift all the others.
    """
    return {layer.name: layer for layer in model.layers if layer.weights}
