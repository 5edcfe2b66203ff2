# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The SSD model: backbone, extra levels, and a 3x3 head on each level for offsets and for logits."""

import keras
import tensorflow as tf

from ssd_tf.models.layers import Fork, conv_bias
from ssd_tf.models.resnet import resnet
from ssd_tf.specs import DetectorSpec, detector

# torchvision's statistics of ImageNet, RGB in 0..1.
IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)


def normalize(images: tf.Tensor) -> tf.Tensor:
    """RGB [..., 3] in 0..255, uint8 or float -> float32 with about zero mean and unit deviation."""
    scaled = tf.cast(images, tf.float32) / 255.0
    return (scaled - tf.constant(IMAGE_MEAN)) / tf.constant(IMAGE_STD)


def denormalize(images: tf.Tensor) -> tf.Tensor:
    """The uint8 RGB pixels that `normalize` made such numbers of; what is out of range is clipped."""
    scaled = images * tf.constant(IMAGE_STD) + tf.constant(IMAGE_MEAN)
    return tf.cast(tf.clip_by_value(tf.round(scaled * 255.0), 0.0, 255.0), tf.uint8)


def build_model(spec: str | DetectorSpec, num_classes: int) -> keras.Model:
    """The detector as a Keras model with fresh weights.

    Args:
      spec: the detector or its name.
      num_classes: C, without the background.

    Returns:
      A model from normalised RGB float [B, S, S, 3] to {"offsets": float32 [B, A, 4], "logits": float32
      [B, A, C + 1]}. Offsets are (dy, dx, dh, dw) divided by the spec's variances. It computes in Keras' global
      dtype policy; the outputs are float32 in any case.

    Raises:
      ValueError: the detector is unknown, or num_classes is below 1.
    """
    spec = detector(spec)
    if num_classes < 1:
        raise ValueError(f"num_classes: expected at least 1 (without background). Received: {num_classes}")
    images = keras.Input((spec.image_size, spec.image_size, 3), name="images")
    offsets, logits = [], []
    for index, features in enumerate(_feature_maps(spec, images)):
        level = spec.levels[index]
        if tuple(features.shape[1:3]) != (level.cells, level.cells):
            raise ValueError(f"{spec.name}: level {index} is {features.shape[1:3]}, the spec says {level.cells} cells")
        forked = Fork(name=f"heads{index}")(features)
        heads = ((offsets, 4, "offsets"), (logits, num_classes + 1, "logits"))
        for head_input, (outputs, size, name) in zip(forked, heads, strict=True):
            head = conv_bias(head_input, level.boxes_per_cell * size, 3, 1, 1, f"{name}{index}", relu=False)
            outputs.append(keras.layers.Reshape((-1, size), name=f"{name}{index}_flat")(head))
    # Softmax and decoding want float32 whatever the layers compute in.
    outputs = {
        name: keras.layers.Concatenate(axis=1, name=name, dtype="float32")(parts)
        for name, parts in (("offsets", offsets), ("logits", logits))
    }
    return keras.Model(images, outputs, name=spec.name)


def _feature_maps(spec: DetectorSpec, images: keras.KerasTensor) -> list[keras.KerasTensor]:
    features = [resnet(spec, images)]
    for index, block in enumerate(spec.extra_blocks, start=1):
        x = conv_bias(features[-1], block.middle_channels, 1, 1, 0, f"extra{index}_1", relu=True)
        x = conv_bias(x, block.channels, 3, block.stride, block.padding, f"extra{index}_2", relu=True)
        features.append(x)
    return features
