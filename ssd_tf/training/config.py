# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The settings of a training run, and what must hold among them."""

import dataclasses
from typing import Any

from ssd_tf.data.pipeline import AugmentConfig
from ssd_tf.distributed.strategy import DistributionConfig
from ssd_tf.models.losses import REFERENCE_LOSS, LossConfig
from ssd_tf.training.mlperf_log import MLPERF_DETECTOR, MLPERF_TARGET, SubmissionConfig
from ssd_tf.training.optimizer import OptimizerConfig


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Settings of a run: the flags of `train`, without their dashes.

    Attributes:
      batch_splits: parts that a batch goes through the model in, one after the other; divides batch_size.
      epochs, steps: the length of the run; exactly one is above 0.
      lr_schedule: "step", or "cosine" down to 0 at the end of the run.
      lr_decay_epochs: ascending; each multiplies the learning rate by 0.1.
      lr_warmup_epochs, lr_warmup_steps: the length of the warm-up; at most one is above 0.
      ema_decay: of the moving average of the weights, which is evaluated in place of the weights; 0 for none.
      freeze_backbone_stages: the stem and so many residual stages are not trained.
      eval_every_epochs, eval_epochs: evaluate after every so many epochs, and after these; and at the end.
      checkpoint_every_epochs, checkpoint_every_steps: save after every so many; 0 for never. The end is always saved.
      skip_bad_records: go on over records that cannot be read, instead of stopping.
      target_map: stop as soon as an evaluation reaches this AP; 0 never does.
      keep_checkpoints: the newest so many stay.
      profile_steps: (first, last) step of those that TensorFlow's profiler records, from 1; () for none.
    """

    detector: str
    data_dir: str
    model_dir: str
    train_split: str
    val_split: str
    batch_size: int
    batch_splits: int
    epochs: int
    steps: int
    optimizer: OptimizerConfig
    loss: LossConfig
    augment: AugmentConfig
    learning_rate: float
    lr_schedule: str
    lr_decay_epochs: tuple[int, ...]
    lr_warmup_epochs: float
    lr_warmup_steps: int
    lr_warmup_factor: int
    mlperf_warmup_quirk: bool
    ema_decay: float
    freeze_backbone_stages: int
    backbone_weights: str
    init_from: str
    precision: str
    seed: int
    eval_every_epochs: int
    eval_epochs: tuple[int, ...]
    eval_batch_size: int
    checkpoint_every_epochs: int
    checkpoint_every_steps: int
    keep_checkpoints: int
    skip_bad_records: bool
    target_map: float
    log_every_steps: int
    profile_steps: tuple[int, ...]
    distribution: DistributionConfig
    submission: SubmissionConfig


def flat_settings(config: TrainConfig) -> dict[str, Any]:
    """Every setting under the name of its flag; what the parts hold stands beside the rest."""
    settings: dict[str, Any] = {}
    for name, value in dataclasses.asdict(config).items():
        settings.update(value if isinstance(value, dict) else {name: value})
    return settings


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
    if config.batch_size % config.batch_splits:
        raise ValueError(
            f"--batch_splits: expected a divisor of --batch_size={config.batch_size}. Received: {config.batch_splits}"
        )
    if config.mlperf_warmup_quirk and config.lr_schedule == "cosine":
        raise ValueError("--mlperf_warmup_quirk: expected --lr_schedule=step. Received: cosine")
    if not 0 <= config.ema_decay < 1:
        raise ValueError(f"--ema_decay: expected at least 0 and less than 1. Received: {config.ema_decay}")
    if config.submission.mlperf_log:
        _check_submission(config)


def _check_submission(config: TrainConfig) -> None:
    if config.detector != MLPERF_DETECTOR:
        raise ValueError(f"--mlperf_log: expected --detector={MLPERF_DETECTOR}. Received: {config.detector}")
    if config.steps:
        raise ValueError("--mlperf_log: expected a run of whole --epochs. Received: --steps")
    if config.target_map < MLPERF_TARGET:
        raise ValueError(f"--mlperf_log: expected --target_map={MLPERF_TARGET} or more. Received: {config.target_map}")
    reference = {
        "optimizer": config.optimizer.optimizer == "sgd",
        "loss": config.loss == REFERENCE_LOSS,
        "lr_schedule": config.lr_schedule == "step",
        "decay_bias_and_norm": config.optimizer.decay_bias_and_norm,
        "clip_gradient_norm": not config.optimizer.clip_gradient_norm,
        "ema_decay": not config.ema_decay,
        "freeze_backbone_stages": not config.freeze_backbone_stages,
    }
    others = [f"--{name}" for name, same in reference.items() if not same]
    if config.submission.mlperf_division == "closed" and others:
        raise ValueError(
            "--mlperf_division=closed: expected the reference's training. Received: another "
            f"{', '.join(others)}, which --mlperf_division=open allows"
        )
