# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The optimizer against PyTorch's SGD, restated in NumPy from its documentation."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.training.optimizer import SGD

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
    optimizer = SGD(learning_rate=0.25, momentum=0.8, weight_decay=0.03, name="mine")
    for again in (
        SGD.from_config(optimizer.get_config()),
        keras.optimizers.deserialize(keras.optimizers.serialize(optimizer)),
    ):
        assert isinstance(again, SGD)
        assert again.name == "mine"
        assert float(again.learning_rate.numpy()) == 0.25
        values, gradients = start()
        found, expected = run(again, values, gradients), torch_sgd(values, gradients, 0.8, 0.03)
        np.testing.assert_allclose(found["kernel"], expected["kernel"], rtol=RELATIVE, atol=RELATIVE)
