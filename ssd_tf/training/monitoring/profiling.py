# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Where a run's time goes: its speed and its waiting for input, and TensorFlow's profile of a range of steps."""

import contextlib
import pathlib
import time
from collections.abc import Iterator

import tensorflow as tf
from absl import logging

from ssd_tf.utils.errors import UserError


class Clock:
    """Speed since the last report, without the pauses in between. step: updates done when it starts."""

    def __init__(self, step: int):
        self._step, self._start, self._waited = step, time.perf_counter(), 0.0
        self._speed = 0.0, 0.0

    def speed(self, step: int) -> tuple[float, float]:
        """Steps per second since the last call, and the fraction of that time that was spent waiting for input.

        Without a step since then, as where the last two steps before a save are reported one after the other, it is
        what the last call returned.
        """
        if step == self._step:
            return self._speed
        now = time.perf_counter()
        seconds = now - self._start
        speed, waited = (step - self._step) / seconds, self._waited / seconds
        self._step, self._start, self._waited = step, now, 0.0
        self._speed = speed, waited
        return self._speed

    @contextlib.contextmanager
    def waiting(self):
        """The time inside is spent waiting for input."""
        start = time.perf_counter()
        yield
        self._waited += time.perf_counter() - start

    @contextlib.contextmanager
    def paused(self):
        """The time inside does not count."""
        start = time.perf_counter()
        yield
        self._start += time.perf_counter() - start


class StepProfiler:
    """Records the steps from `first` to `last`, both included; counted from 1, as steps are reported.

    Used as a context manager, so that a run that ends inside the range still writes what it has. A run that resumes
    after `first` records the rest of the range.

    Args:
      folder: where the profile goes, under plugins/profile/; None records nothing.
      steps: (first, last), or () for none.
    """

    def __init__(self, folder: pathlib.Path | None, steps: tuple[int, ...]):
        self._folder = folder
        self._first, self._last = steps if folder and steps else (0, 0)
        self._running = False
        self._recorded = 0  # the last step that was

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stop()
        if self._last and not self._recorded:
            logging.warning("no step of --profile_steps=%d:%d was in this run", self._first, self._last)

    @contextlib.contextmanager
    def step(self, number: int) -> Iterator[None]:
        """Around step `number`: waiting for its batch, and computing it."""
        if not self._first <= number <= self._last:
            yield
            return
        if not self._running:
            tf.profiler.experimental.start(str(self._folder))
            self._running, self._first = True, number
        with tf.profiler.experimental.Trace("train", step_num=number, _r=1):
            yield
        self._recorded = number
        if number == self._last:
            self._stop()

    def _stop(self) -> None:
        if self._running:
            # A device may still be at the last step, which was only given to it.
            tf.test.experimental.sync_devices()
            tf.profiler.experimental.stop()
            self._running = False
            logging.info("profile of steps %d to %d in %s", self._first, self._recorded, self._folder)


def parse_steps(text: str) -> tuple[int, ...]:
    """ "100:110" as (100, 110); "" as ().

    Raises:
      ValueError: it is neither.
    """
    if not text:
        return ()
    first, _, last = text.partition(":")
    if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
        raise UserError(f"--profile_steps: expected FIRST:LAST, such as 100:110, from step 1 on. Received: {text}")
    return int(first), int(last)
