# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""One training step: images and boxes -> device-side augmentation -> targets -> loss -> gradients -> update."""

from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf

from ssd_tf.data.augmentation import Rule, augmentation_of, change_colors
from ssd_tf.data.bad_examples import BAD_IMAGE, BAD_RECORD, NO_FAULT
from ssd_tf.data.examples import TrainBatch
from ssd_tf.geometry import box_ops
from ssd_tf.geometry.matching import match
from ssd_tf.models.losses import MLPERF_LOSS, REFERENCE_LOSS, LossParts, batch_divisor, multibox_loss_parts
from ssd_tf.models.preprocessing import preprocess
from ssd_tf.settings import AugmentConfig, LossConfig
from ssd_tf.specs import DetectorSpec, Loss
from ssd_tf.training.ema import average_decay, update_average_of_statistics, update_average_of_weights
from ssd_tf.training.optimizer import decays


class StepResult(NamedTuple):
    """What a step says of the whole batch, over all replicas; it travels as one tensor, in this order.

    Attributes:
      loss, localization, classification: means over the images, before the update: the loss and its two terms.
      positives: mean number of positive anchors of an image.
      gradient_norm: of all gradients together, before clipping.
      bad_images, bad_records: examples that could not be read and took no part; see data/bad_examples.py.
      stop: above 0 where a replica was asked to stop after this step.
    """

    loss: float
    localization: float
    classification: float
    positives: float
    gradient_norm: float
    bad_images: float
    bad_records: float
    stop: float


def read_result(numbers: tf.Tensor) -> StepResult:
    """The result of a step, which has to wait for the step to end: one copy from the device, not one a number.

    Args:
      numbers: float32 [8], as the step returns it.
    """
    return StepResult(*numbers.numpy().tolist())


def make_train_step(
    spec: DetectorSpec,
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    augment: AugmentConfig,
    batch_size: int,
    loss: LossConfig = REFERENCE_LOSS,
    clip_gradient_norm: float = 0.0,
    batch_splits: int = 1,
    average: keras.Model | None = None,
    ema_decay: float = 0.0,
    keep_background_images: bool = False,
    jit_compile: bool = False,
) -> Callable[..., tf.Tensor]:
    """A compiled function (batch, learning rate, stop) -> the numbers that `read_result` reads; it updates the model.

    It runs in every replica of the strategy in whose scope it is made; the gradients are summed over them.

    Args:
      batch_size: B of the whole batch, over all replicas: the loss is the mean over it.
      clip_gradient_norm: see `clip_gradients`.
      batch_splits: N; a replica's batch goes through the model in N equal parts, one after the other, and the update is
        that of the whole batch. Batch norm sees a part at a time. As --batch-splits of MLPerf ssd-v1 train.py.
      average, ema_decay: the model that keeps the moving average of the weights, and its decay.
      keep_background_images: images without objects count, see `multibox_loss_parts`; those that are faulty never do.
      jit_compile: forward and backward as one program of XLA's, see `precision.choose_jit_compile`.
    """
    strategy = tf.distribute.get_strategy()
    optimizer.build(model.trainable_variables)

    def forward_backward(images, offsets, labels, background_b):
        return gradients_of(model, images, offsets, labels, batch_size, loss, spec.loss, background_b)

    if jit_compile:
        forward_backward = tf.function(forward_backward, autograph=False, jit_compile=True)

    def part_gradients(batch: TrainBatch):
        images, boxes = augment_on_device(batch, augmentation_of(augment).colors, spec)
        offsets, labels = match(spec, boxes, batch.classes)
        background_b = None
        if keep_background_images:
            background_b = (batch.fault == NO_FAULT) & ~tf.reduce_any(batch.classes > 0, axis=1)
        return forward_backward(images, offsets, labels, background_b)

    def of_replica(batch: TrainBatch, stop: tf.Tensor, decay: tf.Tensor):
        if batch_splits == 1:
            gradients, parts = part_gradients(batch)
        else:
            gradients, parts = _sum_over_splits(part_gradients, model, batch, batch_splits)
        if average is not None:
            update_average_of_statistics(average, model, decay)
        # In one tensor: a strategy does not sum what lies on different devices, and counts may lie on the host.
        numbers = tf.stack([*parts, _count(batch.fault == BAD_IMAGE), _count(batch.fault == BAD_RECORD), stop])
        replicas = tf.distribute.get_replica_context()
        gradients, numbers = replicas.all_reduce(tf.distribute.ReduceOp.SUM, (gradients, numbers))
        # The same in all replicas from here on.
        localization, classification, positives, bad_images, bad_records, stops = tf.unstack(numbers)
        if spec.loss.normalized_by == "batch":
            divisor = batch_divisor(positives, batch_size)
            gradients = [gradient / tf.cast(divisor, gradient.dtype) for gradient in gradients]
            localization, classification = localization / divisor, classification / divisor
        gradients, norm = clip_gradients(gradients, clip_gradient_norm)
        loss = localization + classification
        # The fields of StepResult.
        return gradients, tf.stack(
            [loss, localization, classification, positives, norm, bad_images, bad_records, stops]
        )

    @tf.function(autograph=False)
    def train_step(batch: TrainBatch, learning_rate: tf.Tensor, stop: tf.Tensor | float = 0.0) -> tf.Tensor:
        # Traced outside of the scope: only the place of the call says which strategy a function is of.
        with strategy.scope():
            decay = average_decay(ema_decay, optimizer.iterations + 1)
            gradients, numbers = strategy.run(of_replica, args=(batch, stop, decay))
            apply_gradients(model, optimizer, gradients, learning_rate)
            if average is not None:
                update_average_of_weights(average, model, decay)
            return strategy.experimental_local_results(numbers)[0]

    return train_step


def gradients_of(
    model,
    images,
    offsets,
    labels,
    batch_size: int,
    loss: LossConfig = REFERENCE_LOSS,
    spec_loss: Loss = MLPERF_LOSS,
    background_b: tf.Tensor | None = None,
):
    """Forward and backward on preprocessed images [B, S, S, 3] and the targets of `match`: a part of a batch.

    Returns:
      The gradients, in the order of model.trainable_variables, and the two terms of the loss and the number of positive
      anchors. All are sums over the images, divided by the batch_size of the whole batch: the parts add up to its mean.
      Where the loss is normalised by the batch, gradients and terms are still to be divided by its `batch_divisor`.
    """
    with tf.GradientTape() as tape:
        outputs = model(images, training=True)
        parts = multibox_loss_parts(
            labels,
            offsets,
            outputs["logits"],
            outputs["offsets"],
            loss,
            spec_loss,
            part_of_batch=True,
            background_b=background_b,
        )
        total = tf.reduce_sum(parts.localization + parts.classification) / batch_size
    gradients = tape.gradient(total, model.trainable_variables)
    return gradients, LossParts(*(tf.reduce_sum(tf.cast(part, tf.float32)) / batch_size for part in parts))


def clip_gradients(gradients: list[tf.Tensor], limit: float) -> tuple[list[tf.Tensor], tf.Tensor]:
    """The gradients, scaled down where the norm of all of them exceeds a limit above 0; and that norm before it."""
    norm = tf.linalg.global_norm(gradients)
    if limit:
        gradients, _ = tf.clip_by_global_norm(gradients, limit, use_norm=norm)
    return gradients, norm


def apply_gradients(model: keras.Model, optimizer: keras.optimizers.Optimizer, gradients, learning_rate) -> None:
    """One update, outside of the replicas, with gradients that are the same in each of them.

    `optimizer.apply` would sum them over the replicas once more, and cannot be called here under a MirroredStrategy.
    The update of one variable is the optimizer's in any case.
    """
    strategy = tf.distribute.get_strategy()
    optimizer.learning_rate.assign(learning_rate)

    def update(variable, gradient, decay):
        if decay:  # AdamW's, apart from the gradient
            variable.assign_sub(variable * decay * learning_rate)
        optimizer.update_step(gradient, variable, learning_rate)

    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        decay = optimizer.weight_decay if decays(optimizer, variable) else None
        strategy.extended.update(variable.value, update, args=(gradient, decay), group=False)
    optimizer.iterations.assign_add(1)


def _count(which: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(which, tf.float32))


def _sum_over_splits(part_gradients, model, batch: TrainBatch, splits: int):
    """Sums of the gradients and of the parts of the loss, in a loop: memory holds one part's activations at a time."""
    batch = tf.nest.map_structure(lambda x: tf.reshape(x, [splits, x.shape[0] // splits, *x.shape[1:]]), batch)
    gradients = [tf.zeros(variable.shape, variable.dtype) for variable in model.trainable_variables]
    parts = LossParts(*[tf.constant(0.0)] * len(LossParts._fields))

    def add_part(index, gradients, parts):
        more = part_gradients(tf.nest.map_structure(lambda x: x[index], batch))
        return index + 1, *tf.nest.map_structure(tf.add, (gradients, parts), more)

    _, gradients, parts = tf.while_loop(
        lambda index, *_: index < splits, add_part, (tf.constant(0), gradients, parts), parallel_iterations=1
    )
    return gradients, parts


def augment_batch(batch: TrainBatch, colors: Rule | None, spec: DetectorSpec) -> tuple[tf.Tensor, tf.Tensor]:
    """Preprocessed images float32 [B, S, S, 3] and boxes [B, G, 4], flipped as drawn, and colours by the rule."""
    images = change_colors(batch.images, batch.jitter, colors)
    images = tf.where(batch.flip[:, None, None, None], tf.reverse(images, axis=[2]), images)
    real = (batch.classes > 0)[..., None]
    boxes = tf.where(batch.flip[:, None, None] & real, box_ops.flip_left_right(batch.boxes), batch.boxes)
    return preprocess(images, spec), boxes


augment_on_device = tf.function(augment_batch, autograph=False, jit_compile=True)
