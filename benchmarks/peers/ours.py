# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Our side of compare.py: the training step as a run takes it, or with targets given; the frozen predictor."""

import os
import pathlib
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from ssd_tf import specs
from ssd_tf.data.color_jitter import random_jitter
from ssd_tf.data.examples import TrainBatch
from ssd_tf.inference.predictor import Predictor
from ssd_tf.models.ssd import build_model
from ssd_tf.settings import AugmentConfig
from ssd_tf.training.optimizer import SGD
from ssd_tf.training.step import apply_gradients, gradients_of, make_train_step, read_result
from ssd_tf.weights.load import load_weights

RATE = 1e-4


def make(targets_given: bool, task: str, precision: str, folder: pathlib.Path) -> Callable[[], str]:
    if task == "train" and not targets_given:
        step, batch, rate = training(precision, folder)
        return lambda: f"loss {read_result(step(batch, rate)).loss:.3f}"
    spec, model, inputs = loaded(precision, folder)
    if task == "predict":
        predictor = Predictor(spec, (), model, frozen=True)
        image = inputs["images"][:1]
        return lambda: f"{int(predictor(image).count[0])} found"
    optimizer, rate = optimizer_and_rate()
    optimizer.build(model.trainable_variables)
    given = [tf.constant(inputs[name]) for name in ("normalized", "offsets", "labels")]
    batch_size = len(inputs["images"])

    @tf.function(autograph=False)
    def update(images, offsets, labels):
        gradients, parts = gradients_of(model, images, offsets, labels, batch_size)
        apply_gradients(model, optimizer, gradients, rate)
        return parts.localization + parts.classification

    return lambda: f"loss {float(update(*given)):.3f}"


def training(precision: str, folder: pathlib.Path):
    """A run's training step, its batch and learning rate."""
    spec, model, inputs = loaded(precision, folder)
    optimizer, rate = optimizer_and_rate()
    return make_train_step(spec, model, optimizer, AugmentConfig(), len(inputs["images"])), batch_of(inputs), rate


def loaded(precision: str, folder: pathlib.Path):
    """The spec, the model with the weights of all sides, and inputs.npz."""
    keras.mixed_precision.set_global_policy("mixed_bfloat16" if precision == "bfloat16" else precision)
    spec = specs.spec("ssd300_resnet34")
    model = build_model(spec, 80)
    load_weights(model, folder / "ssd.safetensors")
    return spec, model, np.load(folder / "inputs.npz")


def optimizer_and_rate() -> tuple[SGD, tf.Tensor]:
    return SGD(momentum=0.9, weight_decay=5e-4), tf.constant(RATE)


def batch_of(inputs) -> TrainBatch:
    batch_size = len(inputs["images"])
    drawn = [random_jitter(tf.constant([0, k])) for k in range(batch_size)]
    return TrainBatch(
        images=tf.constant(inputs["images"]),
        boxes=tf.constant(inputs["boxes"]),
        classes=tf.constant(inputs["classes"]),
        flip=tf.range(batch_size) % 2 == 0,
        jitter=tf.nest.map_structure(lambda *values: tf.stack(values), *drawn),
        record=tf.range(batch_size, dtype=tf.int64),
        fault=tf.zeros([batch_size], tf.int32),
    )
