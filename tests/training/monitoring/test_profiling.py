# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Profiles of a range of steps: written where they are asked for, also where the run ends inside the range."""

import logging as std_logging

import pytest
import tensorflow as tf

from ssd_tf.training.monitoring.profiling import StepProfiler, parse_steps


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


def test_run_that_goes_on_inside_the_range_records_the_rest(tmp_path):
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
