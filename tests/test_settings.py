# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Settings: defaults, groups, and the flags that are made from them."""

import dataclasses
import pathlib

import pytest
from absl import flags

from ssd_tf.apps import train
from ssd_tf.settings import (
    AugmentConfig,
    OptimizerConfig,
    TrainConfig,
    check_types,
    flat_settings,
    setting_fields,
    train_config,
)
from ssd_tf.training.config import check_config, complete
from ssd_tf.utils.errors import UserError

RECIPES = sorted((pathlib.Path(__file__).parent.parent / "flags").glob("*.cfg"))
BOTH = ["--data_dir=d", "--model_dir=m"]


def config_of(*argv: str) -> TrainConfig:
    values = flags.FlagValues()
    train.define_flags(values)
    values(["train", *argv])
    return train.config_from_flags(values)


def test_two_folders_are_enough():
    config = complete(TrainConfig(data_dir="d", model_dir="m"))
    check_config(config)
    # MLPerf's reference: lr 2.5e-3 for a batch of 32.
    assert (config.epochs, config.schedule.learning_rate, config.batch_size) == (70, 2.5e-3, 32)


def test_flags_at_their_defaults_are_the_settings_at_theirs():
    assert config_of(*BOTH) == TrainConfig(data_dir="d", model_dir="m")


def test_every_flag_sets_the_setting_of_its_name():
    changed = {}
    for name, field in setting_fields().items():
        default, choices = field.default, field.metadata["choices"]
        if choices:
            changed[name] = next(choice for choice in choices if choice != default)
        elif isinstance(default, bool):
            changed[name] = not default
        elif isinstance(default, tuple):
            changed[name] = (3, 4)
        elif isinstance(default, int):
            changed[name] = default + 1
        elif isinstance(default, float) or default is None:
            changed[name] = 0.5 if default != 0.5 else 0.25
        else:
            changed[name] = "other"
    text = {name: ",".join(map(str, v)) if isinstance(v, tuple) else str(v) for name, v in changed.items()}
    found = flat_settings(config_of(*(f"--{name}={value}" for name, value in text.items())))
    assert found == changed


def test_every_setting_has_a_help_text():
    assert all(field.metadata["help"].endswith(".") for field in setting_fields().values())


def test_no_two_groups_share_a_name():
    names = [
        inner.name
        for field in dataclasses.fields(TrainConfig)
        for inner in (dataclasses.fields(field.default) if dataclasses.is_dataclass(field.default) else (field,))
    ]
    assert len(names) == len(set(names)) == len(setting_fields())


def test_unknown_setting_is_refused_with_the_nearest_ones():
    with pytest.raises(UserError, match=r"^there is no setting learning_rte\. The nearest: learning_rate\b"):
        train_config(learning_rte=0.1)


def test_setting_that_is_near_none_is_refused_with_all():
    with pytest.raises(UserError, match=r"there is no setting zzz.* detector, .* mlperf_status"):
        train_config(zzz=1)


def test_settings_go_into_their_groups_and_come_back():
    config = train_config(data_dir="d", momentum=0.8, crop_tries=50, mlperf_log="log")
    assert (config.optimizer.momentum, config.augment.crop_tries, config.submission.mlperf_log) == (0.8, 50, "log")
    assert train_config(**flat_settings(config)) == config


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.name)
def test_recipe_is_accepted(recipe):
    config = complete(config_of(f"--flagfile={recipe}", *BOTH))
    check_config(config)
    assert config != complete(TrainConfig(data_dir="d", model_dir="m")) or recipe.name == "mlperf.cfg"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"batch_size": 0}, "--batch_size: expected at least 1. Received: 0"),
        ({"momentum": 1.5}, "--momentum: expected from 0.0 to 1.0. Received: 1.5"),
        ({"precision": "float64"}, "--precision: expected one of auto, float32, bfloat16. Received: float64"),
        ({"profile_steps": "7"}, "--profile_steps: expected FIRST:LAST"),
    ],
)
def test_setting_out_of_range_is_refused_from_python_too(changed, message):
    with pytest.raises(ValueError, match=message):
        check_config(complete(train_config(data_dir="d", model_dir="m", **changed)))


@pytest.mark.parametrize("name", ["data_dir", "model_dir"])
def test_folder_that_is_not_named_is_refused_from_python_too(name):
    folders = {"data_dir": "d", "model_dir": "m", name: ""}
    with pytest.raises(ValueError, match=f"--{name}: expected a folder. Received: ''"):
        check_config(complete(TrainConfig(**folders)))


def test_a_group_may_be_given_whole_and_single_settings_go_over_it():
    config = train_config(optimizer=OptimizerConfig(momentum=0.5, weight_decay=1e-3), weight_decay=2e-3, loss="focal")
    assert config.optimizer == OptimizerConfig(momentum=0.5, weight_decay=2e-3)
    assert config.loss.loss == "focal"
    assert train_config(augment=AugmentConfig(random_crop=False)).augment.random_crop is False


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 1.5}, r"--epochs: expected int\. Received: 1\.5"),
        ({"batch_size": "8"}, r"--batch_size: expected int\. Received: '8'"),
        ({"skip_bad_records": 1}, r"--skip_bad_records: expected bool"),
        ({"lr_decay_epochs": (40, "50")}, r"--lr_decay_epochs\[1\]: expected int\. Received: '50'"),
        ({"learning_rate": float("nan")}, r"--learning_rate: expected float"),
        ({"augment": "ssd"}, "there is no setting augment"),
    ],
)
def test_setting_of_a_wrong_type_is_refused_by_name(settings, message):
    with pytest.raises(UserError, match=message):
        train_config(**settings)


def test_group_that_is_something_else_is_refused():
    with pytest.raises(UserError, match=r"optimizer: expected a OptimizerConfig\. Received: 'adamw'"):
        check_types(TrainConfig(data_dir="data", model_dir="runs", optimizer="adamw"))


def test_paths_and_numbers_without_a_point_are_taken():
    config = train_config(data_dir=pathlib.Path("data"), learning_rate=1, lr_decay_epochs=(1, 2))
    assert config.schedule.learning_rate == 1
