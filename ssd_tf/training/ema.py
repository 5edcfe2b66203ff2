# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""An exponential moving average of a model's weights, kept in a second model: that one is evaluated and exported.

As tf.train.ExponentialMovingAverage with num_updates: the decay starts low, so that the first weights soon fade.
"""

import keras
import tensorflow as tf


def average_decay(decay: float, step: tf.Tensor) -> tf.Tensor:
    """The decay of the update after `step` (1, 2, ...) training steps: min(decay, (1 + step) / (10 + step))."""
    step = tf.cast(step, tf.float32)
    return tf.minimum(decay, (1.0 + step) / (10.0 + step))


def update_average(average: keras.Model, model: keras.Model, decay: tf.Tensor) -> None:
    """a = decay * a + (1 - decay) * w for every weight, the running statistics of batch norm among them."""
    for kept, new in zip(average.weights, model.weights, strict=True):
        kept.assign(decay * kept + (1.0 - decay) * new)
