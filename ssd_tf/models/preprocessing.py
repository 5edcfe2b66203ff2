# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Pixels -> what a detector's model takes, and back, as the spec's `preprocessing` says."""

import tensorflow as tf

from ssd_tf import specs
from ssd_tf.specs import DetectorSpec


def preprocess(images: tf.Tensor, spec: str | DetectorSpec) -> tf.Tensor:
    """RGB [..., 3] in 0..255, uint8 or float -> float32 of the same shape, as the model of this spec takes it.

    Args:
      images: of any size.
      spec: the detector or its name.

    Raises:
      ValueError: the detector is unknown.
    """
    how = specs.spec(spec).preprocessing
    scaled = tf.cast(images, tf.float32) / how.divisor
    if how.channels == "bgr":
        scaled = tf.reverse(scaled, axis=[-1])
    return (scaled - tf.constant(how.mean, tf.float32)) / tf.constant(how.deviation, tf.float32)


def pixels_of(images: tf.Tensor, spec: str | DetectorSpec) -> tf.Tensor:
    """The uint8 RGB pixels that `preprocess` made such numbers of; what is out of range is clipped."""
    how = specs.spec(spec).preprocessing
    scaled = images * tf.constant(how.deviation, tf.float32) + tf.constant(how.mean, tf.float32)
    if how.channels == "bgr":
        scaled = tf.reverse(scaled, axis=[-1])
    return tf.cast(tf.clip_by_value(tf.round(scaled * how.divisor), 0.0, 255.0), tf.uint8)
