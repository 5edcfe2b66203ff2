# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Learning rates against the reference's rule, restated in recipe.traj_lr, and by hand."""

import itertools
import math

import pytest
import recipe

from ssd_tf.training.schedule import Schedule, learning_rate

# Both are float64; the reference multiplies in another order.
RELATIVE = 1e-14


def reference_rates(config, steps):
    """The reference keeps its rate from step to step; it starts with the base rate."""
    rates, rate = [], config["base_lr"]
    for step in range(steps):
        rate = recipe.traj_lr(config, step, rate)
        rates.append(rate)
    return rates


def rates_of(schedule, steps):
    return [learning_rate(schedule, step) for step in range(steps)]


def exact_schedule(config):
    decay = () if config["decay_at"] is None else (config["decay_at"],)
    return Schedule(config["base_lr"], decay, config["warmup_steps"], config["warmup_factor"], mlperf_warmup_quirk=True)


@pytest.mark.parametrize("name", ["A", "B", "C"])
def test_rates_with_the_quirk_are_the_reference_s(name):
    config = recipe.TRAJ[name]
    assert rates_of(exact_schedule(config), 30) == pytest.approx(reference_rates(config, 30), rel=RELATIVE, abs=0)


@pytest.mark.parametrize(("warmup", "decay"), [(10, 4), (10, 10), (10, 9), (10, 11), (0, 5), (0, 0), (1, 5)])
@pytest.mark.parametrize("factor", [0, 1, 2])
def test_rates_with_the_quirk_are_the_reference_s_wherever_the_decay_falls(warmup, decay, factor):
    config = {"base_lr": 0.04, "warmup_steps": warmup, "warmup_factor": factor, "decay_at": decay}
    assert rates_of(exact_schedule(config), 20) == pytest.approx(reference_rates(config, 20), rel=RELATIVE, abs=0)


def test_first_step_of_a_warm_up_with_factor_zero_has_rate_zero():
    assert learning_rate(Schedule(0.1, warmup_steps=10), 0) == 0


def test_warm_up_by_hand():
    # From half the base (factor 1) in four equal steps.
    rates = rates_of(Schedule(0.8, warmup_steps=4, warmup_factor=1), 6)
    assert rates == pytest.approx([0.4, 0.5, 0.6, 0.7, 0.8, 0.8], rel=RELATIVE)


def test_without_the_quirk_the_base_rate_is_reached_and_kept_until_the_decay():
    config = recipe.TRAJ["C"]
    schedule = Schedule(config["base_lr"], (15,), config["warmup_steps"], config["warmup_factor"])
    assert rates_of(schedule, 20)[5:15] == [config["base_lr"]] * 10
    assert rates_of(schedule, 20)[15:] == pytest.approx([config["base_lr"] * 0.1] * 5, rel=RELATIVE)
    # The warm-up itself is the same.
    assert rates_of(schedule, 5) == pytest.approx(reference_rates(config, 5), rel=RELATIVE, abs=0)


def test_with_the_quirk_the_last_warm_up_rate_stays_until_the_decay():
    rates = rates_of(Schedule(0.8, (6,), warmup_steps=4, warmup_factor=1, mlperf_warmup_quirk=True), 8)
    assert rates == pytest.approx([0.4, 0.5, 0.6, 0.7, 0.7, 0.7, 0.08, 0.08], rel=RELATIVE)


def test_decay_inside_the_warm_up():
    rates = rates_of(Schedule(0.8, (2,), warmup_steps=4, warmup_factor=1), 6)
    assert rates == pytest.approx([0.4, 0.5, 0.06, 0.07, 0.08, 0.08], rel=RELATIVE)


@pytest.mark.parametrize("quirk", [False, True])
def test_no_warm_up(quirk):
    rates = rates_of(Schedule(0.5, (2,), mlperf_warmup_quirk=quirk), 4)
    assert rates == pytest.approx([0.5, 0.5, 0.05, 0.05], rel=RELATIVE)


def test_each_decay_takes_a_tenth():
    rates = rates_of(Schedule(1.0, (1, 3, 3, 4)), 6)
    assert rates == pytest.approx([1, 0.1, 0.1, 0.001, 0.0001, 0.0001], rel=RELATIVE)


def test_no_decay():
    assert rates_of(Schedule(0.5), 3) == [0.5, 0.5, 0.5]
    assert learning_rate(Schedule(0.5), 10**9) == 0.5


def test_cosine_at_its_start_quarter_half_and_end():
    # base * (1 + cos(pi * t / T)) / 2 at t / T = 0, 1/4, 1/2, 3/4 and 1.
    rates = rates_of(Schedule(0.8, cosine_steps=8), 9)
    quarter = 0.4 * math.sqrt(0.5)
    # At the end cos(pi) is exactly -1; 1e-16 of float64 in the middle.
    assert rates[::2] == pytest.approx([0.8, 0.4 + quarter, 0.4, 0.4 - quarter, 0.0], rel=RELATIVE, abs=1e-16)


def test_cosine_only_falls():
    rates = rates_of(Schedule(0.8, warmup_steps=3, cosine_steps=50), 51)
    assert all(before > after for before, after in itertools.pairwise(rates[3:]))
    assert rates[-1] == 0


def test_cosine_stays_at_zero_after_its_end():
    assert rates_of(Schedule(0.8, cosine_steps=4), 8)[4:] == [0, 0, 0, 0]


def test_cosine_starts_at_the_base_after_the_warm_up():
    # Warm-up from half the base in four steps, then the cosine over the eight that are left.
    rates = rates_of(Schedule(0.8, warmup_steps=4, warmup_factor=1, cosine_steps=12), 13)
    assert rates[:5] == pytest.approx([0.4, 0.5, 0.6, 0.7, 0.8], rel=RELATIVE)
    assert rates[4:] == pytest.approx(rates_of(Schedule(0.8, cosine_steps=8), 9), rel=RELATIVE, abs=0)


def test_warm_up_as_long_as_the_cosine_ends_in_a_rate():
    assert rates_of(Schedule(0.8, warmup_steps=4, cosine_steps=4), 6)[4:] == [0.8, 0.0]


@pytest.mark.parametrize("decay", [(2,), (6, 8), (0, 4, 11)], ids=str)
def test_cosine_ignores_the_decays(decay):
    # Inside the warm-up, after it, and at its end.
    schedule = {"base": 0.8, "warmup_steps": 4, "warmup_factor": 1, "cosine_steps": 12}
    assert rates_of(Schedule(decay_steps=decay, **schedule), 13) == rates_of(Schedule(**schedule), 13)
