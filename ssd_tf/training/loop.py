# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A training run from beginning to end: data, model, optimizer; for each step; evaluate, save, stop."""

import contextlib
import dataclasses
import math
import pathlib
import signal
import time
from typing import Any

import keras
import tensorflow as tf
import tqdm
from absl import logging

from ssd_tf.data.manifest import Manifest, load_manifest
from ssd_tf.data.pipeline import AugmentConfig, steps_per_epoch, train_dataset
from ssd_tf.detectors import detector
from ssd_tf.evaluation.coco import per_class_table, summary_table
from ssd_tf.evaluation.evaluator import evaluate_split
from ssd_tf.model_dir import CONFIG, Checkpoints, ModelInfo, load_info, require_same_model, save_config
from ssd_tf.models.detector import build_model
from ssd_tf.predictor import Predictor
from ssd_tf.training.monitor import Monitor
from ssd_tf.training.optimizer import SGD
from ssd_tf.training.precision import choose_precision
from ssd_tf.training.schedule import Schedule, learning_rate
from ssd_tf.training.step import make_train_step
from ssd_tf.weights.load import load_backbone, load_initial_weights


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


class Outcome(dataclasses.make_dataclass("Outcome", [("step", int), ("interrupted", bool), ("metrics", dict)])):
    """How a run ended: steps done, whether a signal stopped it, and the numbers of the last evaluation."""


def train(config: TrainConfig) -> Outcome:
    """Trains, or goes on where the run in config.model_dir stopped.

    Raises:
      ValueError, FileNotFoundError, OSError: the settings, the data or the folder do not allow it; before any training.
      ArithmeticError: the loss is no longer a finite number.
    """
    check_config(config)
    spec = detector(config.detector)
    train_manifest = load_manifest(config.data_dir, config.train_split)
    val_manifest = load_manifest(config.data_dir, config.val_split)
    epoch_steps = steps_per_epoch(train_manifest, config.batch_size)
    total_steps = config.steps or config.epochs * epoch_steps
    schedule = make_schedule(config, epoch_steps)
    info = ModelInfo(spec.name, train_manifest.categories)
    require_same_model(pathlib.Path(val_manifest.split + ".json"), ModelInfo(spec.name, val_manifest.categories), info)
    model_dir = open_model_dir(config, info)

    policy, reason = choose_precision(config.precision)
    logging.info("precision: %s (%s)", policy, reason)
    keras.mixed_precision.set_global_policy(policy)
    keras.utils.set_random_seed(config.seed)
    model = build_model(spec, len(info.categories))
    optimizer = SGD(momentum=config.momentum, weight_decay=config.weight_decay)
    train_step = make_train_step(spec, model, optimizer, config.augment)
    checkpoints = Checkpoints(model_dir, model, optimizer)
    step = checkpoints.restore()
    if step:
        logging.info("resuming at step %d of %d", step, total_steps)
    elif config.init_from:
        load_initial_weights(model, info, config.init_from)
    elif config.backbone_weights:
        load_backbone(model, config.backbone_weights)
    predictor = Predictor(spec, info.categories, model)

    batches = iter(
        train_dataset(
            config.data_dir,
            train_manifest,
            spec.image_size,
            config.batch_size,
            config.seed,
            config.augment,
            start_step=step,
        )
    )
    metrics: dict[str, Any] = {}
    with Monitor(model_dir, step) as monitor, stop_signals() as stopped, _progress(step, total_steps) as progress:
        monitor.text("settings", _as_markdown(config))
        clock, clock_step = time.perf_counter(), step
        while step < total_steps and not stopped:
            rate = learning_rate(schedule, step)
            result = train_step(next(batches), tf.constant(rate, tf.float32))
            step += 1
            progress.update()

            if step % config.log_every_steps == 0 or step == total_steps:
                values = {name: float(value) for name, value in result._asdict().items()}
                if not math.isfinite(values["loss"]):
                    raise ArithmeticError(
                        f"the loss is {values['loss']} at step {step}: the learning rate ({rate:g}) may be too high; "
                        f"the last good checkpoint is in {model_dir}"
                    )
                speed = (step - clock_step) * config.batch_size / (time.perf_counter() - clock)
                clock, clock_step = time.perf_counter(), step
                epoch = step / epoch_steps
                monitor.report("train", step, {"epoch": epoch, **values, "lr": rate, "images_per_s": speed})
                progress.set_postfix(epoch=f"{epoch:.2f}", loss=f"{values['loss']:.3f}", img_s=f"{speed:.1f}")

            epoch, inside_epoch = divmod(step, epoch_steps)
            last = step == total_steps
            if last or (inside_epoch == 0 and _due(epoch, config.eval_every_epochs)):
                paused = time.perf_counter()
                metrics = _evaluate(predictor, config, val_manifest)
                monitor.report("val", step, {"epoch": step / epoch_steps, **metrics})
                if checkpoints.save_if_best(step, metrics["AP"]):
                    logging.info("best so far: AP %.4f at step %d", metrics["AP"], step)
                clock += time.perf_counter() - paused
                if config.target_map and metrics["AP"] >= config.target_map:
                    logging.info("target reached: AP %.4f >= %g at epoch %d", metrics["AP"], config.target_map, epoch)
                    total_steps = step
            if step == total_steps or (inside_epoch == 0 and _due(epoch, config.checkpoint_every_epochs)):
                checkpoints.save(step)
        if stopped:
            checkpoints.save(step)
    return Outcome(step=step, interrupted=bool(stopped), metrics=metrics)


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


def open_model_dir(config: TrainConfig, info: ModelInfo) -> pathlib.Path:
    """Makes the folder, or checks that the run in it is of the same model; writes config.json."""
    model_dir = pathlib.Path(config.model_dir)
    if model_dir.exists() and not model_dir.is_dir():
        raise NotADirectoryError(f"--model_dir: expected a folder. Received a file: {model_dir}")
    model_dir.mkdir(parents=True, exist_ok=True)
    if (model_dir / CONFIG).is_file():
        require_same_model(model_dir, load_info(model_dir), info)
    save_config(model_dir, info, dataclasses.asdict(config))
    return model_dir


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
