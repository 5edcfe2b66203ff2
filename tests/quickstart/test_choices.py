# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Settings by the data: the batch, the rate that goes with it, mirroring, and what follows from the length."""

import pytest

from ssd_tf.quickstart.choices import Choice, Facts, choose, choose_length, evaluations_in
from ssd_tf.settings import train_config


def values(choices):
    return {choice.name: choice.value for choice in choices}


@pytest.mark.parametrize(
    ("images", "gpus", "batch", "rate"),
    [
        (205, 0, 16, 1e-3),
        (20, 0, 16, 1e-3),
        (15, 0, 8, 5e-4),
        (1, 0, 1, 6.25e-5),
        (205, 1, 32, 2e-3),
        (205, 2, 64, 4e-3),
        (5, 8, 8, 5e-4),
    ],
)
def test_batch_fits_the_data_and_the_rate_grows_with_it(images, gpus, batch, rate):
    chosen = values(choose(Facts(images, ["cell"], gpus)))
    assert (chosen["batch_size"], chosen["learning_rate"]) == (batch, pytest.approx(rate))


@pytest.mark.parametrize("name", ["left_turn", "Arrow Right", "hand-left", "right", "turnLeft", "leftTurn"])
def test_classes_that_a_mirror_would_change_are_not_mirrored(name):
    (choice,) = [choice for choice in choose(Facts(100, ["stop", name])) if choice.name == "random_flip"]
    assert choice.value is False and name in choice.why


@pytest.mark.parametrize("name", ["bright", "copyright", "cleft", "cat"])
def test_other_classes_are_mirrored(name):
    assert "random_flip" not in values(choose(Facts(100, [name])))


@pytest.mark.parametrize(("steps", "every", "warmup"), [(600, 5, 50), (24, 1, 2), (12000, 84, 50)])
def test_evaluations_and_warm_up_follow_from_the_length(steps, every, warmup):
    chosen = values(choose_length(steps, 12, 10))
    assert (chosen["steps"], chosen["eval_every_epochs"], chosen["lr_warmup_steps"]) == (steps, every, warmup)


@pytest.mark.parametrize(("steps", "averaged"), [(1, 1), (600, 60), (100_000, 500)])
def test_weights_are_averaged_over_a_tenth_of_the_run_and_not_too_long(steps, averaged):
    decay = values(choose_length(steps, 12, 10))["ema_decay"]
    assert 1 / (1 - decay) - 1 == pytest.approx(averaged, rel=0.03)  # four decimals of the decay


@pytest.mark.parametrize(("steps", "count"), [(1, 1), (12, 1), (13, 2), (144, 12), (145, 7), (600, 10)])
def test_there_are_a_dozen_evaluations_at_the_most(steps, count):
    assert evaluations_in(steps, 12) == count


@pytest.mark.parametrize(("steps", "patience"), [(12, 3), (144, 6), (145, 4), (600, 5)])
def test_half_of_the_evaluations_without_a_better_ap_end_a_run(steps, patience):
    assert values(choose_length(steps, 12, 10))["patience"] == patience


@pytest.mark.parametrize(("steps", "cropped"), [(299, False), (300, True)])
def test_images_are_cropped_where_they_are_seen_often(steps, cropped):
    assert ("random_crop" not in values(choose_length(steps, 12, 10))) == cropped


def test_what_is_given_stays_and_the_rest_goes_with_it():
    given = {"batch_size": 64, "optimizer": "sgd", "lr_warmup_epochs": 1.0, "eval_epochs": (3,)}
    chosen = values([*choose(Facts(205, ["cell"]), given), *choose_length(600, 12, 10, given)])
    assert not {*given, "lr_warmup_steps", "eval_every_epochs"} & {*chosen}
    assert (chosen["learning_rate"], chosen["weight_decay"]) == (pytest.approx(0.08), 5e-4)


def test_too_short_a_time_is_said():
    assert "0.1 minutes are short" in choose_length(20, 1, 0.1)[0].why


def test_settings_are_those_of_training_and_flags_are_as_it_takes_them():
    chosen = [*choose(Facts(100, ["left", "right"])), *choose_length(600, 6, 10)]
    train_config(**values(chosen))
    flags = [choice.flag for choice in chosen]
    assert {"--batch_size=16", "--learning_rate=0.001", "--norandom_flip", "--nodecay_bias_and_norm"} <= {*flags}
    assert Choice("random_flip", True, "").flag == "--random_flip"


def test_nothing_to_train_on_is_refused():
    with pytest.raises(ValueError, match="at least 1 with boxes"):
        choose(Facts(0, ["cat"]))
