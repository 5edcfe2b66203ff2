# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The multibox loss (Liu et al. section 2.2): smooth L1 on positives, cross entropy with hard negative mining.

As MLPerf ssd-v1 base_model.py: Loss, with one difference: a positive anchor is never mined as a negative as well, which
happens in the reference only where more than a quarter of all anchors are positive. Letters: B images, A anchors,
C classes.
"""

from typing import NamedTuple

import keras
import tensorflow as tf

# Liu et al. section 2.2: at most three negatives for each positive.
NEGATIVES_PER_POSITIVE = 3


class LossParts(NamedTuple):
    """Of each image, float32 [B]: the two terms of the loss, and the number of positive anchors (int32)."""

    localization: tf.Tensor
    classification: tf.Tensor
    positives: tf.Tensor


def multibox_loss(labels: tf.Tensor, offsets: tf.Tensor, pred_logits: tf.Tensor, pred_offsets: tf.Tensor) -> tf.Tensor:
    """Loss of each image, float32 [B]; 0 for an image without positives.

    Args:
      labels: int [B, A], 1..C at positive anchors, 0 elsewhere, as `match` gives them.
      offsets: float [B, A, 4], the targets that `match` gives.
      pred_logits: float [B, A, C + 1].
      pred_offsets: float [B, A, 4].

    Raises:
      ValueError: the shapes do not fit each other.
    """
    parts = multibox_loss_parts(labels, offsets, pred_logits, pred_offsets)
    return parts.localization + parts.classification


def multibox_loss_parts(labels, offsets, pred_logits, pred_offsets) -> LossParts:
    """The two terms of `multibox_loss` and the number of positives, of each image."""
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
    return LossParts(*_loss_parts(labels, offsets, pred_logits, pred_offsets))


@tf.function(jit_compile=True)
def _loss_parts(labels_ba, offsets_ba4, pred_logits, pred_offsets_ba4):
    positive_ba = labels_ba > 0
    positives_b = tf.reduce_sum(tf.cast(positive_ba, tf.int32), axis=1)

    smooth_l1_ba = tf.reduce_sum(_smooth_l1(pred_offsets_ba4 - offsets_ba4), axis=2)
    localization_b = tf.reduce_sum(tf.where(positive_ba, smooth_l1_ba, 0.0), axis=1)

    entropy_ba = tf.nn.sparse_softmax_cross_entropy_with_logits(labels_ba, pred_logits)
    mined_ba = _hardest_negatives(tf.stop_gradient(entropy_ba), positive_ba, NEGATIVES_PER_POSITIVE * positives_b)
    classification_b = tf.reduce_sum(tf.where(positive_ba | mined_ba, entropy_ba, 0.0), axis=1)

    # An image without positives has 0 in both sums, and stays 0.
    divisor_b = tf.cast(tf.maximum(positives_b, 1), tf.float32)
    return localization_b / divisor_b, classification_b / divisor_b, positives_b


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

    Computes in float32 under any dtype policy, and returns float32 [B].
    """

    def __init__(self, dtype="float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)

    def call(self, labels, offsets, pred_logits, pred_offsets):
        return multibox_loss(labels, offsets, pred_logits, pred_offsets)

    def compute_output_shape(self, labels_shape, offsets_shape, pred_logits_shape, pred_offsets_shape):
        return (labels_shape[0],)
