# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""One training step: images and boxes -> device-side augmentation -> targets -> loss -> gradients -> update."""

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
from ssd_tf.models.losses import REFERENCE_LOSS, LossConfig, LossParts, multibox_loss_parts
from ssd_tf.training.ema import average_decay, update_average


class StepResult(NamedTuple):
    """Means over the batch, before the update: the loss and its two terms, positive anchors of an image; and the norm
    of all gradients together, before clipping."""

    loss: tf.Tensor
    localization: tf.Tensor
    classification: tf.Tensor
    positives: tf.Tensor
    gradient_norm: tf.Tensor


def make_train_step(
    spec: DetectorSpec,
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    augment: AugmentConfig,
    loss: LossConfig = REFERENCE_LOSS,
    clip_gradient_norm: float = 0.0,
    batch_splits: int = 1,
    average: keras.Model | None = None,
    ema_decay: float = 0.0,
) -> Callable[[TrainBatch, tf.Tensor], StepResult]:
    """A compiled function (batch, learning rate) -> StepResult that updates model and optimizer.

    Args:
      clip_gradient_norm: see `apply_gradients`.
      batch_splits: N; the batch goes through the model in N equal parts, one after the other, and the update is that of
        the whole batch. Batch norm sees a part at a time. As --batch-splits of MLPerf ssd-v1 train.py.
      average, ema_decay: the model that keeps the moving average of the weights, and its decay.
    """
    optimizer.build(model.trainable_variables)

    def part_gradients(batch: TrainBatch):
        images, boxes = augment_on_device(batch, augment.color_jitter)
        offsets, labels = match(spec, boxes, batch.classes)
        return gradients_of(model, images, offsets, labels, loss)

    @tf.function
    def train_step(batch: TrainBatch, learning_rate: tf.Tensor) -> StepResult:
        if batch_splits == 1:
            gradients, parts = part_gradients(batch)
        else:
            gradients, parts = _mean_over_splits(part_gradients, model, batch, batch_splits)
        result = apply_gradients(model, optimizer, gradients, parts, learning_rate, clip_gradient_norm)
        if average is not None:
            update_average(average, model, average_decay(ema_decay, optimizer.iterations))
        return result

    return train_step


def gradients_of(model, images, offsets, labels, loss: LossConfig = REFERENCE_LOSS):
    """Forward and backward on normalised images [B, S, S, 3] and the targets of `match`.

    Returns:
      The gradients of the mean loss, in the order of model.trainable_variables, and the means over the batch of the two
      terms of the loss and of the number of positive anchors.
    """
    with tf.GradientTape() as tape:
        outputs = model(images, training=True)
        parts = multibox_loss_parts(labels, offsets, outputs["logits"], outputs["offsets"], loss)
        mean_loss = tf.reduce_mean(parts.localization + parts.classification)
    gradients = tape.gradient(mean_loss, model.trainable_variables)
    return gradients, LossParts(*(tf.reduce_mean(tf.cast(part, tf.float32)) for part in parts))


def apply_gradients(model, optimizer, gradients, parts, learning_rate, clip_gradient_norm: float = 0.0) -> StepResult:
    """One update. Where the norm of all gradients exceeds a clip_gradient_norm above 0, they are scaled down to it."""
    norm = tf.linalg.global_norm(gradients)
    if clip_gradient_norm:
        gradients, _ = tf.clip_by_global_norm(gradients, clip_gradient_norm, use_norm=norm)
    optimizer.learning_rate.assign(learning_rate)
    optimizer.apply(gradients, model.trainable_variables)
    return StepResult(parts.localization + parts.classification, *parts, gradient_norm=norm)


def _mean_over_splits(part_gradients, model, batch: TrainBatch, splits: int):
    """Means of the gradients and of the parts of the loss, in a loop: memory holds one part's activations at a time."""
    batch = tf.nest.map_structure(lambda x: tf.reshape(x, [splits, x.shape[0] // splits, *x.shape[1:]]), batch)
    gradients = [tf.zeros(variable.shape, variable.dtype) for variable in model.trainable_variables]
    parts = LossParts(*[tf.constant(0.0)] * len(LossParts._fields))

    def add_part(index, gradients, parts):
        more = part_gradients(tf.nest.map_structure(lambda x: x[index], batch))
        return index + 1, *tf.nest.map_structure(lambda total, x: total + x / splits, (gradients, parts), more)

    _, gradients, parts = tf.while_loop(
        lambda index, *_: index < splits, add_part, (tf.constant(0), gradients, parts), parallel_iterations=1
    )
    return gradients, parts


@tf.function(jit_compile=True)
def augment_on_device(batch: TrainBatch, color: bool) -> tuple[tf.Tensor, tf.Tensor]:
    """Normalised images float32 [B, S, S, 3] and boxes [B, G, 4], flipped and, with `color`, jittered as drawn."""
    images = jitter(batch.images, batch.jitter) if color else tf.cast(batch.images, tf.float32)
    images = tf.where(batch.flip[:, None, None, None], tf.reverse(images, axis=[2]), images)
    real = (batch.classes > 0)[..., None]
    boxes = tf.where(batch.flip[:, None, None] & real, box_ops.flip_left_right(batch.boxes), batch.boxes)
    return normalize(images), boxes
