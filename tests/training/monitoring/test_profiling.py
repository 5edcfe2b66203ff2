# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Speed and waiting by a clock that the test sets; profiles, also of a run that ends inside the range of steps."""

import logging as std_logging

import pytest
import tensorflow as tf

from ssd_tf.training.monitoring import profiling
from ssd_tf.training.monitoring.profiling import Clock, StepProfiler, parse_steps


def profiles(folder):
    return list(folder.glob("plugins/profile/*/*.xplane.pb"))


def run(folder, steps, first, last):
    """Steps first to last; after each, whether there is a profile."""
    written = []
    with StepProfiler(folder, steps) as profiler:
        for number in range(first, last + 1):
            with profiler.step(number):
                tf.linalg.matmul(tf.ones([8, 8]), tf.ones([8, 8]))
            written.append(bool(profiles(folder)))
    return written


def test_profile_is_written_after_its_last_step(tmp_path):
    assert run(tmp_path, (2, 3), 1, 5) == [False, False, True, True, True]
    (path,) = profiles(tmp_path)
    # The names of the steps and of what ran in them.
    content = path.read_bytes()
    assert b"train" in content and b"MatMul" in content


def test_run_that_ends_inside_the_range_writes_what_it_has(tmp_path):
    assert run(tmp_path, (2, 9), 1, 3) == [False, False, False]
    assert len(profiles(tmp_path)) == 1


def test_run_that_continues_inside_the_range_records_the_rest(tmp_path):
    assert run(tmp_path, (2, 9), 8, 10) == [False, True, True]


@pytest.fixture
def said(caplog):
    caplog.set_level(std_logging.INFO, logger="absl")
    return caplog


def test_what_was_recorded_is_said(tmp_path, said):
    run(tmp_path, (2, 9), 5, 6)
    assert f"profile of steps 5 to 6 in {tmp_path}" in said.text


def test_range_that_the_run_did_not_reach_is_said(tmp_path, said):
    assert run(tmp_path, (20, 30), 1, 3) == [False] * 3
    assert "no step of --profile_steps=20:30 was in this run" in said.text


def test_without_a_range_nothing_is_written(tmp_path):
    run(tmp_path, (), 1, 3)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("text", "steps"), [("", ()), ("100:110", (100, 110)), ("7:7", (7, 7))])
def test_range_is_read(text, steps):
    assert parse_steps(text) == steps


@pytest.mark.parametrize("text", ["100", "110:100", "0:5", "a:b", "1:2:3", "-1:4", ":"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(ValueError, match=r"--profile_steps: expected FIRST:LAST, such as 100:110.*Received: " + text):
        parse_steps(text)


@pytest.fixture
def now(monkeypatch):
    """A list whose last entry is the time."""
    times = [100.0]
    monkeypatch.setattr(profiling.time, "perf_counter", lambda: times[-1])
    return times


def test_speed_is_of_the_steps_since_the_last_report(now):
    clock = Clock(10)
    now.append(104.0)
    assert clock.speed(18) == (2.0, 0.0)
    now.append(105.0)
    assert clock.speed(23) == (5.0, 0.0)


def test_steps_that_are_reported_one_after_the_other_share_their_speed(now):
    # Before a save the last two steps are looked at at once; no step was given to the device in between.
    clock = Clock(0)
    now.append(102.0)
    assert clock.speed(4) == (2.0, 0.0)
    now.append(102.001)
    assert clock.speed(4) == (2.0, 0.0)
    now.append(103.0)
    assert clock.speed(8) == (4.0, 0.0)  # since the first of the two


def test_waiting_is_a_fraction_of_the_time(now):
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
