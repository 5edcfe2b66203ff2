# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Extra blocks, heads and backbone levels in the forms that the family has."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

import ssd_tf
from ssd_tf.models.layers import BatchNorm, L2Normalization, conv
from ssd_tf.specs import BackboneLevel, BatchNormalization, ExtraBlock, Heads, Level

TINY = ssd_tf.spec("ssd128_tiny")


def layer_types(model: keras.Model, prefix: str) -> dict[str, str]:
    """The types of the layers with weights whose names start so."""
    return {
        layer.name: type(layer).__name__ for layer in model.layers if layer.weights and layer.name.startswith(prefix)
    }


def test_plain_extra_block_has_two_convolutions():
    model = ssd_tf.build_model(TINY, 2)
    assert layer_types(model, "extra1") == {"extra1_1": "Conv2D", "extra1_2": "Conv2D"}


def test_separable_block_is_1x1_depthwise_and_1x1_each_normalised():
    block = ExtraBlock(64, 128, 2, 1, batch_norm=True, separable=True, activation="relu6")
    spec = dataclasses.replace(TINY, extra_blocks=(block, *TINY.extra_blocks[1:]))
    model = ssd_tf.build_model(spec, 2)
    assert layer_types(model, "extra1") == {
        "extra1_1": "Conv2D",
        "extra1_1_bn": "BatchNorm",
        "extra1_2_depthwise": "DepthwiseConv2D",
        "extra1_2_depthwise_bn": "BatchNorm",
        "extra1_2": "Conv2D",
        "extra1_2_bn": "BatchNorm",
    }
    assert model.get_layer("extra1_2_depthwise").kernel.shape == (3, 3, 64, 1)
    assert not model.get_layer("extra1_2").use_bias
    # torchvision's SSDLite: 64 * 64 + 9 * 64 + 64 * 128 and two numbers a channel for each normalisation.
    trained = sum(
        np.prod(w.shape) for layer in model.layers if layer.name.startswith("extra1") for w in layer.trainable_weights
    )
    assert trained == 64 * 64 + 9 * 64 + 64 * 128 + 2 * (64 + 64 + 128)


def test_activation_of_a_block_is_cut_at_six():
    x = keras.Input((4, 4, 3))
    model = keras.Model(x, conv(x, 2, 1, "conv", "xavier", activation="relu6"))
    found = model(1e6 * tf.random.stateless_normal([1, 4, 4, 3], [0, 1])).numpy()
    assert found.min() == 0 and found.max() == 6


def test_block_of_kernel_four_is_ssd512_s_last():
    # (2 + 2 * 1 - 4) / 1 + 1 = 1 cell.
    block = ExtraBlock(32, 64, stride=1, padding=1, kernel=4)
    spec = dataclasses.replace(
        TINY, extra_blocks=(*TINY.extra_blocks, block), levels=(*TINY.levels, Level(1, 128, 112, 126, (2,)))
    )
    model = ssd_tf.build_model(spec, 2)
    assert model.get_layer("extra4_2").kernel.shape == (4, 4, 32, 64)
    assert model.get_layer("extra4_2").output.shape == (None, 1, 1, 64)


def test_padding_of_a_kernel_of_four_is_symmetric():
    # A kernel of ones over ones counts the cells that are inside: PyTorch pads one zero on each side.
    x = keras.Input((3, 3, 1))
    model = keras.Model(x, conv(x, 1, 4, "conv", "xavier_zero", padding=1))
    model.get_layer("conv").kernel.assign(tf.ones([4, 4, 1, 1]))
    np.testing.assert_array_equal(model(tf.ones([1, 3, 3, 1]))[0, ..., 0], [[9, 9], [9, 9]])


def test_heads_of_stride_three_make_a_third_of_the_cells():
    # As SSD-ResNet34 of 1200 pixels: (16 + 2 - 3) // 3 + 1 = 6, then 3, 2 and 1 cells.
    levels = tuple(
        dataclasses.replace(level, cells=c, step=None) for level, c in zip(TINY.levels, (6, 3, 2, 1), strict=True)
    )
    spec = dataclasses.replace(TINY, heads=Heads(stride=3), levels=levels)
    outputs = ssd_tf.build_model(spec, 2).output
    assert outputs["offsets"].shape == (None, 36 * 4 + 9 * 6 + 4 * 6 + 1 * 4, 4)


def test_separable_heads_are_depthwise_normalised_and_1x1():
    model = ssd_tf.build_model(dataclasses.replace(TINY, heads=Heads(separable=True)), 2)
    assert layer_types(model, "logits0") == {
        "logits0_depthwise": "DepthwiseConv2D",
        "logits0_depthwise_bn": "BatchNorm",
        "logits0": "Conv2D",
    }
    assert model.get_layer("logits0").kernel.shape[:2] == (1, 1) and model.get_layer("logits0").use_bias
    assert model.output["logits"].shape == (None, TINY.num_anchors, 3)


def test_two_feature_maps_of_the_backbone_feed_heads():
    levels = (Level(32, 4, 8, 16, (2,)), *TINY.levels)
    backbone_levels = (BackboneLevel("conv2", l2_scale=20.0), BackboneLevel("conv3"))
    spec = dataclasses.replace(TINY, backbone_levels=backbone_levels, levels=levels)
    model = ssd_tf.build_model(spec, 2)
    assert model.output["logits"].shape == (None, spec.num_anchors, 3)
    np.testing.assert_array_equal(model.get_layer("l2norm0").scale, np.full(32, 20))
    # The layers after it see the map as it is: with a scale of 0 only the first level's offsets lose their input.
    images = tf.random.stateless_normal([1, 128, 128, 3], [0, 1])
    before = model(images)["logits"].numpy()[0]
    model.get_layer("l2norm0").scale.assign(tf.zeros(32))
    after = model(images)["logits"].numpy()[0]
    first = 32 * 32 * 4
    assert not np.array_equal(before[:first], after[:first])
    np.testing.assert_array_equal(before[first:], after[first:])


def test_l2_normalisation_is_caffe_s_formula():
    # The golden README: where the norm is 2.2e-5, Caffe's result is 0.911 of x / norm.
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 512)).astype(np.float32)
    x[0, 0, 0] = 0
    x[0, 0, 1] *= 2.2033e-5 / np.linalg.norm(x[0, 0, 1])
    layer = L2Normalization(20.0)
    with tf.GradientTape() as tape:
        inputs = tf.constant(x)
        tape.watch(inputs)
        found = layer(inputs)
    norm = np.sqrt((x.astype(np.float64) ** 2).sum(axis=-1, keepdims=True) + 1e-10)
    np.testing.assert_allclose(found, 20 * x / norm, rtol=1e-5, atol=0)
    assert np.linalg.norm(found[0, 0, 1]) / 20 == pytest.approx(0.9106, abs=1e-4)
    assert np.all(found[0, 0, 0] == 0) and np.isfinite(tape.gradient(found, inputs)).all()


def test_batch_normalisation_has_the_spec_s_numbers():
    spec = dataclasses.replace(TINY, batch_norm=BatchNormalization(1e-3, 0.97))
    found = {
        (layer.epsilon, layer.momentum) for layer in ssd_tf.build_model(spec, 2).layers if isinstance(layer, BatchNorm)
    }
    assert found == {(1e-3, 0.97)}


def test_batch_normalisation_uses_its_numbers():
    layer = BatchNorm(epsilon=0.5, momentum=0.75)
    x = tf.random.stateless_normal([4, 5, 5, 2], [0, 1])
    found = layer(x, training=True)
    mean, variance = tf.nn.moments(x, [0, 1, 2])
    np.testing.assert_allclose(found, (x - mean) / tf.sqrt(variance + 0.5), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layer.moving_mean, 0.25 * mean, rtol=1e-4, atol=1e-6)
    again = BatchNorm.from_config(layer.get_config())
    assert (again.epsilon, again.momentum) == (0.5, 0.75)


@pytest.mark.parametrize(
    ("initialization", "kernel", "bias"),
    # Deviations of uniform numbers are bound / sqrt(3): sqrt(2 / (fan_in + fan_out)) for xavier, and
    # 1 / sqrt(3 * fan_in) for PyTorch's biases.
    [
        ("xavier", (2 / (9 * 64 + 9 * 400)) ** 0.5, (3 * 9 * 64) ** -0.5),
        ("xavier_zero", (2 / (9 * 64 + 9 * 400)) ** 0.5, 0),
        ("normal", 0.03, 0),
    ],
)
def test_initialisation_is_the_spec_s(initialization, kernel, bias):
    keras.utils.set_random_seed(0)
    x = keras.Input((4, 4, 64))
    layer = keras.Model(x, conv(x, 400, 3, "conv", initialization)).get_layer("conv")
    assert np.std(layer.kernel) == pytest.approx(kernel, rel=0.02)
    assert np.std(layer.bias) == pytest.approx(bias, rel=0.1)
