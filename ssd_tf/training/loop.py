# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A training run from beginning to end: data, model, optimizer; for each step; evaluate, save, stop."""

import contextlib
import dataclasses
import math
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf
from absl import logging

from ssd_tf.distributed.strategy import Distribution, make_distribution
from ssd_tf.evaluation.coco_metrics import value_text
from ssd_tf.evaluation.evaluator import Evaluation, evaluate_split
from ssd_tf.inference.predictor import Predictor
from ssd_tf.models.backbone import freeze_stages
from ssd_tf.models.layers import synchronize_batch_norm
from ssd_tf.models.ssd import build_model, drawing_weights
from ssd_tf.settings import SubmissionConfig, TrainConfig
from ssd_tf.training.batches import train_batches
from ssd_tf.training.checkpoints import Checkpoints
from ssd_tf.training.checks import StepChecks
from ssd_tf.training.config import complete, start_weights
from ssd_tf.training.mlperf_log import MlperfLog
from ssd_tf.training.monitoring.profiling import StepProfiler, parse_steps
from ssd_tf.training.optimizer import make_optimizer
from ssd_tf.training.plan import (
    Plan,
    data_notes,
    ends_epoch,
    evaluates,
    logs,
    make_plan,
    mlperf_hyperparameters,
    saves,
)
from ssd_tf.training.precision import choose_jit_compile, choose_precision
from ssd_tf.training.resume import made_with, open_model_dir
from ssd_tf.training.run_lock import run_lock
from ssd_tf.training.run_log import RunLog, evaluated_aps, last_evaluation
from ssd_tf.training.schedule import learning_rate
from ssd_tf.training.step import make_train_step
from ssd_tf.training.stopping import since_best, stop_signals
from ssd_tf.utils.errors import UserError
from ssd_tf.weights.load import load_backbone, load_initial_weights
from ssd_tf.weights.model_dir import TENSORBOARD
from ssd_tf.weights.model_info import ModelInfo, save_config


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
      step: steps done, those before this call too.
      trained: whether this call did any.
      interrupted: whether a signal stopped it early.
      metrics: the numbers of the last evaluation, which may have been before this call; empty where there was none.
    """

    step: int
    trained: bool
    interrupted: bool
    metrics: dict[str, float]


class _Trained(NamedTuple):
    """What training changes. average: the model that holds the moving average of the weights, where one is kept."""

    model: keras.Model
    average: keras.Model | None
    optimizer: keras.optimizers.Optimizer
    checkpoints: Checkpoints


def train(config: TrainConfig) -> Outcome:
    """Trains, or resumes where the run in config.model_dir stopped. On several machines, each of them calls this.

    Raises:
      ValueError, FileNotFoundError, OSError: the settings, the data or the folder do not allow it; before any training.
      ValueError: a record of the data cannot be read.
      LossNotFiniteError: the loss or a gradient is not finite.
      OSError: the tf.data service that loads the batches failed.
      WorkerLostError: another machine is gone.
    """
    config = complete(config)
    distribution = make_distribution(config.distribution)
    with distribution.running():
        return _train(config, distribution)


def _train(config: TrainConfig, distribution: Distribution) -> Outcome:
    plan = make_plan(config)
    sizes = distribution.batch_shard(config.batch_size).sizes
    if any(size % config.batch_splits for size in sizes):
        raise UserError(
            f"--batch_splits: expected a divisor of each replica's images, {sizes}. Received: {config.batch_splits}"
        )
    model_dir = open_model_dir(config, plan)
    for note in data_notes(config, plan):
        logging.info("%s", note)
    with (
        run_lock(model_dir) if distribution.is_chief else contextlib.nullcontext(),
        MlperfLog(config.submission if distribution.is_chief else SubmissionConfig()) as mlperf,
    ):
        mlperf.init_start()
        mlperf.hyperparameters(mlperf_hyperparameters(config, plan, distribution.replicas))
        policy, reason = choose_precision(config.precision)
        logging.info("precision: %s (%s)", policy, reason)
        with drawing_weights(config.seed, policy):
            trained = _build(config, plan, model_dir, distribution)
        step = trained.checkpoints.restore()
        distribution.require_same("step to resume from", step)
        if step:
            logging.info("resuming at step %d of %d", step, plan.total_steps)
        else:
            _initialize(trained, config, plan.info)
        mlperf.weights(plan.spec)
        if distribution.is_chief:
            named = dataclasses.replace(config, detector=plan.spec.name)  # its spec stands in config.json by itself
            save_config(model_dir, plan.info, dataclasses.asdict(named))
        return _train_from(step, config, plan, trained, mlperf, distribution)


def _build(config: TrainConfig, plan: Plan, model_dir: pathlib.Path, distribution: Distribution) -> _Trained:
    model = build_model(plan.spec, len(plan.info.categories))
    freeze_stages(model, plan.spec, config.freeze_backbone_stages)
    if config.distribution.sync_bn:
        synchronize_batch_norm(model)
    average = build_model(plan.spec, len(plan.info.categories)) if config.ema_decay else None
    optimizer = make_optimizer(config.optimizer, model)
    checkpoints = Checkpoints(
        model_dir,
        model,
        optimizer,
        average,
        config.checkpoints.keep_checkpoints,
        made_with(config, plan),
        keeps=distribution.is_chief,
    )
    return _Trained(model, average, optimizer, checkpoints)


def _initialize(trained: _Trained, config: TrainConfig, info: ModelInfo) -> None:
    init_from, backbone = start_weights(config, info.spec)
    if init_from:
        load_initial_weights(trained.model, info, init_from)
    elif backbone:
        load_backbone(trained.model, backbone)
    if trained.average is not None:
        trained.average.set_weights(trained.model.get_weights())


def _train_from(
    start: int, config: TrainConfig, plan: Plan, trained: _Trained, mlperf: MlperfLog, distribution: Distribution
) -> Outcome:
    """The loop: for each step, train, check, log, evaluate, save, stop.

    What a step returns is checked while the device computes the next one, and at once before anything is made of it
    that stays: the end of an epoch, an evaluation, a checkpoint, the end of the run.
    """
    checkpoints, target, patience = trained.checkpoints, config.evaluation.target_map, config.evaluation.patience
    train_step = _make_step(config, plan, trained, distribution)
    predictor = Predictor(plan.spec, plan.info.categories, trained.average or trained.model)
    profile_dir = pathlib.Path(config.model_dir) / TENSORBOARD if distribution.is_chief else None
    mlperf.run_start(plan.eval_epochs)
    step, metrics = start, {}
    aps = evaluated_aps(pathlib.Path(config.model_dir), start)
    reached = (bool(target) and checkpoints.best_ap >= target) or _stands_still(aps, patience)
    with (
        RunLog(config, plan, distribution, mlperf, start) as log,
        StepProfiler(profile_dir, parse_steps(config.profile_steps)) as profiler,
        StepChecks(config, plan, distribution) as checks,
        contextlib.closing(train_batches(start, config, plan, distribution)) as batches,
        stop_signals() as signals,
    ):
        stopping = False
        while step < plan.total_steps and not (stopping or reached):
            step += 1
            epoch = math.ceil(step / plan.epoch_steps)
            if ends_epoch(plan, step - 1):
                log.epoch_starts(epoch)

            rate = learning_rate(plan.schedule, step - 1)
            with profiler.step(step):
                with log.waiting_for_input():
                    batch = next(batches)
                numbers = train_step(batch, tf.constant(rate, tf.float32), tf.constant(len(signals), tf.float32))
            checks.add(step, rate, batch, numbers)
            log.dispatched(step, batch)

            # Several workers must stop after the same step, so a step carries the request of one to the others. They
            # see it a step late, as all else that a step returns, but all of them after the same one.
            stopping = bool(signals) and distribution.workers == 1
            something_stays = ends_epoch(plan, step) or evaluates(plan, step) or saves(config, plan, step)
            for done in checks.finished(all_of_them=something_stays or stopping):
                stopping = stopping or done.stop
                if logs(config, plan, done.step) or (stopping and done.step == step):
                    log.trained(done)
            if ends_epoch(plan, step):
                log.epoch_ends(epoch)

            if evaluates(plan, step):
                with log.evaluation(epoch):
                    evaluation = _evaluate(predictor, config, plan, distribution)
                    metrics = evaluation.metrics.summary
                    log.evaluated(step, epoch, evaluation)
                    if checkpoints.save_if_best(step, metrics["AP"]):
                        logging.info("best so far: AP %s at step %d", value_text(metrics["AP"]), step)
                reached = bool(target) and metrics["AP"] >= target
                if reached:
                    log.target_reached(epoch, metrics["AP"])
                aps.append(metrics["AP"])
                if not reached and _stands_still(aps, patience):
                    log.stands_still(patience)
                    reached = True

            if saves(config, plan, step) or stopping or reached:
                with log.paused():
                    checkpoints.save(step)
    if checks.bad_examples.records:
        logging.warning("%s", checks.bad_examples.summary())
    metrics = metrics or last_evaluation(pathlib.Path(config.model_dir))  # of a run that had ended before
    interrupted = step < plan.total_steps and not reached
    return Outcome(step=step, trained=step > start, interrupted=interrupted, metrics=metrics)


def _stands_still(aps: list[float], patience: int) -> bool:
    return bool(patience) and since_best(aps) >= patience


def _make_step(
    config: TrainConfig, plan: Plan, trained: _Trained, distribution: Distribution
) -> Callable[..., tf.Tensor]:
    on_gpus, sync_bn = distribution.accelerator is not None, config.distribution.sync_bn
    jit_compile = choose_jit_compile(config.jit_compile, on_gpus, sync_bn)
    if jit_compile:
        logging.info("XLA compiles forward and backward: the first step takes one to two minutes longer")
    return make_train_step(
        plan.spec,
        trained.model,
        trained.optimizer,
        augment=config.augment,
        batch_size=config.batch_size,
        loss=config.loss,
        clip_gradient_norm=config.optimizer.clip_gradient_norm,
        batch_splits=config.batch_splits,
        average=trained.average,
        ema_decay=config.ema_decay,
        keep_background_images=config.keep_background_images,
        jit_compile=jit_compile,
    )


def _evaluate(predictor: Predictor, config: TrainConfig, plan: Plan, distribution: Distribution) -> Evaluation:
    return evaluate_split(
        predictor,
        config.data_dir,
        plan.val_manifest,
        plan.spec,
        config.evaluation.eval_batch_size or config.batch_size,
        skip_bad_records=config.skip_bad_records,
        distribution=distribution,
    )
