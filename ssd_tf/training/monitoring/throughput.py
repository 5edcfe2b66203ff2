# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""How fast a run is, and how much of its time it waits for input."""

import contextlib
import time


class Clock:
    """Speed since the last report, without the pauses in between. step: updates done when it starts."""

    def __init__(self, step: int):
        self._step, self._start, self._waited = step, time.perf_counter(), 0.0

    def speed(self, step: int) -> tuple[float, float]:
        """Steps per second since the last call, and the share of that time that was spent waiting for input."""
        now = time.perf_counter()
        seconds = now - self._start
        speed, waited = (step - self._step) / seconds, self._waited / seconds
        self._step, self._start, self._waited = step, now, 0.0
        return speed, waited

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
