# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A training run from beginning to end: data, model, optimizer; for each step; evaluate, save, stop."""

import contextlib
import dataclasses
import math
import pathlib
import signal
import time
from typing import Any, NamedTuple

import keras
import tensorflow as tf
import tqdm
from absl import logging

from ssd_tf.data.manifest import Manifest
from ssd_tf.data.pipeline import train_dataset
from ssd_tf.evaluation.coco import per_class_table, summary_table
from ssd_tf.evaluation.evaluator import evaluate_split
from ssd_tf.model_dir import (
    CHECKPOINTS,
    CONFIG,
    Checkpoints,
    ModelInfo,
    load_info,
    load_settings,
    require_same_model,
    save_config,
)
from ssd_tf.models.detector import build_model
from ssd_tf.models.resnet import freeze_stages
from ssd_tf.predictor import Predictor
from ssd_tf.training.config import TrainConfig
from ssd_tf.training.mlperf_log import MlperfLog
from ssd_tf.training.monitor import Monitor
from ssd_tf.training.optimizer import make_optimizer
from ssd_tf.training.plan import Plan, make_plan, mlperf_hyperparameters
from ssd_tf.training.precision import choose_precision
from ssd_tf.training.schedule import learning_rate
from ssd_tf.training.step import StepResult, make_train_step
from ssd_tf.weights.load import load_backbone, load_initial_weights


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
    """Trains, or goes on where the run in config.model_dir stopped.

    Raises:
      ValueError, FileNotFoundError, OSError: the settings, the data or the folder do not allow it; before any training.
      ArithmeticError: the loss is no longer a finite number.
    """
    plan = make_plan(config)
    model_dir = open_model_dir(config, plan.info)
    with MlperfLog(config.submission) as mlperf:
        mlperf.init_start()
        mlperf.hyperparameters(mlperf_hyperparameters(config, plan))
        policy, reason = choose_precision(config.precision)
        logging.info("precision: %s (%s)", policy, reason)
        keras.mixed_precision.set_global_policy(policy)
        keras.utils.set_random_seed(config.seed)
        model = build_model(plan.spec, len(plan.info.categories))
        freeze_stages(model, plan.spec, config.freeze_backbone_stages)
        average = build_model(plan.spec, len(plan.info.categories)) if config.ema_decay else None
        optimizer = make_optimizer(config.optimizer, model)
        checkpoints = Checkpoints(model_dir, model, optimizer, average, config.keep_checkpoints)
        step = checkpoints.restore()
        if step:
            logging.info("resuming at step %d of %d", step, plan.total_steps)
        else:
            _initialize(model, average, config, plan.info)
        mlperf.weights(plan.spec)
        save_config(model_dir, plan.info, dataclasses.asdict(config))
        return _train_from(step, config, plan, _Trained(model, average, optimizer, checkpoints), mlperf)


def _train_from(step: int, config: TrainConfig, plan: Plan, trained: _Trained, mlperf: MlperfLog) -> Outcome:
    """The loop: for each step, train, report, evaluate, save, stop."""
    model, average, optimizer, checkpoints = trained
    spec, epoch_steps, total_steps = plan.spec, plan.epoch_steps, plan.total_steps
    if config.target_map and checkpoints.best_ap >= config.target_map:
        total_steps = step
    train_step = make_train_step(
        spec,
        model,
        optimizer,
        augment=config.augment,
        loss=config.loss,
        clip_gradient_norm=config.optimizer.clip_gradient_norm,
        batch_splits=config.batch_splits,
        average=average,
        ema_decay=config.ema_decay,
    )
    predictor = Predictor(spec, plan.info.categories, average or model)
    model_dir = pathlib.Path(config.model_dir)
    mlperf.run_start(plan.eval_epochs)
    data = (config.data_dir, plan.train_manifest, spec.image_size, config.batch_size, config.seed, config.augment)
    batches = iter(train_dataset(*data, start_step=step))
    metrics: dict[str, float] = {}
    with Monitor(model_dir, step) as monitor, stop_signals() as stopped, _progress(step, total_steps) as progress:
        monitor.text("settings", _as_markdown(config))
        clock = _Clock(step)
        while step < total_steps and not stopped:
            if step % epoch_steps == 0:
                mlperf.epoch_start(step // epoch_steps + 1)
            rate = learning_rate(plan.schedule, step)
            result = train_step(next(batches), tf.constant(rate, tf.float32))
            step += 1
            progress.update()

            epoch, inside_epoch = divmod(step, epoch_steps)
            last = step == total_steps
            logs = last or step % config.log_every_steps == 0
            evaluates = last or (inside_epoch == 0 and epoch in plan.eval_epochs)
            saves = last or (inside_epoch == 0 and _due(epoch, config.checkpoint_every_epochs))
            if logs or evaluates or saves or stopped:
                _require_finite(float(result.loss), step, rate, model_dir)
            if logs:
                speed = clock.steps_per_second(step) * config.batch_size
                _report(result, step, step / epoch_steps, rate, speed, monitor, progress)
            if inside_epoch == 0:
                mlperf.epoch_stop(epoch)
            if evaluates:
                mlperf.eval_start(epoch)
                with clock.paused():
                    metrics = _evaluate(predictor, config, plan.val_manifest)
                mlperf.eval_stop(epoch, metrics["AP"])
                monitor.report("val", step, {"epoch": step / epoch_steps, **metrics})
                if checkpoints.save_if_best(step, metrics["AP"]):
                    logging.info("best so far: AP %.4f at step %d", metrics["AP"], step)
                if config.target_map and metrics["AP"] >= config.target_map:
                    logging.info("target reached: AP %.4f >= %g at epoch %d", metrics["AP"], config.target_map, epoch)
                    mlperf.run_stop(reached=True)
                    total_steps, saves = step, True
            if saves or (stopped and step < total_steps):
                with clock.paused():
                    checkpoints.save(step)
    return Outcome(step=step, interrupted=step < total_steps, metrics=metrics)


def _report(result: StepResult, step: int, epoch: float, rate: float, speed: float, monitor: Monitor, progress) -> None:
    values = {name: float(value) for name, value in result._asdict().items()}
    monitor.report("train", step, {"epoch": epoch, **values, "lr": rate, "images_per_s": speed})
    progress.set_postfix(epoch=f"{epoch:.2f}", loss=f"{values['loss']:.3f}", img_s=f"{speed:.1f}")


def open_model_dir(config: TrainConfig, info: ModelInfo) -> pathlib.Path:
    """Makes the folder, or checks that the run in it is of the same model."""
    model_dir = pathlib.Path(config.model_dir)
    if model_dir.exists() and not model_dir.is_dir():
        raise NotADirectoryError(f"--model_dir: expected a folder. Received a file: {model_dir}")
    model_dir.mkdir(parents=True, exist_ok=True)
    if (model_dir / CONFIG).is_file():
        require_same_model(model_dir, load_info(model_dir), info)
        settings = load_settings(model_dir)
        if settings is None:
            raise ValueError(
                f"{model_dir} holds a finished model, not a run: start from it with --init_from={model_dir}"
            )
        _require_same_variables(model_dir, settings, dataclasses.asdict(config))
    if config.submission.mlperf_log and (model_dir / CHECKPOINTS).is_dir():
        raise ValueError(
            f"--mlperf_log: a run is logged from its first step on, and {model_dir} holds a part of one; go on without "
            "a log, or log a new run in another --model_dir"
        )
    return model_dir


def _require_same_variables(model_dir: pathlib.Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Raises ValueError where a checkpoint of the settings before does not have the variables of those now."""
    if not (model_dir / CHECKPOINTS).is_dir():
        return
    settings = {
        "optimizer": (before.get("optimizer", {}).get("optimizer", "sgd"), now["optimizer"]["optimizer"]),
        "freeze_backbone_stages": (before.get("freeze_backbone_stages", 0), now["freeze_backbone_stages"]),
        "ema_decay": (before.get("ema_decay", 0.0), now["ema_decay"]),
    }
    for name, (old, new) in settings.items():
        # Another decay is fine, as long as there is an average in both.
        if old != new and not (name == "ema_decay" and old and new):
            raise ValueError(f"{model_dir} holds a run with --{name}={old}, which must stay. Received: --{name}={new}")


def _initialize(model: keras.Model, average: keras.Model | None, config: TrainConfig, info: ModelInfo) -> None:
    if config.init_from:
        load_initial_weights(model, info, config.init_from)
    elif config.backbone_weights:
        load_backbone(model, config.backbone_weights)
    if average is not None:
        average.set_weights(model.get_weights())


@contextlib.contextmanager
def stop_signals():
    """Collects SIGINT and SIGTERM in the list it gives, so that the loop can end between two steps."""
    received: list[int] = []
    previous = {}

    def remember(number, _):
        if received:  # the second one does not wait
            raise KeyboardInterrupt
        logging.warning("signal %d: saving a checkpoint, then stopping", number)
        received.append(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        previous[number] = signal.signal(number, remember)
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class _Clock:
    """Speed since the last report, without the pauses in between."""

    def __init__(self, step: int):
        self._step, self._start = step, time.perf_counter()

    def steps_per_second(self, step: int) -> float:
        """Of the steps since the last call."""
        now = time.perf_counter()
        speed = (step - self._step) / (now - self._start)
        self._step, self._start = step, now
        return speed

    @contextlib.contextmanager
    def paused(self):
        """The time inside does not count."""
        start = time.perf_counter()
        yield
        self._start += time.perf_counter() - start


def _require_finite(loss: float, step: int, rate: float, model_dir: pathlib.Path) -> None:
    """Raises ArithmeticError where the loss is no number, before it is reported and a checkpoint written."""
    if not math.isfinite(loss):
        raise ArithmeticError(
            f"the loss is {loss} at step {step}: the learning rate ({rate:g}) may be too high; "
            f"checkpoints of before are in {model_dir}"
        )


def _evaluate(predictor: Predictor, config: TrainConfig, manifest: Manifest) -> dict[str, float]:
    batch_size = config.eval_batch_size or config.batch_size
    metrics, _ = evaluate_split(predictor, config.data_dir, manifest, predictor.spec.image_size, batch_size)
    logging.info("evaluation on %s:\n%s\n%s", manifest.split, summary_table(metrics), per_class_table(metrics, 20))
    return dict(metrics.summary)


def _progress(step: int, total_steps: int) -> tqdm.tqdm:
    return tqdm.tqdm(initial=step, total=total_steps, unit="step", desc="train", dynamic_ncols=True)


def _due(epoch: int, every: int) -> bool:
    return every > 0 and epoch % every == 0


def _as_markdown(config: TrainConfig) -> str:
    rows = [f"| {name} | {value} |" for name, value in dataclasses.asdict(config).items()]
    return "\n".join(["| setting | value |", "| --- | --- |", *rows])
