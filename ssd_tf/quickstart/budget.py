# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Minutes -> steps: how long a step takes here is measured by a few of them, in a run that is thrown away."""

import dataclasses
import math
import pathlib
import shutil
import tempfile
import time
from typing import NamedTuple

import numpy as np
from absl import logging

from ssd_tf.plots.history import read_history
from ssd_tf.quickstart.choices import LEAST_STEPS, evaluations_in
from ssd_tf.settings import CheckpointConfig, EvaluationConfig, TrainConfig
from ssd_tf.training.loop import train
from ssd_tf.weights.model_dir import METRICS

# The first steps compile; those after them are measured.
_COMPILING, _MEASURED = 3, 6
# What an image costs in an evaluation, in parts of what it costs in training, since there are no gradients; and what
# goes with each evaluation: a checkpoint, the best weights, the curves. SSDLite on two cores: 0.4, and 2 to 3 s.
_EVALUATION, _SAVING_S = 0.4, 2.5
_PROBE = ".probe-"


class Speed(NamedTuple):
    """What a run costs on this machine, in seconds.

    Attributes:
      step: a training step.
      start: building, compiling, the first evaluation and the last checkpoint.
      interrupted: a signal came meanwhile, so that neither was measured.
    """

    step: float
    start: float
    interrupted: bool = False


def measure(config: TrainConfig, parent: pathlib.Path) -> Speed:
    """Trains a few steps in a folder of its own inside `parent`, which is removed afterwards.

    Args:
      config: of the run, without its length.

    Raises:
      As `ssd_tf.train`.
    """
    for left in parent.glob(f"{_PROBE}*"):  # by one that was killed
        shutil.rmtree(left)
    folder = pathlib.Path(tempfile.mkdtemp(prefix=_PROBE, dir=parent))
    probe = dataclasses.replace(
        config,
        model_dir=str(folder),
        epochs=0,
        steps=_COMPILING + _MEASURED,
        log_every_steps=1,
        evaluation=EvaluationConfig(eval_every_epochs=0),
        checkpoints=CheckpointConfig(checkpoint_every_epochs=0),
    )
    begin, verbosity = time.monotonic(), logging.get_verbosity()
    logging.set_verbosity(min(verbosity, logging.WARNING))  # its evaluation says nothing, and would be taken for one
    try:
        outcome = train(probe)
        whole = time.monotonic() - begin
        if outcome.interrupted:
            return Speed(0.0, 0.0, interrupted=True)
        speeds = read_history(folder / METRICS).training["images_per_s"].values[_COMPILING:]
    finally:
        logging.set_verbosity(verbosity)
        shutil.rmtree(folder, ignore_errors=True)
    step = config.batch_size / float(np.median(speeds))
    return Speed(step, max(0.0, whole - step * (_COMPILING + _MEASURED)))


def steps_within(seconds: float, speed: Speed, batch_size: int, val_images: int, epoch_steps: int) -> int:
    """So many steps, with their evaluations, end in that time; LEAST_STEPS where it is too short for these.

    Args:
      seconds: what is left for the run.
      val_images: in an evaluation.
      epoch_steps: of an epoch, after some of which there is an evaluation; that of speed.start is one of them.
    """
    evaluation = _SAVING_S + _EVALUATION * speed.step * val_images / batch_size
    left = seconds - speed.start
    steps = max(LEAST_STEPS, math.floor(left / speed.step))
    while steps > LEAST_STEPS and steps * speed.step + (evaluations_in(steps, epoch_steps) - 1) * evaluation > left:
        steps -= 1
    return steps
