# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""How long the device stands idle in each step of the training loop, because the host is not ready.

python benchmarks/host_time.py [--runs=5]

The loop runs as it is, with one batch again and again, so that input does not count. In place of the step is a stand-in
for a GPU, which works beside the host: it takes a step at once, works on it for a given time, and what is copied from
it waits for all that it was given before, as TensorFlow's copies from a GPU do. At 0 ms the idle time is all that the
host does in a step. The time that the host needs to launch a real step is not in it.

Prints for each run the median over its steps, and the mean, which has the steps that are logged in it.
"""

import argparse
import contextlib
import dataclasses
import io
import itertools
import os
import pathlib
import statistics
import tempfile
import time
from collections.abc import Iterator
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from absl import logging

from ssd_tf.data.examples import TrainBatch
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.formats.shapes import draw_shapes
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.settings import train_config
from ssd_tf.training import loop
from ssd_tf.training.step import StepResult

STEPS, WARM_UP = 200, 20
STEP_MS = (0, 5, 20)


class Device:
    """The stand-in: `seconds` a step. idle: seconds before each step in which it had nothing to do."""

    def __init__(self, seconds: float):
        self._seconds, self._done_at = seconds, time.perf_counter()
        self.idle: list[float] = []

    def step(self, *_) -> "Device":
        now = time.perf_counter()
        self.idle.append(max(0.0, now - self._done_at))
        self._done_at = max(now, self._done_at) + self._seconds
        return self

    def numpy(self) -> np.ndarray:
        wait = self._done_at - time.perf_counter()
        if wait > 0:  # sleep(0) takes time as well
            time.sleep(wait)
        return np.array(StepResult(3.0, 1.0, 2.0, 5.0, 1.0, 0.0, 0.0, 0.0), np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", default=5, type=int)
    report(parser.parse_args().runs)


def report(runs: int) -> None:
    """Prints a line for each of STEP_MS."""
    logging.set_verbosity(logging.ERROR)
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stderr(io.StringIO()):
        data = drawn(pathlib.Path(name))
        for milliseconds in STEP_MS:
            idle = [run(data, milliseconds / 1e3) for _ in range(runs)]
            print(
                f"device of {milliseconds:2} ms a step: {_text(idle, statistics.median)} ms idle (median of steps), ",
                end="",
            )
            print(f"{_text(idle, statistics.mean)} (mean of steps)", flush=True)


def run(data: pathlib.Path, seconds: float) -> list[float]:
    """Trains; the milliseconds in which the device was idle before each step, without the first ones."""
    device, train_batches = Device(seconds), loop.train_batches

    def one_batch(*arguments) -> Iterator[TrainBatch]:
        """The first one, again and again: what an input that is always ready gives."""
        with contextlib.closing(train_batches(*arguments)) as batches:
            yield from itertools.repeat(next(batches))

    config = train_config(
        detector="ssd128_tiny",
        data_dir=str(data),
        model_dir=tempfile.mkdtemp(dir=data),
        batch_size=8,
        steps=STEPS,
        eval_every_epochs=0,
        checkpoint_every_epochs=0,
        precision="float32",
    )
    with (
        mock.patch.object(loop, "make_train_step", return_value=device.step),
        mock.patch.object(loop, "train_batches", one_batch),
    ):
        loop.train(config)
    return [1e3 * idle for idle in device.idle[WARM_UP:]]


def drawn(folder: pathlib.Path) -> pathlib.Path:
    """Synthetic images as split train, and one of them as val, since a run ends with an evaluation."""
    dataset = read_coco(draw_shapes(folder, num_images=256, image_size=(128, 96)), folder / "images")
    prepare(dataset, folder / "data", "train", source={})
    prepare(dataclasses.replace(dataset, images=dataset.images[:1]), folder / "data", "val", source={})
    return folder / "data"


def _text(runs: list[list[float]], of_steps) -> str:
    values = [of_steps(idle) for idle in runs]
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
