# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Speed and waiting, by a clock that the test sets."""

import pytest

from ssd_tf.training.monitoring import throughput as clock_module
from ssd_tf.training.monitoring.throughput import Clock


@pytest.fixture
def now(monkeypatch):
    """A list whose last entry is the time."""
    times = [100.0]
    monkeypatch.setattr(clock_module.time, "perf_counter", lambda: times[-1])
    return times


def test_speed_is_of_the_steps_since_the_last_report(now):
    clock = Clock(10)
    now.append(104.0)
    assert clock.speed(18) == (2.0, 0.0)
    now.append(105.0)
    assert clock.speed(23) == (5.0, 0.0)


def test_waiting_is_a_share_of_the_time(now):
    clock = Clock(0)
    for end in (101.0, 102.0):
        with clock.waiting():
            now.append(end)
    now.append(108.0)
    assert clock.speed(4) == (0.5, 0.25)
    now.append(109.0)
    assert clock.speed(5) == (1.0, 0.0)  # counted from the last report on


def test_pauses_count_for_nothing(now):
    clock = Clock(0)
    now.append(102.0)
    with clock.paused():
        now.append(150.0)
    with clock.waiting():
        now.append(152.0)
    assert clock.speed(8) == (2.0, 0.5)
