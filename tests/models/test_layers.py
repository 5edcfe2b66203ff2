# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Batch normalisation against PyTorch's formulas in NumPy float64, and the padding of convolutions by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.models.layers import BatchNorm, DepthwiseConv2D, conv, conv_bn

# Few values a channel, so that n / (n - 1) is far from 1.
SHAPE = (2, 3, 4, 5)
COUNT = 2 * 3 * 4
# Sums of 24 float32 numbers up to 6, and outputs up to 4.
FLOAT32 = 2e-6
# bfloat16 has 8 bits: outputs up to 4 are off by 2**-7, and so are the inputs that they are made of.
BFLOAT16 = 0.04


@pytest.fixture(params=["float32", "mixed_bfloat16"])
def policy(request):
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_global_policy(request.param)
    yield request.param
    keras.mixed_precision.set_global_policy(before)


def inputs():
    rng = np.random.default_rng(0)
    return rng.normal(2.0, 1.0, SHAPE) * [1.0, 0.5, 2.0, 1.0, 0.1] - [0, 1, 2, 3, 0]


def layer_with_state(seed=1, **options):
    """A layer and what it holds, as float64."""
    layer = BatchNorm(**options)
    layer.build(SHAPE)
    rng = np.random.default_rng(seed)
    state = {
        "gamma": rng.normal(1, 0.2, 5),
        "beta": rng.normal(0, 0.5, 5),
        "moving_mean": rng.normal(0, 1, 5),
        "moving_variance": rng.uniform(0.5, 2, 5),
    }
    for name, value in state.items():
        getattr(layer, name).assign(value)
    return layer, state


def normalised(x, mean, variance, state):
    return (x - mean) / np.sqrt(variance + 1e-5) * state["gamma"] + state["beta"]


def moving(layer):
    return layer.moving_mean.numpy(), layer.moving_variance.numpy()


def test_training_normalises_with_the_batch_s_mean_and_biased_variance(policy):
    layer, state = layer_with_state()
    x = inputs()
    y = layer(tf.constant(x, layer.compute_dtype), training=True)
    assert y.dtype == layer.compute_dtype
    expected = normalised(x, x.mean((0, 1, 2)), x.var((0, 1, 2)), state)
    # The unbiased variance would be off by 2 %, 0.08 at the largest.
    np.testing.assert_allclose(
        tf.cast(y, tf.float32), expected, rtol=0, atol=FLOAT32 if policy == "float32" else BFLOAT16
    )


def test_training_moves_the_statistics_by_a_tenth_with_the_unbiased_variance(policy):
    layer, state = layer_with_state()
    x = tf.constant(inputs(), layer.compute_dtype)
    layer(x, training=True)
    x = tf.cast(x, tf.float64).numpy()  # what bfloat16 leaves of the inputs: the sums themselves are float32
    mean, variance = moving(layer)
    np.testing.assert_allclose(mean, 0.9 * state["moving_mean"] + 0.1 * x.mean((0, 1, 2)), rtol=0, atol=FLOAT32)
    unbiased = x.var((0, 1, 2)) * COUNT / (COUNT - 1)
    np.testing.assert_allclose(variance, 0.9 * state["moving_variance"] + 0.1 * unbiased, rtol=0, atol=FLOAT32)


def test_statistics_move_again_at_each_step():
    layer, state = layer_with_state()
    x = inputs()
    for _ in range(3):
        layer(tf.constant(x, tf.float32), training=True)
    # 0.9**3 of the first value is left.
    expected = 0.729 * state["moving_mean"] + 0.271 * x.mean((0, 1, 2))
    np.testing.assert_allclose(moving(layer)[0], expected, rtol=0, atol=FLOAT32)


def test_inference_uses_the_moving_statistics_and_leaves_them(policy):
    layer, state = layer_with_state()
    x, before = inputs(), moving(layer)
    expected = normalised(x, state["moving_mean"], state["moving_variance"], state)
    for options in ({"training": False}, {}):
        y = layer(tf.constant(x, layer.compute_dtype), **options)
        tolerance = FLOAT32 if policy == "float32" else BFLOAT16
        np.testing.assert_allclose(tf.cast(y, tf.float32), expected, rtol=0, atol=tolerance)
    np.testing.assert_array_equal(moving(layer), before)


def test_frozen_layer_uses_the_moving_statistics_in_training_too():
    layer, state = layer_with_state()
    layer.trainable = False
    x, before = inputs(), moving(layer)
    y = layer(tf.constant(x, tf.float32), training=True)
    expected = normalised(x, state["moving_mean"], state["moving_variance"], state)
    np.testing.assert_allclose(y, expected, rtol=0, atol=FLOAT32)
    np.testing.assert_array_equal(moving(layer), before)
    assert layer.trainable_variables == []


def test_variables_are_float32_whatever_the_policy(policy):
    layer, _ = layer_with_state()
    assert {variable.dtype for variable in layer.variables} == {"float32"}
    assert [variable.name for variable in layer.trainable_variables] == ["gamma", "beta"]
    assert [variable.name for variable in layer.non_trainable_variables] == ["moving_mean", "moving_variance"]
    assert layer.compute_dtype == ("float32" if policy == "float32" else "bfloat16")


def test_variables_are_float32_even_where_all_else_is_bfloat16():
    layer, _ = layer_with_state(dtype="bfloat16")
    assert {variable.dtype for variable in layer.variables} == {"float32"}
    layer(tf.constant(inputs(), tf.bfloat16), training=True)
    assert np.isfinite(moving(layer)).all()


def test_gradients_are_those_of_the_formula():
    # With w the gradient of the output and z the normalised input, PyTorch's documentation and the chain rule give
    # dx = gamma / std * (w - mean(w) - z * mean(w * z)), dgamma = sum(w * z), dbeta = sum(w).
    layer, state = layer_with_state()
    x, w = inputs(), np.random.default_rng(2).normal(0, 1, SHAPE)
    x32 = tf.constant(x, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x32)
        loss = tf.reduce_sum(layer(x32, training=True) * tf.constant(w, tf.float32))
    found = tape.gradient(loss, [x32, *layer.trainable_variables])
    axes = (0, 1, 2)
    std = np.sqrt(x.var(axes) + 1e-5)
    z = (x - x.mean(axes)) / std
    # The term in z uses variance / (variance + epsilon), which is 1 but for 1e-3 in the channel of deviation 0.1.
    expected = state["gamma"] / std * (w - w.mean(axes) - z * (w * z).mean(axes))
    scale = np.abs(expected).max(axes)
    np.testing.assert_allclose(found[0] / scale, expected / scale, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found[1], (w * z).sum(axes), rtol=0, atol=1e-4)
    np.testing.assert_allclose(found[2], w.sum(axes), rtol=0, atol=1e-5)


def test_a_single_value_a_channel_has_finite_statistics():
    # n / (n - 1) has no value at n = 1.
    layer = BatchNorm()
    y = layer(tf.ones([1, 1, 1, 2]), training=True)
    np.testing.assert_array_equal(y, np.zeros((1, 1, 1, 2)))
    np.testing.assert_allclose(moving(layer), [[0.1, 0.1], [0.9, 0.9]], rtol=1e-6)


def test_large_mean_does_not_swallow_the_variance():
    # E[x^2] - E[x]^2 in float32 would give 0 or less: the squares are 1e6, and float32 keeps 7 digits.
    x = 1000.0 + np.random.default_rng(3).normal(0, 0.01, (4, 16, 16, 2))
    x = x.astype(np.float32)
    layer = BatchNorm()
    y = layer(tf.constant(x), training=True)
    x = x.astype(np.float64)
    expected = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-5)
    # The mean is a float32 number near 1000: off by up to 6e-5, which is 0.006 deviations.
    np.testing.assert_allclose(y, expected, rtol=0, atol=0.02)


def test_layer_survives_its_config(policy):
    layer, _ = layer_with_state(name="bn")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert isinstance(again, BatchNorm)
    assert (again.name, again.dtype_policy.name) == ("bn", policy)
    assert BatchNorm.from_config(layer.get_config()).name == "bn"


def test_convolution_of_stride_two_pads_all_four_sides():
    x = keras.Input((4, 4, 1))
    model = keras.Model(x, conv(x, 1, 3, "conv", "xavier", stride=2, padding=1))
    model.get_layer("conv").set_weights([np.ones((3, 3, 1, 1)), np.zeros(1)])
    # The first window starts at -1 and holds 2 x 2 pixels; "same" would pad after the last pixel only, and give 9.
    np.testing.assert_array_equal(model(tf.ones([1, 4, 4, 1]))[0, :, :, 0], [[4, 6], [6, 9]])


def test_convolution_without_padding_shrinks():
    x = keras.Input((5, 5, 2))
    assert conv(x, 3, 3, "conv", "xavier", activation="relu").shape == (None, 3, 3, 3)


def test_convolution_with_batch_norm_has_no_bias_and_a_relu_where_asked():
    x = keras.Input((6, 6, 2))
    model = keras.Model(x, [conv_bn(x, 3, 3, 1, "a"), conv_bn(x, 3, 7, 2, "b", relu=False)])
    assert [variable.name for variable in model.get_layer("a").variables] == ["kernel"]
    assert isinstance(model.get_layer("b_bn"), BatchNorm)
    with_relu, without = model(np.random.default_rng(4).normal(0, 1, (1, 6, 6, 2)).astype(np.float32))
    assert with_relu.shape == (1, 6, 6, 3)
    assert without.shape == (1, 3, 3, 3)
    assert with_relu.numpy().min() == 0
    assert without.numpy().min() < 0


def test_fresh_biases_and_kernels_have_the_reference_s_range():
    keras.utils.set_random_seed(0)
    x = keras.Input((4, 4, 100))
    model = keras.Model(x, conv(x, 400, 3, "conv", "xavier", padding=1))
    kernel, bias = model.get_layer("conv").get_weights()
    # PyTorch's default bias: U(-1, 1) / sqrt(fan_in), fan_in 900; xavier-uniform kernel: sqrt(6 / (900 + 3600)).
    for values, bound in ((bias, 1 / 30), (kernel, np.sqrt(6 / 4500))):
        assert np.abs(values).max() <= bound
        assert np.abs(values).max() > 0.97 * bound
        assert values.std() == pytest.approx(bound / np.sqrt(3), rel=0.1)  # 400 draws: 3 % of noise


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_strided_depthwise_convolution_in_half_precision_is_keras_s_with_its_gradients(padding):
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(2, 11, 11, 5)), tf.bfloat16)
    kernel = rng.normal(size=(3, 3, 5, 1))
    upstream = tf.constant(rng.normal(size=(2, 5, 5, 5) if padding == "valid" else (2, 6, 6, 5)), tf.bfloat16)
    found = []
    for layer in (DepthwiseConv2D, keras.layers.DepthwiseConv2D):
        made = layer(3, strides=2, padding=padding, use_bias=False, dtype="mixed_bfloat16")
        made.build(x.shape)
        made.kernel.assign(kernel)
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = made(x)
        found.append((outputs, *tape.gradient(outputs, (x, made.kernel.value), output_gradients=upstream)))
    for ours, theirs in zip(*found, strict=True):
        assert ours.dtype == theirs.dtype
        # Gradients of the input are sums of up to nine products of order 1 in bfloat16, here rounded once.
        np.testing.assert_allclose(tf.cast(ours, tf.float32), tf.cast(theirs, tf.float32), rtol=0.02, atol=0.05)


def test_depthwise_layer_survives_its_config():
    layer = DepthwiseConv2D(3, strides=2, use_bias=False, name="depthwise")
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
