# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The settings of a training run, and what must hold among them."""

import dataclasses

from ssd_tf.data.pipeline import AugmentConfig
from ssd_tf.training.schedule import Schedule


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Settings of a run: the flags of `train`, without their dashes.

    Attributes:
      epochs, steps: the length of the run; exactly one is above 0.
      lr_decay_epochs: ascending; each multiplies the learning rate by 0.1.
      lr_warmup_epochs, lr_warmup_steps: the length of the warm-up; at most one is above 0.
      eval_every_epochs: 0 evaluates at the end only.
      target_map: stop as soon as an evaluation reaches this AP; 0 never does.
    """

    detector: str
    data_dir: str
    model_dir: str
    train_split: str
    val_split: str
    batch_size: int
    epochs: int
    steps: int
    learning_rate: float
    momentum: float
    weight_decay: float
    lr_decay_epochs: tuple[int, ...]
    lr_warmup_epochs: float
    lr_warmup_steps: int
    lr_warmup_factor: int
    mlperf_warmup_quirk: bool
    augment: AugmentConfig
    backbone_weights: str
    init_from: str
    precision: str
    seed: int
    eval_every_epochs: int
    eval_batch_size: int
    checkpoint_every_epochs: int
    target_map: float
    log_every_steps: int


def check_config(config: TrainConfig) -> None:
    """Raises ValueError where settings are out of range or contradict each other."""
    if (config.epochs > 0) == (config.steps > 0):
        raise ValueError(f"expected either --epochs or --steps. Received: epochs={config.epochs}, steps={config.steps}")
    if config.lr_warmup_epochs and config.lr_warmup_steps:
        raise ValueError("expected at most one of --lr_warmup_epochs and --lr_warmup_steps. Received: both")
    if list(config.lr_decay_epochs) != sorted(config.lr_decay_epochs):
        raise ValueError(f"--lr_decay_epochs: expected ascending epochs. Received: {config.lr_decay_epochs}")
    if config.init_from and config.backbone_weights:
        raise ValueError("expected at most one of --init_from and --backbone_weights. Received: both")


def make_schedule(config: TrainConfig, epoch_steps: int) -> Schedule:
    """The schedule in steps."""
    return Schedule(
        base=config.learning_rate,
        decay_steps=tuple(epoch * epoch_steps for epoch in config.lr_decay_epochs),
        warmup_steps=config.lr_warmup_steps or round(config.lr_warmup_epochs * epoch_steps),
        warmup_factor=config.lr_warmup_factor,
        mlperf_warmup_quirk=config.mlperf_warmup_quirk,
    )
