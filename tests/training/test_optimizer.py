# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The optimizers: SGD against PyTorch's, restated in NumPy from its documentation, and AdamW by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.models.layers import conv, conv_bn
from ssd_tf.settings import OptimizerConfig
from ssd_tf.training.optimizer import SGD, make_optimizer
from ssd_tf.training.step import apply_gradients

# A few float32 operations on numbers up to 10, ten times over.
RELATIVE = 2e-6
# Warm-up, a plateau and a decay: what tells the rate outside the velocity from the rate inside.
RATES = (0.1, 0.2, 0.3, 0.3, 0.3, 0.03, 0.03, 0.03, 0.1, 0.0)
SHAPES = {"kernel": (3, 2), "bias": (4,)}


def start():
    rng = np.random.default_rng(0)
    values = {name: rng.normal(0, 3, shape) for name, shape in SHAPES.items()}
    return values, [{name: rng.normal(0, 1, shape) for name, shape in SHAPES.items()} for _ in RATES]


def torch_sgd(values, gradients, momentum, weight_decay):
    """torch.optim.SGD: g += wd * w; buf = momentum * buf + g (buf = g at first); w -= lr * buf."""
    values, buffers = dict(values), {}
    for rate, step in zip(RATES, gradients, strict=True):
        for name, gradient in step.items():
            gradient = gradient + weight_decay * values[name]
            buffers[name] = momentum * buffers[name] + gradient if name in buffers else gradient
            values[name] = values[name] - rate * buffers[name]
    return values


def run(optimizer, values, gradients):
    variables = {name: keras.Variable(value, name=name, dtype="float32") for name, value in values.items()}
    optimizer.build(list(variables.values()))
    for rate, step in zip(RATES, gradients, strict=True):
        optimizer.learning_rate.assign(rate)
        optimizer.apply([tf.constant(g, tf.float32) for g in step.values()], list(variables.values()))
    return {name: variable.numpy() for name, variable in variables.items()}


@pytest.mark.parametrize(("momentum", "weight_decay"), [(0.9, 5e-2), (0.9, 0.0), (0.0, 0.1), (0.5, 1.3e-4)])
def test_steps_are_pytorch_s(momentum, weight_decay):
    values, gradients = start()
    found = run(SGD(momentum=momentum, weight_decay=weight_decay), values, gradients)
    expected = torch_sgd(values, gradients, momentum, weight_decay)
    for name in SHAPES:
        np.testing.assert_allclose(found[name], expected[name], rtol=RELATIVE, atol=RELATIVE)


def test_keras_own_sgd_would_not_do():
    # Shows that the rates above tell the two apart.
    values, gradients = start()
    found = run(keras.optimizers.SGD(momentum=0.9, weight_decay=5e-2), values, gradients)
    expected = torch_sgd(values, gradients, 0.9, 5e-2)
    assert np.abs(found["kernel"] - expected["kernel"]).max() > 0.05


@pytest.mark.parametrize("name", ["kernel", "bias", "gamma", "beta"])
def test_every_parameter_is_decayed(name):
    variable = keras.Variable([2.0, -4.0], name=name)
    optimizer = SGD(learning_rate=0.5, weight_decay=0.1)
    optimizer.build([variable])
    optimizer.apply([tf.zeros(2)], [variable])
    # w - 0.5 * (0.1 * w).
    np.testing.assert_allclose(variable, [1.9, -3.8], rtol=1e-6)


def test_steps_are_the_same_in_a_compiled_function():
    values, gradients = start()
    variables = [keras.Variable(value, dtype="float32") for value in values.values()]
    optimizer = SGD(momentum=0.9, weight_decay=5e-2)
    optimizer.build(variables)

    @tf.function
    def step(rate, *gradients):
        optimizer.learning_rate.assign(rate)
        optimizer.apply(gradients, variables)

    for rate, step_gradients in zip(RATES, gradients, strict=True):
        step(tf.constant(rate), *(tf.constant(g, tf.float32) for g in step_gradients.values()))
    expected = torch_sgd(values, gradients, 0.9, 5e-2)
    for variable, name in zip(variables, SHAPES, strict=True):
        np.testing.assert_allclose(variable, expected[name], rtol=RELATIVE, atol=RELATIVE)
    assert int(optimizer.iterations.numpy()) == len(RATES)


def test_optimizer_survives_its_config():
    optimizer = SGD(learning_rate=0.25, momentum=0.8, weight_decay=0.03, double_bias_rate=True, name="mine")
    for again in (
        SGD.from_config(optimizer.get_config()),
        keras.optimizers.deserialize(keras.optimizers.serialize(optimizer)),
    ):
        assert isinstance(again, SGD)
        assert again.name == "mine" and again.double_bias_rate
        assert float(again.learning_rate.numpy()) == 0.25
        values, gradients = start()
        found, expected = run(again, values, gradients), torch_sgd(values, gradients, 0.8, 0.03)
        np.testing.assert_allclose(found["kernel"], expected["kernel"], rtol=RELATIVE, atol=RELATIVE)


@pytest.fixture
def small_model():
    """Two convolutions: one with batch norm, one with a bias. Every trained value is 2 or -4, in turns."""
    images = keras.Input((4, 4, 2))
    model = keras.Model(images, conv(conv_bn(images, 4, 3, 1, "conv1"), 2, 3, "head", "xavier", padding=1))
    for variable in model.trainable_variables:
        variable.assign(start_value(variable))
    assert {variable.name for variable in model.trainable_variables} == {"kernel", "gamma", "beta", "bias"}
    return model


def start_value(variable):
    return np.resize([2.0, -4.0], variable.shape)


def apply(optimizer, model, gradients):
    """One step at rate 0.5."""
    optimizer.learning_rate.assign(0.5)
    optimizer.apply([tf.constant(g, tf.float32) for g in gradients], model.trainable_variables)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("decay_all", [True, False])
def test_decay_of_biases_and_batch_norm_is_a_choice(small_model, optimizer, decay_all):
    config = OptimizerConfig(optimizer, weight_decay=0.1, decay_bias_and_norm=decay_all)
    zeros = [np.zeros(variable.shape) for variable in small_model.trainable_variables]
    apply(make_optimizer(config, small_model), small_model, zeros)
    for variable in small_model.trainable_variables:
        # With gradient zero both optimizers leave w - 0.5 * 0.1 * w.
        factor = 0.95 if decay_all or variable.name == "kernel" else 1.0
        np.testing.assert_allclose(variable, factor * start_value(variable), rtol=1e-6, err_msg=variable.path)


def test_biases_at_twice_the_rate_without_decay_move_as_in_pytorch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(4)
    images, wanted = (
        rng.normal(size=(16, 5, 5, 3)).astype(np.float32),
        rng.normal(size=(16, 3, 3, 4)).astype(np.float32),
    )
    inputs = keras.Input((5, 5, 3))
    layer = keras.layers.Conv2D(4, 3)
    model = keras.Model(inputs, layer(inputs))
    layer.bias.assign(rng.normal(size=4))

    # As Caffe's solver has it: kernels once the rate and the decay, biases twice the rate and no decay.
    kernel = torch.nn.Parameter(torch.tensor(layer.kernel.numpy().transpose(3, 2, 0, 1).copy()))
    bias = torch.nn.Parameter(torch.tensor(layer.bias.numpy()))
    rates = (0.02, 0.02, 0.03, 0.03, 0.003, 0.003)
    groups = [{"params": [kernel]}, {"params": [bias], "weight_decay": 0.0}]
    theirs = torch.optim.SGD(groups, lr=1.0, momentum=0.9, weight_decay=0.05)
    config = OptimizerConfig(weight_decay=0.05, decay_bias_and_norm=False, double_bias_rate=True)
    ours = make_optimizer(config, model)
    for rate in rates:
        for group, factor in zip(theirs.param_groups, (1, 2), strict=True):
            group["lr"] = factor * rate
        found = torch.nn.functional.conv2d(torch.tensor(images.transpose(0, 3, 1, 2)), kernel, bias)
        theirs.zero_grad()
        (found - torch.tensor(wanted.transpose(0, 3, 1, 2))).square().mean().backward()
        theirs.step()
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(images) - wanted))
        apply_gradients(model, ours, tape.gradient(loss, model.trainable_variables), tf.constant(rate))
    # At one rate for all the biases would be 9e-4 apart.
    np.testing.assert_allclose(layer.kernel, kernel.detach().numpy().transpose(2, 3, 1, 0), rtol=0, atol=1e-6)
    np.testing.assert_allclose(layer.bias, bias.detach().numpy(), rtol=0, atol=1e-6)


def test_sgd_takes_its_settings_from_the_config(small_model):
    optimizer = make_optimizer(OptimizerConfig(momentum=0.8, weight_decay=0.1), small_model)
    ones = [np.ones(variable.shape) for variable in small_model.trainable_variables]
    for _ in range(2):
        apply(optimizer, small_model, ones)
    for variable in small_model.trainable_variables:
        # v1 = 1 + 0.1 w, w1 = w - 0.5 v1; v2 = 0.8 v1 + 1 + 0.1 w1, w2 = w1 - 0.5 v2:
        # w = 2: v1 = 1.2, w1 = 1.4, v2 = 2.1, w2 = 0.35; w = -4: v1 = 0.6, w1 = -4.3, v2 = 1.05, w2 = -4.825.
        np.testing.assert_allclose(variable, np.resize([0.35, -4.825], variable.shape), rtol=1e-6)


def test_adamw_s_first_steps_by_hand(small_model):
    # Whatever its size, the first gradient g moves w by the rate against its sign: m / (1 - 0.9) is g, and
    # v / (1 - 0.999) is g^2. Before that w loses 0.5 * 0.1 of itself, apart from the gradient.
    # Then comes -g: m = 0.09 g - 0.1 g = -0.01 g over 1 - 0.81, v over 1 - 0.998001 is g^2 again: by 0.5 / 19 back.
    optimizer = make_optimizer(OptimizerConfig("adamw", weight_decay=0.1), small_model)
    gradients = [np.resize([3.0, 0.01], variable.shape) for variable in small_model.trainable_variables]
    first = 0.95 * np.array([2.0, -4.0]) - 0.5
    second = 0.95 * first + 0.5 / 19
    for sign, expected in ((1, first), (-1, second)):
        apply(optimizer, small_model, [sign * gradient for gradient in gradients])
        for variable in small_model.trainable_variables:
            # Epsilon, 1e-7 beside sqrt(v) = 3e-4, takes 3e-4 of a step of 0.5 away.
            np.testing.assert_allclose(variable, np.resize(expected, variable.shape), rtol=0, atol=2e-4)


def test_frozen_layers_have_no_place_in_the_optimizer(small_model):
    small_model.get_layer("conv1").trainable = False
    optimizer = make_optimizer(OptimizerConfig(), small_model)
    assert len(optimizer.velocities) == len(small_model.trainable_variables) == 4


def test_unknown_optimizer_is_refused(small_model):
    with pytest.raises(ValueError, match=r"optimizer: expected sgd or adamw\. Received: 'lion'"):
        make_optimizer(OptimizerConfig("lion"), small_model)
