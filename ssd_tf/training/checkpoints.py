# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The checkpoints of a training run: the last few under checkpoints/, the weights of the highest AP under best/.

A checkpoint holds model, optimizer, step and best AP, the average of the weights where one is kept, and what the run
was made with: its settings and its data. It appears under its name when it is whole. Where the last one cannot be read,
the one before it is taken.
"""

import json
import pathlib
import tempfile
from typing import Any

import keras
import tensorflow as tf
from absl import logging

from ssd_tf.utils.errors import UserError, first_line
from ssd_tf.utils.files import literal
from ssd_tf.weights.model_dir import (
    AVERAGE,
    BEST,
    CHECKPOINTS,
    MODEL,
    UNREADABLE,
    layers_by_name,
    list_checkpoints,
    remove_leftovers,
    weights_manager,
)

_MADE_WITH = "made_with"


class Checkpoints:
    """Saves and restores a training run.

    Under a strategy of several workers all of them must save at the same time, since reading batch norm's statistics
    takes their mean; only one keeps what it wrote.

    Args:
      model_dir: the run's folder.
      average: the model that holds the average of the weights, where there is one; it is what best/ keeps.
      kept: how many stay under checkpoints/.
      made_with: settings and data of the run, for `read_made_with`; what JSON can hold.
      keeps: False in the workers that take part in saving, and throw away what they wrote.
    """

    def __init__(
        self,
        model_dir: pathlib.Path,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        average: keras.Model | None = None,
        kept: int = 2,
        made_with: dict[str, Any] | None = None,
        keeps: bool = True,
    ):
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._best_ap = tf.Variable(-1.0, dtype=tf.float64, trainable=False)
        parts: dict[str, Any] = {
            MODEL: layers_by_name(model),
            **({AVERAGE: layers_by_name(average)} if average else {}),
        }
        parts[_MADE_WITH] = _Json(made_with or {})
        self._checkpoint = tf.train.Checkpoint(**parts, optimizer=optimizer, step=self.step, best_ap=self._best_ap)
        self._model_dir = model_dir
        self._keeps = keeps
        self._folder = model_dir / CHECKPOINTS
        folder = literal(self._folder)
        self._manager = tf.train.CheckpointManager(self._checkpoint, folder, kept, step_counter=self.step)
        self._best = weights_manager(model_dir, average or model, self.step)
        self._saved_step = -1

    @property
    def best_ap(self) -> float:
        """The highest AP so far; -1 before the first evaluation."""
        return float(self._best_ap.numpy())

    def restore(self) -> int:
        """Restores the last checkpoint that can be read, and returns the step to resume from: 0 where there is none.

        Raises:
          ValueError: there are checkpoints, and none can be read or fits the model.
        """
        if self._keeps:
            remove_leftovers(self._folder)
        problem = None
        for prefix in reversed(list_checkpoints(self._model_dir)):
            try:
                self._checkpoint.restore(literal(prefix)).assert_existing_objects_matched()
            except UNREADABLE as error:
                problem = problem or f"{prefix}: cannot be restored: {first_line(error)}"
                logging.error("%s cannot be restored: %s", prefix, first_line(error))
                continue
            self._saved_step = int(self.step.numpy())
            if self._keeps:
                self._forget_later_best()
            if problem:
                logging.warning("going back to %s", prefix)
            return self._saved_step
        if problem:
            raise UserError(problem)
        return 0

    def _forget_later_best(self) -> None:
        """Removes what a killed run wrote to best/ after this checkpoint: its AP is not known here."""
        folder = self._model_dir / BEST
        remove_leftovers(folder)
        found = list_checkpoints(self._model_dir, BEST)
        later = [path for path in found if int(path.rsplit("-", 1)[1]) > self._saved_step]
        if len(later) < len(found):  # else nothing would be left
            for prefix in later:
                for path in folder.glob(f"{pathlib.Path(prefix).name}.*"):
                    path.unlink()

    def save(self, step: int) -> None:
        """Saves the run as it is before `step`; does nothing where that is saved already.

        Raises:
          OSError: it cannot be written; what was saved before stays as it was.
        """
        if step != self._saved_step:
            self.step.assign(step)
            self._write(self._manager, step)
            self._saved_step = step

    def save_if_best(self, step: int, ap: float) -> bool:
        """Keeps the weights under best/ where this AP is the highest so far; of several with an AP of 0 the last.

        Raises:
          OSError: as `save`.
        """
        # At 0 nothing tells weights apart but how long they were trained; else the first of equals was there sooner.
        if ap < self.best_ap or ap == self.best_ap != 0:
            return False
        self._best_ap.assign(ap)
        self.step.assign(step)
        self._write(self._best, step)
        return True

    def _write(self, manager: tf.train.CheckpointManager, step: int) -> None:
        if not self._keeps:
            # In the same way as the worker that keeps: the workers' reads of the statistics must meet one by one.
            with tempfile.TemporaryDirectory(prefix="ssd_tf-") as folder:
                tf.train.CheckpointManager(manager.checkpoint, folder, 1, step_counter=self.step).save(step)
            return
        try:
            manager.save(step)
        except (tf.errors.ResourceExhaustedError, tf.errors.PermissionDeniedError, tf.errors.DataLossError) as error:
            folder = pathlib.Path(manager.directory).resolve()  # without the link, if it is one
            remove_leftovers(folder)
            kept = list_checkpoints(folder.parent, folder.name)
            intact = f"{kept[-1]} is whole" if kept else "there is none from before"
            reason = first_line(error)
            raise OSError(f"the checkpoint of step {step} cannot be written to {folder}: {reason}; {intact}") from error


def read_made_with(model_dir: pathlib.Path) -> tuple[str, dict[str, Any]] | None:
    """The last checkpoint that says what its run was made with, and that; None where none does."""
    for prefix in reversed(list_checkpoints(model_dir)):
        try:
            reader = tf.train.load_checkpoint(literal(prefix))
            key = next((name for name in reader.get_variable_to_dtype_map() if name.startswith(f"{_MADE_WITH}/")), None)
            if key:
                return prefix, json.loads(reader.get_tensor(key))
        except UNREADABLE as error:
            logging.error("%s cannot be read: %s", prefix, first_line(error))
    return None


class _Json(tf.train.experimental.PythonState):
    """A value that travels in a checkpoint as JSON, and is not restored from it: each run has its own."""

    def __init__(self, value: dict[str, Any]):
        self._value = value

    def serialize(self) -> str:
        return json.dumps(self._value, sort_keys=True)

    def deserialize(self, string_value: str) -> None:
        """Leaves the value as it is."""
