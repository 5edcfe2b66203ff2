# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""One training step: images and boxes -> device-side augmentation -> targets -> loss -> update."""

from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf

from ssd_tf.data.colors import jitter
from ssd_tf.data.pipeline import AugmentConfig, TrainBatch
from ssd_tf.detectors import DetectorSpec
from ssd_tf.geometry import boxes as box_ops
from ssd_tf.geometry.matching import match
from ssd_tf.models.detector import normalize
from ssd_tf.models.losses import multibox_loss_parts


class StepResult(NamedTuple):
    """Means over the batch, before the update: the loss and its two terms, and positive anchors of an image."""

    loss: tf.Tensor
    localization: tf.Tensor
    classification: tf.Tensor
    positives: tf.Tensor


def make_train_step(
    spec: DetectorSpec, model: keras.Model, optimizer: keras.optimizers.Optimizer, augment: AugmentConfig
) -> Callable[[TrainBatch, tf.Tensor], StepResult]:
    """A compiled function (batch, learning rate) -> StepResult that updates model and optimizer."""
    optimizer.build(model.trainable_variables)

    @tf.function
    def train_step(batch: TrainBatch, learning_rate: tf.Tensor) -> StepResult:
        images, boxes = augment_on_device(batch, augment.color)
        offsets, labels = match(spec, boxes, batch.classes)
        return update(model, optimizer, images, offsets, labels, learning_rate)

    return train_step


def update(model, optimizer, images, offsets, labels, learning_rate) -> StepResult:
    """Forward, loss, backward and update on normalised images [B, S, S, 3] and the targets of `match`."""
    with tf.GradientTape() as tape:
        outputs = model(images, training=True)
        parts = multibox_loss_parts(labels, offsets, outputs["logits"], outputs["offsets"])
        loss = tf.reduce_mean(parts.localization + parts.classification)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.learning_rate.assign(learning_rate)
    optimizer.apply(gradients, model.trainable_variables)
    return StepResult(
        loss=loss,
        localization=tf.reduce_mean(parts.localization),
        classification=tf.reduce_mean(parts.classification),
        positives=tf.reduce_mean(tf.cast(parts.positives, tf.float32)),
    )


@tf.function(jit_compile=True)
def augment_on_device(batch: TrainBatch, color: bool) -> tuple[tf.Tensor, tf.Tensor]:
    """Normalised images float32 [B, S, S, 3] and boxes [B, G, 4], flipped and, with `color`, jittered as drawn."""
    images = jitter(batch.images, batch.jitter) if color else tf.cast(batch.images, tf.float32)
    images = tf.where(batch.flip[:, None, None, None], tf.reverse(images, axis=[2]), images)
    real = (batch.classes > 0)[..., None]
    boxes = tf.where(batch.flip[:, None, None] & real, box_ops.flip_left_right(batch.boxes), batch.boxes)
    return normalize(images), boxes
