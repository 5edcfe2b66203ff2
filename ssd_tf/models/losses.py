# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The multibox loss (Liu et al. section 2.2): smooth L1 on positives, cross entropy with hard negative mining.

By default as MLPerf ssd-v1 base_model.py: Loss, with one difference: a positive anchor is never mined as a negative as
well, which happens in the reference only where more than a quarter of all anchors are positive. On request the focal
loss (Lin et al. 2017, arXiv 1708.02002) takes the place of mining, classes have weights, and the terms are divided by
the positives of the batch instead of each image's. Letters: B images, A anchors, C classes.
"""

import dataclasses
import math
from typing import Literal, NamedTuple

import keras
import tensorflow as tf

from ssd_tf.settings import LossConfig
from ssd_tf.specs import Loss
from ssd_tf.utils.errors import UserError

# Below it 1 - p counts as this, so that the focal loss has a finite gradient for gamma < 1 too.
_LEAST_DOUBT = 1e-7


REFERENCE_LOSS = LossConfig()
# MLPerf's: each image's terms are divided by its own positives; three negatives for each of them.
MLPERF_LOSS = Loss()


def check_loss_config(config: LossConfig, num_classes: int) -> None:
    """Raises ValueError where a setting is out of range, or class_weights are not one for each class."""
    if config.loss not in ("multibox", "focal"):
        raise UserError(f"loss: expected multibox or focal. Received: {config.loss!r}")
    if not 0 <= config.focal_gamma < math.inf or not 0 <= config.focal_alpha <= 1:
        raise UserError(
            "expected focal_gamma >= 0 and focal_alpha in [0, 1]. "
            f"Received: focal_gamma={config.focal_gamma}, focal_alpha={config.focal_alpha}"
        )
    if config.class_weights and len(config.class_weights) != num_classes:
        raise UserError(f"class_weights: expected {num_classes}, one a class. Received: {len(config.class_weights)}")
    if not all(0 <= weight < math.inf for weight in config.class_weights):
        raise UserError(f"class_weights: expected numbers, none below 0. Received: {config.class_weights}")


class LossParts(NamedTuple):
    """Of each image, float32 [B]: the two terms of the loss, and the number of positive anchors (int32)."""

    localization: tf.Tensor
    classification: tf.Tensor
    positives: tf.Tensor


def multibox_loss(
    labels: tf.Tensor,
    offsets: tf.Tensor,
    pred_logits: tf.Tensor,
    pred_offsets: tf.Tensor,
    spec_loss: Loss = MLPERF_LOSS,
) -> tf.Tensor:
    """Loss of each image, float32 [B], whose mean is the loss of the batch; 0 for an image without positives.

    Args:
      labels: int [B, A], 1..C at positive anchors, 0 elsewhere, as `match` gives them.
      offsets: float [B, A, 4], the targets that `match` gives.
      pred_logits: float [B, A, C + 1].
      pred_offsets: float [B, A, 4].
      spec_loss: the `loss` of the detector's spec.

    Raises:
      ValueError: the shapes do not fit each other.
    """
    parts = multibox_loss_parts(labels, offsets, pred_logits, pred_offsets, spec_loss=spec_loss)
    return parts.localization + parts.classification


def multibox_loss_parts(
    labels,
    offsets,
    pred_logits,
    pred_offsets,
    config: LossConfig = REFERENCE_LOSS,
    spec_loss: Loss = MLPERF_LOSS,
    part_of_batch: bool = False,
    background_b: tf.Tensor | None = None,
) -> LossParts:
    """The two terms of `multibox_loss` and the number of positives, of each image; another loss where config says so.

    Args:
      labels, offsets, pred_logits, pred_offsets, spec_loss: as `multibox_loss` takes them.
      config: the run's settings.
      part_of_batch: these images are a part of a batch. A loss that is normalised by the positives of the batch is then
        left undivided: whoever knows the whole batch divides by its positives an image, see `batch_divisor`.
      background_b: bool [B], images without objects that are trained on: their hardest negatives count, as many as an
        image with one positive has. None: an image without positives has loss 0, as in the reference.

    Raises:
      ValueError: the shapes do not fit each other, or the config does not fit the number of classes.
    """
    labels = tf.cast(tf.convert_to_tensor(labels), tf.int32)
    offsets, pred_logits, pred_offsets = (
        tf.cast(tf.convert_to_tensor(x), tf.float32) for x in (offsets, pred_logits, pred_offsets)
    )
    for name, tensor, size in (
        ("offsets", offsets, 4),
        ("pred_offsets", pred_offsets, 4),
        ("pred_logits", pred_logits, None),
    ):
        if not tensor.shape.is_compatible_with([*labels.shape, size]):
            raise ValueError(f"{name}: expected shape {[*labels.shape, size]}. Received: {tensor.shape}")
    num_classes = pred_logits.shape[-1] - 1
    check_loss_config(config, num_classes)
    # Background has weight 1.
    weights = tf.constant((1.0, *(config.class_weights or (1.0,) * num_classes)), tf.float32)
    if config.loss == "focal":
        gamma, alpha = (tf.constant(x, tf.float32) for x in (config.focal_gamma, config.focal_alpha))
        parts = LossParts(
            *_focal_parts(labels, offsets, pred_logits, pred_offsets, weights, gamma, alpha, spec_loss, background_b)
        )
    else:
        parts = LossParts(
            *_multibox_parts(labels, offsets, pred_logits, pred_offsets, weights, spec_loss, background_b)
        )
    if spec_loss.normalized_by == "image" or part_of_batch:
        return parts
    positives = tf.reduce_mean(tf.cast(parts.positives, tf.float32))
    divisor = batch_divisor(positives, tf.shape(parts.positives)[0])
    return LossParts(parts.localization / divisor, parts.classification / divisor, parts.positives)


def batch_divisor(positives_an_image: tf.Tensor, images: int | tf.Tensor) -> tf.Tensor:
    """What the mean over the images of undivided losses is divided by, where a loss is normalised by the batch.

    Args:
      positives_an_image: float, mean number of positive anchors of an image of the whole batch.
      images: how many there are. As torchvision and Caffe, a batch without positives counts as having one.
    """
    return tf.maximum(positives_an_image, 1.0 / tf.cast(images, tf.float32))


@tf.function(autograph=False, jit_compile=True)
def _multibox_parts(
    labels_ba, offsets_ba4, pred_logits, pred_offsets_ba4, class_weights, spec_loss: Loss, background_b
):
    positive_ba = labels_ba > 0
    positives_b = tf.reduce_sum(tf.cast(positive_ba, tf.int32), axis=1)
    entropy_ba = tf.nn.sparse_softmax_cross_entropy_with_logits(labels_ba, pred_logits)
    mined_for_b = positives_b if background_b is None else positives_b + tf.cast(background_b, tf.int32)
    wanted_b = spec_loss.negatives_per_positive * mined_for_b
    mined_ba = _hardest_negatives(tf.stop_gradient(entropy_ba), positive_ba, wanted_b)
    weighted_ba = entropy_ba * tf.gather(class_weights, labels_ba)
    classification_b = tf.reduce_sum(tf.where(positive_ba | mined_ba, weighted_ba, 0.0), axis=1)
    return _normalized(
        positive_ba, positives_b, offsets_ba4, pred_offsets_ba4, classification_b, spec_loss, background_b
    )


@tf.function(autograph=False, jit_compile=True)
def _focal_parts(
    labels_ba, offsets_ba4, pred_logits, pred_offsets_ba4, class_weights, gamma, alpha, spec_loss, background_b
):
    positive_ba = labels_ba > 0
    positives_b = tf.reduce_sum(tf.cast(positive_ba, tf.int32), axis=1)
    entropy_ba = tf.nn.sparse_softmax_cross_entropy_with_logits(labels_ba, pred_logits)
    doubt_ba = tf.maximum(-tf.math.expm1(-entropy_ba), _LEAST_DOUBT)  # 1 - p of the true class
    balance_ba = tf.where(positive_ba, alpha, 1.0 - alpha) * tf.gather(class_weights, labels_ba)
    classification_b = tf.reduce_sum(balance_ba * doubt_ba**gamma * entropy_ba, axis=1)
    return _normalized(
        positive_ba, positives_b, offsets_ba4, pred_offsets_ba4, classification_b, spec_loss, background_b
    )


def _normalized(positive_ba, positives_b, offsets_ba4, pred_offsets_ba4, classification_b, spec_loss, background_b):
    """Both terms, divided by the image's positives unless the batch's count; 0 for an image without, but background."""
    smooth_l1_ba = tf.reduce_sum(_smooth_l1(pred_offsets_ba4 - offsets_ba4), axis=2)
    localization_b = tf.reduce_sum(tf.where(positive_ba, smooth_l1_ba, 0.0), axis=1)
    divisor_b = tf.cast(tf.maximum(positives_b, 1), tf.float32)
    if spec_loss.normalized_by == "batch":
        divisor_b = tf.ones_like(divisor_b)
    # The focal loss has a sum over negatives even there; as in the reference such an image counts 0.
    counts_b = positives_b > 0 if background_b is None else (positives_b > 0) | background_b
    classification_b = tf.where(counts_b, classification_b / divisor_b, 0.0)
    return localization_b / divisor_b, classification_b, positives_b


def _smooth_l1(difference):
    absolute = tf.abs(difference)
    return tf.where(absolute < 1.0, 0.5 * difference * difference, absolute - 0.5)


def _hardest_negatives(entropy_ba, positive_ba, wanted_b):
    """bool [B, A]: the `wanted` negatives of highest loss, of equal ones the first."""
    hardness_ba = tf.where(positive_ba, -1.0, entropy_ba)
    sorted_ba = tf.sort(hardness_ba, axis=1, direction="DESCENDING")
    last = tf.clip_by_value(wanted_b - 1, 0, tf.shape(sorted_ba)[1] - 1)
    threshold_b1 = tf.gather(sorted_ba, last[:, None], batch_dims=1)
    above_ba = hardness_ba > threshold_b1
    ties_ba = tf.cast(hardness_ba == threshold_b1, tf.int32)
    places_b1 = wanted_b[:, None] - tf.reduce_sum(tf.cast(above_ba, tf.int32), axis=1, keepdims=True)
    tie_taken_ba = (ties_ba > 0) & (tf.cumsum(ties_ba, axis=1) <= places_b1)
    return (above_ba | tie_taken_ba) & ~positive_ba & (wanted_b[:, None] > 0)


@keras.saving.register_keras_serializable(package="ssd_tf")
class MultiBoxLoss(keras.layers.Layer):
    """`multibox_loss` as a layer, for models of one's own: `MultiBoxLoss()(labels, offsets, logits, pred_offsets)`.

    Computes in float32 under any dtype policy, and returns float32 [B]. The arguments are the fields of specs.Loss.
    """

    def __init__(
        self,
        normalized_by: Literal["image", "batch"] = MLPERF_LOSS.normalized_by,
        negatives_per_positive: int = MLPERF_LOSS.negatives_per_positive,
        dtype="float32",
        **kwargs,
    ):
        super().__init__(dtype=dtype, **kwargs)
        self._spec_loss = Loss(normalized_by, negatives_per_positive)

    def get_config(self):
        return {**super().get_config(), **dataclasses.asdict(self._spec_loss)}

    def call(self, labels, offsets, pred_logits, pred_offsets):
        return multibox_loss(labels, offsets, pred_logits, pred_offsets, self._spec_loss)

    def compute_output_shape(self, labels_shape, offsets_shape, pred_logits_shape, pred_offsets_shape):
        return (labels_shape[0],)
