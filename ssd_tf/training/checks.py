# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What the steps of a run returned, looked at one step late, so that the device computes while the host looks.

A step whose numbers are not finite, or whose records cannot be read, ends the run. By then the step after it is on its
way too; the run looks at all its steps before it saves, so no checkpoint holds what such a step made of the weights.
"""

import collections
import concurrent.futures
import json
import math
import pathlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import tensorflow as tf

from ssd_tf.data.bad_examples import BadExamples, image_ids
from ssd_tf.data.examples import TrainBatch
from ssd_tf.distributed.strategy import Distribution
from ssd_tf.settings import TrainConfig
from ssd_tf.training.plan import Plan
from ssd_tf.training.step import StepResult, read_result
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import write_atomically
from ssd_tf.weights.model_dir import list_checkpoints

# What a run leaves in its folder when its loss is not finite.
FAILED_STEP = "failed_step.json"


class LossNotFiniteError(UserError, ArithmeticError):
    """The loss or a gradient is NaN or infinite."""


class CheckedStep(NamedTuple):
    """A step that was looked at: its number, whether a worker asked to stop, and its values, all finite, by name."""

    step: int
    stop: bool
    values: dict[str, float]


class _Pending(NamedTuple):
    """A step that was not looked at yet, and which records it is of. The images are gone: they would fill memory."""

    step: int
    rate: float
    record: Any
    fault: Any
    result: concurrent.futures.Future[StepResult]


class StepChecks:
    """Holds the steps that were not looked at, and looks at them in their order. Used as a context manager.

    All workers must call `add` and `finished` after the same steps: where they find the same fault they gather their
    records, which takes all of them.
    """

    def __init__(self, config: TrainConfig, plan: Plan, distribution: Distribution):
        self._config, self._plan, self._distribution = config, plan, distribution
        self._pending: collections.deque[_Pending] = collections.deque()
        # TensorFlow copies from a GPU behind all that the GPU was given so far, and blocks. A copy that is asked for
        # before the next step is given, by a thread that may block, waits for its own step alone.
        self._reader = concurrent.futures.ThreadPoolExecutor(1, "step-results")
        self.bad_examples = BadExamples(config.data_dir, plan.train_manifest, config.skip_bad_records)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._reader.shutdown(wait=False, cancel_futures=True)

    def add(self, step: int, rate: float, batch: TrainBatch, numbers: tf.Tensor) -> None:
        """A step that was given to the device: its number from 1, learning rate, batch, and what it returned."""
        result = self._reader.submit(read_result, numbers)
        self._pending.append(_Pending(step, rate, batch.record, batch.fault, result))

    def finished(self, all_of_them: bool) -> Iterator[CheckedStep]:
        """Looks at the steps that were not looked at, in their order: at all but the last, which the device computes.

        Args:
          all_of_them: the last one too. It is also looked at where one before it says that a worker asked to stop.

        Raises:
          LossNotFiniteError: its loss or a gradient is not finite; FAILED_STEP then has the images it was of.
          ValueError: a record of its batch cannot be read, and is not to be skipped.
        """
        while len(self._pending) > (0 if all_of_them else 1):
            done = self._look_at(self._pending.popleft())
            all_of_them = all_of_them or done.stop
            yield done

    def _look_at(self, pending: _Pending) -> CheckedStep:
        """Waits for a step."""
        values = pending.result.result()._asdict()
        stop = values.pop("stop") > 0
        if values.pop("bad_images") + values.pop("bad_records") > 0:
            gather = self._distribution.gather
            self.bad_examples.add(gather(pending.record), gather(pending.fault))
        values.update(lr=pending.rate, epoch=pending.step / self._plan.epoch_steps)
        if not (math.isfinite(values["loss"]) and math.isfinite(values["gradient_norm"])):
            self._fail(pending, values)
        return CheckedStep(pending.step, stop, values)

    def _fail(self, pending: _Pending, values: dict[str, float]) -> None:
        """Writes which images a step was of whose numbers are not finite, and raises LossNotFiniteError."""
        numbers = self._distribution.gather(pending.record).tolist()
        model_dir = pathlib.Path(self._config.model_dir)
        good = (list_checkpoints(model_dir) or ["none yet"])[-1]
        try:
            if self._distribution.is_chief:
                report = {
                    "step": pending.step,
                    **{name: value if math.isfinite(value) else str(value) for name, value in values.items()},
                    "image_ids": image_ids(self._config.data_dir, self._plan.train_manifest, numbers),
                    "last_good_checkpoint": good,
                }
                write_atomically(model_dir / FAILED_STEP, json.dumps(report, indent=1) + "\n")
        finally:
            self._distribution.barrier()  # the others end when that is written, or cannot be
        raise LossNotFiniteError(
            f"the loss is {values['loss']} and the norm of the gradients {values['gradient_norm']} at step "
            f"{pending.step}: the learning rate ({values['lr']:g}) may be too high. The last good checkpoint: {good}. "
            f"The images of the batch: {model_dir / FAILED_STEP}"
        )
