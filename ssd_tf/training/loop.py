# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A training run from beginning to end: data, model, optimizer; for each step; evaluate, save, stop."""

import dataclasses
import json
import math
import pathlib
from typing import NamedTuple

import keras
import tensorflow as tf
import tqdm
from absl import logging

from ssd_tf.data.bad_examples import BadExamples, image_ids
from ssd_tf.data.input_service import service_dataset
from ssd_tf.data.manifest import Manifest
from ssd_tf.data.pipeline import TrainBatch, train_dataset
from ssd_tf.distributed.strategy import Distribution, make_distribution
from ssd_tf.evaluation.coco_metrics import per_class_table, summary_table
from ssd_tf.evaluation.evaluator import Evaluation, evaluate_split
from ssd_tf.inference.predictor import Predictor
from ssd_tf.models.backbone import freeze_stages
from ssd_tf.models.layers import synchronize_batch_norm
from ssd_tf.models.ssd import build_model, drawing_weights
from ssd_tf.settings import SubmissionConfig, TrainConfig
from ssd_tf.training.checkpoints import Checkpoints
from ssd_tf.training.config import complete, named_settings
from ssd_tf.training.mlperf_log import MlperfLog
from ssd_tf.training.monitoring.evaluation_summaries import report_evaluation
from ssd_tf.training.monitoring.event_log import Monitor
from ssd_tf.training.monitoring.example_grid import example_grid
from ssd_tf.training.monitoring.profiling import Clock, StepProfiler, parse_steps
from ssd_tf.training.optimizer import make_optimizer
from ssd_tf.training.plan import Plan, make_plan, mlperf_hyperparameters
from ssd_tf.training.precision import choose_precision
from ssd_tf.training.resume import decisive, made_with, open_model_dir
from ssd_tf.training.schedule import learning_rate
from ssd_tf.training.step import make_train_step, read_result
from ssd_tf.training.stopping import stop_signals
from ssd_tf.utils.errors import UserError, first_line
from ssd_tf.utils.files import write_atomically
from ssd_tf.utils.hardware import used_megabytes
from ssd_tf.weights.load import load_backbone, load_initial_weights
from ssd_tf.weights.model_dir import TENSORBOARD, ModelInfo, list_checkpoints, save_config

# What a run leaves in its folder when its loss is not finite.
FAILED_STEP = "failed_step.json"


class LossNotFiniteError(UserError, ArithmeticError):
    """The loss or a gradient is NaN or infinite."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended: steps done, whether a signal stopped it early, and the numbers of the last evaluation."""

    step: int
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
    with MlperfLog(config.submission if distribution.is_chief else SubmissionConfig()) as mlperf:
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
    if config.init_from:
        load_initial_weights(trained.model, info, config.init_from)
    elif config.backbone_weights:
        load_backbone(trained.model, config.backbone_weights)
    if trained.average is not None:
        trained.average.set_weights(trained.model.get_weights())


def _train_from(
    step: int, config: TrainConfig, plan: Plan, trained: _Trained, mlperf: MlperfLog, distribution: Distribution
) -> Outcome:
    """The loop: for each step, train, check, report, evaluate, save, stop."""
    checkpoints, epoch_steps, total_steps = trained.checkpoints, plan.epoch_steps, plan.total_steps
    if config.evaluation.target_map and checkpoints.best_ap >= config.evaluation.target_map:
        total_steps = step
    train_step = make_train_step(
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
    )
    predictor = Predictor(plan.spec, plan.info.categories, trained.average or trained.model)
    model_dir = pathlib.Path(config.model_dir)
    mlperf.run_start(plan.eval_epochs)
    batches = iter(_batches(step, config, plan, distribution))
    bad_examples = BadExamples(config.data_dir, plan.train_manifest, config.skip_bad_records)
    metrics: dict[str, float] = {}
    chief = distribution.is_chief
    with (
        Monitor(model_dir if chief else None, step) as monitor,
        StepProfiler(model_dir / TENSORBOARD if chief else None, parse_steps(config.profile_steps)) as profiler,
        stop_signals() as stopped,
        _progress(step, plan, distribution) as progress,
    ):
        settings = named_settings(config)
        monitor.settings(step, settings, decisive(settings))
        clock = Clock(step)
        # Several workers must stop after the same step: a step carries the wish of one to the others.
        stopping = bool(stopped) and distribution.workers == 1
        while step < total_steps and not stopping:
            if step % epoch_steps == 0:
                mlperf.epoch_start(step // epoch_steps + 1)
            rate = learning_rate(plan.schedule, step)
            with profiler.step(step + 1):
                with clock.waiting():
                    batch = _next_batch(batches, config.distribution.input_service)
                result = train_step(batch, tf.constant(rate, tf.float32), tf.constant(len(stopped), tf.float32))
                values = read_result(result)._asdict()
            if step == 0 and chief:
                with clock.paused():
                    _show_examples(monitor, batch, config, plan, distribution)
            step += 1
            progress.update()

            stopping = values.pop("stop") > 0  # in any of the workers, so that all stop after the same step
            if values.pop("bad_images") + values.pop("bad_records") > 0:
                bad_examples.add(distribution.gather(batch.record), distribution.gather(batch.fault))
            values.update(lr=rate, epoch=step / epoch_steps)
            _require_finite(values, step, batch, config, plan, distribution)
            epoch, inside_epoch = divmod(step, epoch_steps)
            last = step == total_steps
            evaluates = last or (inside_epoch == 0 and epoch in plan.eval_epochs)
            saves = last or _saves(config, step, epoch, inside_epoch)
            if last or stopping or step % config.log_every_steps == 0:
                steps_per_second, values["input_wait"] = clock.speed(step)
                values.update(images_per_s=steps_per_second * config.batch_size, **used_megabytes())
                monitor.report("train", step, values)
                _show(progress, values)
            if inside_epoch == 0:
                mlperf.epoch_stop(epoch)
            if evaluates:
                mlperf.eval_start(epoch)
                with clock.paused():
                    evaluation = _evaluate(predictor, config, plan.val_manifest, distribution)
                    metrics = evaluation.metrics.summary
                    mlperf.eval_stop(epoch, metrics["AP"])
                    monitor.report("val", step, {"epoch": step / epoch_steps, **metrics})
                    if chief:
                        report_evaluation(monitor, step, evaluation, config.data_dir, plan.val_manifest)
                    if checkpoints.save_if_best(step, metrics["AP"]):
                        logging.info("best so far: AP %.4f at step %d", metrics["AP"], step)
                if config.evaluation.target_map and metrics["AP"] >= config.evaluation.target_map:
                    logging.info(
                        "target reached: AP %.4f >= %g at epoch %d", metrics["AP"], config.evaluation.target_map, epoch
                    )
                    mlperf.run_stop(reached=True)
                    total_steps, saves = step, True
            if saves or stopping:
                with clock.paused():
                    checkpoints.save(step)
    if bad_examples.records:
        logging.warning("%s", bad_examples.summary())
    return Outcome(step=step, interrupted=step < total_steps, metrics=metrics)


def _batches(step: int, config: TrainConfig, plan: Plan, distribution: Distribution):
    """The TrainBatches of this process, from a step on."""
    batch_shard, service = distribution.batch_shard(config.batch_size), config.distribution.input_service

    def make(index: int, count: int) -> tf.data.Dataset:
        return train_dataset(
            config.data_dir,
            plan.train_manifest,
            plan.spec.image_size,
            config.batch_size,
            config.seed,
            config.augment,
            start_step=step,
            batch_shard=batch_shard,
            service_worker=(index, count),
            antialias=plan.spec.preprocessing.antialias,
        )

    return distribution.distribute(service_dataset(make, service, len(batch_shard.sizes)) if service else make(0, 1))


def _next_batch(batches, service: str) -> TrainBatch:
    """The next batch; raises OSError where a tf.data service has none, since another machine's end is no bug."""
    try:
        return next(batches)
    except tf.errors.OpError as error:
        if not service:
            raise
        raise OSError(f"the tf.data service at {service} failed: {first_line(error)}") from error


def _saves(config: TrainConfig, step: int, epoch: int, inside_epoch: int) -> bool:
    epochs, steps = config.checkpoints.checkpoint_every_epochs, config.checkpoints.checkpoint_every_steps
    return (inside_epoch == 0 and epochs > 0 and epoch % epochs == 0) or (steps > 0 and step % steps == 0)


def _require_finite(
    values: dict[str, float], step: int, batch: TrainBatch, config: TrainConfig, plan: Plan, distribution: Distribution
) -> None:
    """Where loss or gradients are not finite, writes which images they are of, and raises LossNotFiniteError.

    It comes before anything is reported or saved, so that every checkpoint is one of finite numbers.
    """
    if math.isfinite(values["loss"]) and math.isfinite(values["gradient_norm"]):
        return
    numbers = distribution.gather(batch.record).tolist()
    model_dir = pathlib.Path(config.model_dir)
    good = (list_checkpoints(model_dir) or ["none yet"])[-1]
    if distribution.is_chief:
        report = {
            "step": step,
            **{name: value if math.isfinite(value) else str(value) for name, value in values.items()},
            "image_ids": image_ids(config.data_dir, plan.train_manifest, numbers),
            "last_good_checkpoint": good,
        }
        write_atomically(model_dir / FAILED_STEP, json.dumps(report, indent=1) + "\n")
    distribution.barrier()  # the others end when that is written
    raise LossNotFiniteError(
        f"the loss is {values['loss']} and the norm of the gradients {values['gradient_norm']} at step {step}: the "
        f"learning rate ({values['lr']:g}) may be too high. The last good checkpoint: {good}. The images of the batch: "
        f"{model_dir / FAILED_STEP}"
    )


def _evaluate(predictor: Predictor, config: TrainConfig, manifest: Manifest, distribution: Distribution) -> Evaluation:
    evaluation = evaluate_split(
        predictor,
        config.data_dir,
        manifest,
        predictor.spec.image_size,
        config.evaluation.eval_batch_size or config.batch_size,
        skip_bad_records=config.skip_bad_records,
        distribution=distribution,
        antialias=predictor.spec.preprocessing.antialias,
    )
    if distribution.is_chief:
        metrics = evaluation.metrics
        logging.info("evaluation on %s:\n%s\n%s", manifest.split, summary_table(metrics), per_class_table(metrics, 20))
    return evaluation


def _show_examples(
    monitor: Monitor, batch: TrainBatch, config: TrainConfig, plan: Plan, distribution: Distribution
) -> None:
    names = {k: category.name for k, category in enumerate(plan.info.categories, start=1)}
    part = distribution.first_part(batch)
    monitor.image("train/examples", 0, example_grid(plan.spec, part, config.augment.color_jitter, names))


def _progress(step: int, plan: Plan, distribution: Distribution) -> tqdm.tqdm:
    return tqdm.tqdm(
        initial=step,
        total=plan.total_steps,
        unit="step",
        desc="train",
        dynamic_ncols=True,
        disable=not distribution.is_chief,
    )


def _show(progress: tqdm.tqdm, values: dict[str, float]) -> None:
    progress.set_postfix(
        epoch=f"{values['epoch']:.2f}", loss=f"{values['loss']:.3f}", img_s=f"{values['images_per_s']:.1f}"
    )
