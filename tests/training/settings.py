# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The settings of a run of the small detector, for the tests of what takes a TrainConfig."""

from typing import Any

from ssd_tf.settings import TrainConfig, flat_settings, train_config

# By the names of the flags, for `train_config`; the other settings have their defaults.
SETTINGS = {
    "detector": "ssd128_tiny",
    "data_dir": "unused",
    "model_dir": "unused",
    "batch_size": 8,
    "epochs": 10,
    "learning_rate": 0.5,
    "lr_decay_epochs": (),
    "precision": "float32",
}


def changed(config: TrainConfig, **settings: Any) -> TrainConfig:
    """The config with other settings, by the names of their flags."""
    return train_config(**{**flat_settings(config), **settings})
