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


def update_average_of_statistics(average: keras.Model, model: keras.Model, decay: tf.Tensor) -> None:
    """a = decay * a + (1 - decay) * w for batch norm's running statistics; to be called in each replica.

    Each replica has its own, and their average. What is read in the end is the mean over the replicas of both.
    """
    for kept, new in _pairs(average, model):
        if _of_each_replica(new):
            kept.assign(decay * kept + (1.0 - decay) * new)


def update_average_of_weights(average: keras.Model, model: keras.Model, decay: tf.Tensor) -> None:
    """The same for all other weights; to be called once, outside of the replicas, under the strategy's scope."""
    strategy = tf.distribute.get_strategy()

    def update(kept, new):
        kept.assign(decay * kept + (1.0 - decay) * new)

    for kept, new in _pairs(average, model):
        if not _of_each_replica(new):
            strategy.extended.update(kept.value, update, args=(new.value,), group=False)


def _pairs(average: keras.Model, model: keras.Model):
    return zip(average.weights, model.weights, strict=True)


def _of_each_replica(variable: keras.Variable) -> bool:
    return variable.synchronization == "on_read"
