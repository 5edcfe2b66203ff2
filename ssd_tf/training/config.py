# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What must hold among the settings of a run, and those that follow from others. The settings are in settings.py."""

import dataclasses
import math
from typing import Any

from ssd_tf.models.losses import REFERENCE_LOSS
from ssd_tf.settings import (
    EPOCHS,
    LEARNING_RATE,
    LEARNING_RATE_BATCH,
    TrainConfig,
    check_types,
    flat_settings,
    setting_fields,
)
from ssd_tf.specs import DetectorSpec, spec
from ssd_tf.training.mlperf_log import MLPERF_DETECTOR, MLPERF_TARGET
from ssd_tf.training.monitoring.profiling import parse_steps
from ssd_tf.utils.errors import UserError
from ssd_tf.weights.published import find, find_detector, for_detector, is_published

# What --backbone_weights takes for --weights=imagenet.
TORCHVISION = "torchvision"


def complete(config: TrainConfig) -> TrainConfig:
    """The settings with the length of the run and the learning rate filled in where they were left open.

    Raises:
      ValueError: a setting is not of its type, or as `base_learning_rate`.
    """
    check_types(config)
    epochs = config.epochs or (0 if config.steps else EPOCHS)
    schedule = dataclasses.replace(config.schedule, learning_rate=base_learning_rate(config))
    return dataclasses.replace(config, epochs=epochs, schedule=schedule)


def base_learning_rate(config: TrainConfig) -> float:
    """The rate after warm-up: as set, or the reference's by the size of the batch.

    Raises:
      ValueError: it is not set, and the optimizer is not the reference's.
    """
    if config.schedule.learning_rate is not None:
        return config.schedule.learning_rate
    if config.optimizer.optimizer != "sgd":
        raise UserError(f"--optimizer={config.optimizer.optimizer}: expected a --learning_rate, such as 1e-4")
    return LEARNING_RATE * config.batch_size / LEARNING_RATE_BATCH


def detector_of(config: TrainConfig) -> DetectorSpec:
    """The detector to train, for images of the size that is set.

    Raises:
      ValueError: it is unknown, or does not work on images of that size.
    """
    return spec(config.detector, config.image_size)


def start_weights(config: TrainConfig, detector: DetectorSpec) -> tuple[str, str]:
    """What all weights start from, and what the backbone does, as `weights.load` takes them; "" where fresh.

    Raises:
      ValueError: there are no such weights for the detector.
    """
    init_from, backbone = config.init_from, config.backbone_weights
    if config.weights == "coco":
        init_from = for_detector(detector, "coco")
    elif config.weights == "imagenet" or backbone == TORCHVISION:
        backbone = for_detector(detector, "imagenet")
    if is_published(init_from):
        find_detector(init_from)
    if is_published(backbone):
        find(backbone)
    return init_from, backbone


def named_settings(config: TrainConfig) -> dict[str, Any]:
    """`flat_settings` with the detector's name in place of its spec or file: what is written of a run."""
    return {**flat_settings(config), "detector": detector_of(config).name}


def check_config(config: TrainConfig) -> None:
    """Raises ValueError where settings are out of range or contradict each other."""
    _check_ranges(config)
    parse_steps(config.profile_steps)
    if (config.epochs > 0) == (config.steps > 0):
        raise UserError(f"expected either --epochs or --steps. Received: epochs={config.epochs}, steps={config.steps}")
    if config.schedule.lr_warmup_epochs and config.schedule.lr_warmup_steps:
        raise UserError("expected at most one of --lr_warmup_epochs and --lr_warmup_steps. Received: both")
    if list(config.schedule.lr_decay_epochs) != sorted(config.schedule.lr_decay_epochs):
        raise UserError(f"--lr_decay_epochs: expected ascending epochs. Received: {config.schedule.lr_decay_epochs}")
    given = [name for name in ("weights", "backbone_weights", "init_from") if getattr(config, name)]
    if len(given) > 1:
        raise UserError(f"expected at most one of --{', --'.join(given)}. Received: {len(given)} of them")
    start_weights(config, detector_of(config))
    if config.batch_size % config.batch_splits:
        raise UserError(
            f"--batch_splits: expected a divisor of --batch_size={config.batch_size}. Received: {config.batch_splits}"
        )
    if config.schedule.mlperf_warmup_quirk and config.schedule.lr_schedule == "cosine":
        raise UserError("--mlperf_warmup_quirk: expected --lr_schedule=step. Received: cosine")
    if config.batch_splits > 1 and config.distribution.sync_bn:
        raise UserError(
            "--batch_splits: expected 1 with --sync_bn, since replicas meet in batch norm. Received: "
            f"{config.batch_splits}"
        )
    if config.jit_compile == "on" and config.distribution.sync_bn:
        raise UserError(
            "--jit_compile=on: expected --nosync_bn, since replicas meet in batch norm. Received: --sync_bn"
        )
    if config.optimizer.double_bias_rate and config.optimizer.optimizer != "sgd":
        raise UserError(f"--double_bias_rate: expected --optimizer=sgd. Received: {config.optimizer.optimizer}")
    if config.keep_background_images and not config.augment.train_on_difficult:
        raise UserError(
            "--keep_background_images: expected --train_on_difficult: an image whose objects are all difficult is no "
            "background. Received: --notrain_on_difficult"
        )
    if not 0 <= config.ema_decay < 1:
        raise UserError(f"--ema_decay: expected at least 0 and less than 1. Received: {config.ema_decay}")
    if config.submission.mlperf_log:
        _check_submission(config)


def _check_ranges(config: TrainConfig) -> None:
    fields = setting_fields()
    for name, value in flat_settings(config).items():
        lower, upper, choices = (fields[name].metadata[key] for key in ("lower", "upper", "choices"))
        if fields[name].metadata["required"] and not value:
            raise UserError(f"--{name}: expected a folder. Received: {value!r}")
        if choices and value not in choices:
            raise UserError(f"--{name}: expected one of {', '.join(choices)}. Received: {value}")
        if value is None or (lower is None and upper is None):
            continue
        if not (-math.inf if lower is None else lower) <= value <= (math.inf if upper is None else upper):
            bounds = f"at least {lower}" if upper is None else f"from {lower} to {upper}"
            raise UserError(f"--{name}: expected {bounds}. Received: {value}")


def _check_submission(config: TrainConfig) -> None:
    if detector_of(config) != spec(MLPERF_DETECTOR):
        received = detector_of(config).name
        raise UserError(f"--mlperf_log: expected --detector={MLPERF_DETECTOR}. Received: {received}")
    if config.steps:
        raise UserError("--mlperf_log: expected a run of whole --epochs. Received: --steps")
    if config.evaluation.target_map < MLPERF_TARGET:
        raise UserError(
            f"--mlperf_log: expected --target_map={MLPERF_TARGET} or more. Received: {config.evaluation.target_map}"
        )
    reference = {
        "optimizer": config.optimizer.optimizer == "sgd",
        "loss": config.loss == REFERENCE_LOSS,
        "augmentation": config.augment.augmentation == "mlperf",
        "mosaic": not config.augment.mosaic,
        "mixup": not config.augment.mixup,
        "lr_schedule": config.schedule.lr_schedule == "step",
        "decay_bias_and_norm": config.optimizer.decay_bias_and_norm,
        "double_bias_rate": not config.optimizer.double_bias_rate,
        "clip_gradient_norm": not config.optimizer.clip_gradient_norm,
        "ema_decay": not config.ema_decay,
        "freeze_backbone_stages": not config.freeze_backbone_stages,
        "keep_background_images": not config.keep_background_images,
    }
    others = [f"--{name}" for name, same in reference.items() if not same]
    if config.submission.mlperf_division == "closed" and others:
        raise UserError(
            "--mlperf_division=closed: expected the reference's training. Received: another "
            f"{', '.join(others)}, which --mlperf_division=open allows"
        )
