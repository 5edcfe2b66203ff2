# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What the tests of the losses are about: drawn cases, gradients, and the cross entropy in NumPy."""

import numpy as np
import tensorflow as tf

from ssd_tf.models.losses import REFERENCE_LOSS, multibox_loss_parts

# Sums of up to 8732 float32 numbers in another order. The reference is off by 3e-8 itself; measured: 3e-7.
RELATIVE = 1e-5


def random_case(seed=0, images=3, anchors=40, num_classes=5, positives=(4, 1, 2)):
    """labels, offsets, pred_logits, pred_offsets."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((images, anchors), np.int32)
    for b, count in enumerate(positives):
        labels[b, rng.choice(anchors, count, replace=False)] = rng.integers(1, num_classes + 1, count)
    offsets, pred_offsets = rng.normal(0, 2, (2, images, anchors, 4)).astype(np.float32)
    return labels, offsets, rng.normal(0, 2, (images, anchors, num_classes + 1)).astype(np.float32), pred_offsets


def gradients(labels, offsets, pred_logits, pred_offsets, config=REFERENCE_LOSS):
    """Gradients of the mean loss with regard to logits and offsets."""
    pred_logits, pred_offsets = tf.constant(pred_logits), tf.constant(pred_offsets)
    with tf.GradientTape() as tape:
        tape.watch([pred_logits, pred_offsets])
        parts = multibox_loss_parts(labels, offsets, pred_logits, pred_offsets, config)
        loss = tf.reduce_mean(parts.localization + parts.classification)
    return [gradient.numpy() for gradient in tape.gradient(loss, [pred_logits, pred_offsets])]


def plain_entropy(labels, pred_logits):
    """Cross entropy of each anchor, float64 [B, A]."""
    logits = pred_logits.astype(np.float64)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    return -np.log(np.take_along_axis(probabilities, labels[..., None], axis=-1)[..., 0])
