# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The SSD model: backbone, extra levels, and on each level a head for offsets and one for logits."""

import contextlib
import random
from collections.abc import Iterator

import keras

from ssd_tf import specs
from ssd_tf.models.backbone import backbone_maps
from ssd_tf.models.layers import Fork, L2Normalization, conv
from ssd_tf.specs import DetectorSpec, ExtraBlock
from ssd_tf.utils.errors import UserError


def build_model(spec: str | DetectorSpec, num_classes: int) -> keras.Model:
    """The detector as a Keras model with fresh weights.

    Args:
      spec: the detector or its name.
      num_classes: C, without the background.

    Returns:
      A model from float [B, S, S, 3], as `preprocess` makes it, to {"offsets": float32 [B, A, 4], "logits": float32
      [B, A, C + 1]}. Offsets are (dy, dx, dh, dw) divided by the spec's variances. It computes in Keras' global
      dtype policy; the outputs are float32 in any case.

    Raises:
      ValueError: the detector is unknown, or num_classes is below 1.
    """
    spec = specs.spec(spec)
    if num_classes < 1:
        raise ValueError(f"num_classes: expected at least 1 (without background). Received: {num_classes}")
    images = keras.Input((spec.image_size, spec.image_size, 3), name="images")
    offsets, logits = [], []
    for index, features in enumerate(_feature_maps(spec, images)):
        level = spec.levels[index]
        forked = Fork(name=f"heads{index}")(features)
        heads = ((offsets, 4, "offsets"), (logits, num_classes + 1, "logits"))
        for head_input, (outputs, size, name) in zip(forked, heads, strict=True):
            head = _head(spec, head_input, level.boxes_per_cell * size, f"{name}{index}")
            if tuple(head.shape[1:3]) != (level.cells, level.cells):
                raise UserError(f"{spec.name}: level {index} is {head.shape[1:3]}, the spec says {level.cells} cells")
            outputs.append(keras.layers.Reshape((-1, size), name=f"{name}{index}_flat")(head))
    # Softmax and decoding want float32 whatever the layers compute in.
    outputs = {
        name: keras.layers.Concatenate(axis=1, name=name, dtype="float32")(parts)
        for name, parts in (("offsets", offsets), ("logits", logits))
    }
    return keras.Model(images, outputs, name=spec.name)


@contextlib.contextmanager
def drawing_weights(seed: int, policy: str | None = None) -> Iterator[None]:
    """Models that are built inside start with the weights that this seed draws, and have this dtype policy.

    Keras' global policy, and Python's generator, from which Keras' initialisers draw their seeds, are put back.
    """
    before, state = keras.mixed_precision.dtype_policy(), random.getstate()
    keras.mixed_precision.set_dtype_policy(policy or before)
    random.seed(seed)
    try:
        yield
    finally:
        keras.mixed_precision.set_dtype_policy(before)
        random.setstate(state)


def _feature_maps(spec: DetectorSpec, images: keras.KerasTensor) -> list[keras.KerasTensor]:
    """What feeds the heads of each level."""
    names = [level.feature_map for level in spec.backbone_levels]
    maps = backbone_maps(spec, images, names)
    features = []
    for index, level in enumerate(spec.backbone_levels):
        x = maps[level.feature_map]
        if level.l2_scale is not None:
            x = L2Normalization(level.l2_scale, level.l2_epsilon, name=f"l2norm{index}")(x)
        features.append(x)
    x = maps[names[-1]]
    for index, block in enumerate(spec.extra_blocks, start=1):
        x = _extra_block(spec, block, x, f"extra{index}")
        features.append(x)
    return features


def _extra_block(spec: DetectorSpec, block: ExtraBlock, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    options = {
        "initialization": spec.initialization,
        "activation": block.activation,
        "norm": spec.batch_norm if block.batch_norm else None,
    }
    x = conv(x, block.middle_channels, 1, f"{name}_1", **options)
    place = {"stride": block.stride, "padding": block.padding}
    if not block.separable:
        return conv(x, block.channels, block.kernel, f"{name}_2", **place, **options)
    x = conv(x, None, block.kernel, f"{name}_2_depthwise", **place, **options)
    return conv(x, block.channels, 1, f"{name}_2", **options)


def _head(spec: DetectorSpec, x: keras.KerasTensor, channels: int, name: str) -> keras.KerasTensor:
    stride = spec.heads.stride
    if not spec.heads.separable:
        return conv(x, channels, 3, name, spec.initialization, stride, padding=1)
    x = conv(x, None, 3, f"{name}_depthwise", spec.initialization, stride, 1, "relu6", spec.batch_norm)
    return conv(x, channels, 1, name, spec.initialization)
