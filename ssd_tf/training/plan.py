# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Settings and data set -> what a run will do: how many steps, at which rates, evaluated when. No model yet."""

import dataclasses
import itertools
import math

from ssd_tf.data.manifest import Manifest, load_manifest, notes
from ssd_tf.data.pipeline import images_of_epoch, steps_per_epoch
from ssd_tf.models.losses import check_loss_config
from ssd_tf.settings import TrainConfig
from ssd_tf.specs import DetectorSpec
from ssd_tf.training.config import base_learning_rate, check_config, detector_of
from ssd_tf.training.schedule import Schedule
from ssd_tf.utils.errors import UserError
from ssd_tf.weights.model_info import ModelInfo


@dataclasses.dataclass(frozen=True)
class Plan:
    """A run as its settings and its data make it.

    Attributes:
      info: the model: detector and classes.
      epoch_steps: steps of an epoch.
      total_steps: steps of the whole run.
      eval_epochs: the epochs after which there is an evaluation, ascending; the last one is among them.
    """

    spec: DetectorSpec
    info: ModelInfo
    train_manifest: Manifest
    val_manifest: Manifest
    epoch_steps: int
    total_steps: int
    schedule: Schedule
    eval_epochs: tuple[int, ...]


def make_plan(config: TrainConfig) -> Plan:
    """Checks the settings against each other and against the data.

    Raises:
      ValueError, FileNotFoundError: they do not fit.
    """
    check_config(config)
    spec = detector_of(config)
    train_manifest = load_manifest(config.data_dir, config.train_split)
    val_manifest = load_manifest(config.data_dir, config.val_split)
    _require_same_classes(train_manifest, val_manifest, config.data_dir)
    check_loss_config(config.loss, len(train_manifest.categories))
    epoch_steps = steps_per_epoch(train_manifest, config.batch_size, config.keep_background_images)
    total_steps = config.steps or config.epochs * epoch_steps
    return Plan(
        spec=spec,
        info=ModelInfo(spec, train_manifest.categories),
        train_manifest=train_manifest,
        val_manifest=val_manifest,
        epoch_steps=epoch_steps,
        total_steps=total_steps,
        schedule=make_schedule(config, epoch_steps, total_steps),
        eval_epochs=evaluation_epochs(config, math.ceil(total_steps / epoch_steps)),
    )


def _require_same_classes(train: Manifest, val: Manifest, data_dir: str) -> None:
    if train.categories == val.categories:
        return
    pairs = itertools.zip_longest(train.categories, val.categories)
    number, (ours, theirs) = next((k, pair) for k, pair in enumerate(pairs, start=1) if pair[0] != pair[1])
    shown = [f"{one.name!r} (id {one.id})" if one else "none" for one in (ours, theirs)]
    raise UserError(
        f"splits {train.split!r} and {val.split!r} in {data_dir} have different classes: {len(train.categories)} and "
        f"{len(val.categories)} of them; class {number} is {shown[0]} and {shown[1]}"
    )


def make_schedule(config: TrainConfig, epoch_steps: int, total_steps: int) -> Schedule:
    """The schedule in steps."""
    return Schedule(
        base=base_learning_rate(config),
        decay_steps=tuple(epoch * epoch_steps for epoch in config.schedule.lr_decay_epochs),
        warmup_steps=config.schedule.lr_warmup_steps or round(config.schedule.lr_warmup_epochs * epoch_steps),
        warmup_factor=config.schedule.lr_warmup_factor,
        mlperf_warmup_quirk=config.schedule.mlperf_warmup_quirk,
        cosine_steps=total_steps if config.schedule.lr_schedule == "cosine" else 0,
    )


def evaluation_epochs(config: TrainConfig, last_epoch: int) -> tuple[int, ...]:
    """The epochs after which the run evaluates, ascending; the last one always is.

    Raises:
      ValueError: the run does not have an epoch of config.evaluation.eval_epochs.
    """
    interval, named = config.evaluation.eval_every_epochs, config.evaluation.eval_epochs
    every = range(interval, last_epoch, interval) if interval else ()
    if not all(1 <= epoch <= last_epoch for epoch in named):
        raise UserError(f"--eval_epochs: expected epochs from 1 to {last_epoch}. Received: {named}")
    return tuple(sorted({*every, *named, last_epoch}))


# Four rules say what is due after a step; steps count from 1.


def ends_epoch(plan: Plan, step: int) -> bool:
    """Whether an epoch ends with it."""
    return step % plan.epoch_steps == 0


def logs(config: TrainConfig, plan: Plan, step: int) -> bool:
    """Whether its numbers are reported: every so many steps, and at the end."""
    return step == plan.total_steps or step % config.log_every_steps == 0


def evaluates(plan: Plan, step: int) -> bool:
    """Whether an evaluation follows: after the epochs of the plan, and at the end."""
    return step == plan.total_steps or (ends_epoch(plan, step) and step // plan.epoch_steps in plan.eval_epochs)


def saves(config: TrainConfig, plan: Plan, step: int) -> bool:
    """Whether a checkpoint follows: every so many epochs, every so many steps, and at the end."""
    epochs, steps = config.checkpoints.checkpoint_every_epochs, config.checkpoints.checkpoint_every_steps
    of_epochs = epochs > 0 and ends_epoch(plan, step) and step // plan.epoch_steps % epochs == 0
    return step == plan.total_steps or of_epochs or (steps > 0 and step % steps == 0)


def data_notes(config: TrainConfig, plan: Plan) -> list[str]:
    """What a run says of its data before it starts: what is left out, and what one of the two splits lacks."""
    train, val = plan.train_manifest, plan.val_manifest
    found = []
    if background := train.num_images - train.num_images_with_boxes:
        what = "trained on" if config.keep_background_images else "left out; --keep_background_images trains on them"
        found.append(f"split {train.split!r}: {background} of {train.num_images} images have no objects and are {what}")
    for here, there in ((train, val), (val, train)):
        pairs = zip(here.classes, there.classes, strict=True)
        names = [one.category.name for one, other in pairs if one.boxes and not other.boxes]
        if names:
            found.append(f"classes with boxes in split {here.split!r} and none in {there.split!r}: {', '.join(names)}")
    return found + notes(val)


def mlperf_hyperparameters(config: TrainConfig, plan: Plan, replicas: int) -> dict[str, object]:
    """What the rules of MLPerf training v1.1 ask for, under their names."""
    return {
        "seed": config.seed,
        "train_samples": images_of_epoch(plan.train_manifest, config.keep_background_images),
        "eval_samples": plan.val_manifest.num_images,
        "max_samples": config.augment.crop_tries,
        "global_batch_size": config.batch_size,
        "gradient_accumulation_steps": config.batch_splits,
        "model_bn_span": config.batch_size // (1 if config.distribution.sync_bn else replicas * config.batch_splits),
        "opt_base_learning_rate": config.schedule.learning_rate,
        "opt_weight_decay": config.optimizer.weight_decay,
        "opt_learning_rate_warmup_steps": plan.schedule.warmup_steps,
        "opt_learning_rate_warmup_factor": plan.schedule.warmup_factor,
        "opt_learning_rate_decay_boundary_epochs": list(config.schedule.lr_decay_epochs),
    }
