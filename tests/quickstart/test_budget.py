# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Minutes to steps: the arithmetic, and that the run it measures leaves nothing."""

import pytest

from ssd_tf.quickstart.budget import Speed, measure, steps_within
from ssd_tf.quickstart.choices import LEAST_STEPS
from ssd_tf.settings import train_config
from tests.training.settings import SETTINGS


def test_evaluations_and_start_are_taken_off():
    # 600 s, 30 to start; epochs of 12 steps, of which 95 are in 1130 steps, evaluated every 8: 12 evaluations, 11 more
    # of 40 images at 0.4 * 0.5 s / 16 each and 2.5 s: 3 s. 537 s are left, for 1074 steps.
    assert steps_within(600, Speed(0.5, 30), 16, 40, 12) == 1074


def test_a_long_epoch_has_fewer_evaluations_and_more_steps():
    assert steps_within(600, Speed(0.5, 30), 16, 5000, 2000) == 1140
    assert steps_within(600, Speed(0.5, 30), 16, 5000, 600) == 1140 - 130


@pytest.mark.parametrize("seconds", [-5, 0, 31])
def test_a_time_that_is_too_short_makes_the_least_run(seconds):
    assert steps_within(seconds, Speed(0.5, 30), 16, 40, 11) == LEAST_STEPS


@pytest.mark.proof
def test_measuring_leaves_nothing(prepared, tmp_path):
    settings = {**SETTINGS, "data_dir": str(prepared), "model_dir": str(tmp_path / "run"), "learning_rate": 0.001}
    (tmp_path / "probe").mkdir()  # the user's own
    (tmp_path / ".probe-left").mkdir()  # of one that was killed
    speed = measure(train_config(**settings), tmp_path)
    assert speed.step > 0 and not speed.interrupted
    assert [path.name for path in tmp_path.iterdir()] == ["probe"]
