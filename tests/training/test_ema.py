# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The moving average of the weights, by arithmetic, and where a training step puts it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import ssd_tf
from ssd_tf.data.color_jitter import Jitter
from ssd_tf.data.examples import TrainBatch
from ssd_tf.models.backbone import freeze_stages
from ssd_tf.models.layers import conv_bn
from ssd_tf.settings import AugmentConfig
from ssd_tf.training.ema import average_decay, update_average_of_statistics, update_average_of_weights
from ssd_tf.training.optimizer import SGD
from ssd_tf.training.step import make_train_step

FLOAT32 = 1e-6


@pytest.mark.parametrize(
    ("step", "expected"),
    # (1 + step) / (10 + step), until that is more than the decay: 81 / 90 = 0.9.
    [(1, 2 / 11), (2, 3 / 12), (17, 18 / 27), (79, 80 / 89), (80, 0.9), (81, 0.9), (10**6, 0.9)],
)
def test_decay_starts_low(step, expected):
    assert float(average_decay(0.9, tf.constant(step, tf.int64))) == pytest.approx(expected, rel=FLOAT32)


def test_decay_grows_to_what_is_asked_for():
    decays = [float(average_decay(0.9998, tf.constant(step))) for step in (1, 10, 100, 1000, 10**4, 10**5, 10**6)]
    assert decays == sorted(decays)
    assert decays[-3] == pytest.approx(10_001 / 10_010, rel=FLOAT32)
    assert decays[-1] == pytest.approx(0.9998, rel=FLOAT32)


def small_model(value):
    """A convolution with batch norm; every weight has the value, the moving statistics too."""
    images = keras.Input((4, 4, 2))
    model = keras.Model(images, conv_bn(images, 3, 3, 1, "conv1"))
    model.set_weights([np.full(weight.shape, value, np.float32) for weight in model.weights])
    return model


def update_average(average, model, decay):
    """As a step does: the statistics in each replica, the weights outside of them."""
    update_average_of_statistics(average, model, decay)
    update_average_of_weights(average, model, decay)


def test_update_mixes_every_weight_and_the_moving_statistics():
    average, model = small_model(2.0), small_model(6.0)
    update_average(average, model, tf.constant(0.75))
    assert {w.name for w in average.weights} == {"kernel", "gamma", "beta", "moving_mean", "moving_variance"}
    for kept, new in zip(average.weights, model.weights, strict=True):
        # 0.75 * 2 + 0.25 * 6.
        np.testing.assert_allclose(kept, np.full(kept.shape, 3.0), rtol=FLOAT32)
        np.testing.assert_array_equal(new, np.full(new.shape, 6.0))


def test_updates_forget_the_first_weights():
    average, model = small_model(2.0), small_model(6.0)
    for _ in range(3):
        update_average(average, model, tf.constant(0.5))
    # 6 - (6 - 2) * 0.5^3.
    np.testing.assert_allclose(average.weights[0], np.full(average.weights[0].shape, 5.5), rtol=FLOAT32)


def test_step_moves_the_average_towards_the_new_weights():
    decay = 0.26  # between what the second step and the third would have
    # Frozen layers come along: their order among the weights must not change.
    spec = ssd_tf.spec("ssd128_tiny")
    model, average = ssd_tf.build_model(spec, num_classes=2), ssd_tf.build_model(spec, num_classes=2)
    freeze_stages(model, spec, 1)
    average.set_weights(model.get_weights())
    optimizer = SGD(weight_decay=0.1)  # moves those too that have no gradient
    step = make_train_step(
        spec, model, optimizer, AugmentConfig(color_jitter=False), 2, average=average, ema_decay=decay
    )
    images = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3))
    batch = TrainBatch(
        images=tf.constant(images, tf.uint8),
        boxes=tf.constant([[[0.125, 0.25, 0.5, 0.375]], [[0.0, 0.5, 1.0, 1.0]]]),
        classes=tf.constant([[1], [2]]),
        flip=tf.constant([False, True]),
        jitter=Jitter(tf.zeros([2, 4], tf.int32), tf.zeros([2, 4])),
        record=tf.range(2, dtype=tf.int64),
        fault=tf.zeros([2], tf.int32),
    )
    kept = average.get_weights()
    for number in (1, 2, 3):
        step(batch, tf.constant(0.01))
        # 2 / 11, 3 / 12, and the decay itself, which is below 4 / 13.
        now = min(decay, (1 + number) / (10 + number))
        kept = [now * old + (1 - now) * new for old, new in zip(kept, model.get_weights(), strict=True)]
        for found, expected in zip(average.get_weights(), kept, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    same = [
        weight.path
        for weight, value in zip(model.weights, average.get_weights(), strict=True)
        if np.allclose(weight, value, rtol=FLOAT32, atol=0)
    ]
    # Kernel, gamma, beta, mean and variance of conv1 and of the first stage's three convolutions; the rest moves.
    assert len(same) == 20
    assert all(path.startswith(("conv1", "conv2")) for path in same)
