# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Minutes to steps: the arithmetic, and that the run it measures leaves nothing."""

import pytest

from ssd_tf.quickstart.budget import Speed, measure, steps_within
from ssd_tf.quickstart.choices import LEAST_STEPS
from ssd_tf.settings import train_config
from tests.training.settings import SETTINGS


def test_evaluations_and_start_are_taken_off():
    # 600 s, 30 to start, 10 evaluations more of 40 images at 0.4 * 0.5 s / 16 each: 0.5 s; 565 s are 1130 steps.
    assert steps_within(600, Speed(0.5, 30), 16, 40, 11) == 1130


@pytest.mark.parametrize("seconds", [-5, 0, 31])
def test_a_time_that_is_too_short_makes_the_least_run(seconds):
    assert steps_within(seconds, Speed(0.5, 30), 16, 40, 11) == LEAST_STEPS


@pytest.mark.proof
def test_measuring_leaves_nothing(prepared, tmp_path):
    settings = {**SETTINGS, "data_dir": str(prepared), "model_dir": str(tmp_path / "run"), "learning_rate": 0.001}
    speed = measure(train_config(**settings), tmp_path / "probe")
    assert speed.step > 0 and not speed.interrupted
    assert list(tmp_path.iterdir()) == []
