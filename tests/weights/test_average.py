# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The mean of checkpoints, by arithmetic."""

import numpy as np
import pytest

import ssd_tf
from ssd_tf.training.checkpoints import Checkpoints
from ssd_tf.training.optimizer import SGD
from ssd_tf.weights.model_dir import average_checkpoints, list_checkpoints

CLASSES = 2


@pytest.fixture(scope="module")
def models():
    """Two models and an optimizer for all tests: the one that is trained, and the one that keeps its average."""
    model, average = (ssd_tf.build_model("ssd128_tiny", CLASSES) for _ in range(2))
    optimizer = SGD()
    optimizer.build(model.trainable_variables)
    return model, average, optimizer


@pytest.fixture
def model(models):
    return models[0]


def fill(model, value):
    """Weight number i is i + value everywhere: the running statistics too, and no two weights are alike."""
    model.set_weights([np.full(weight.shape, i + value, np.float32) for i, weight in enumerate(model.weights)])


def assert_filled(model, value):
    for i, weight in enumerate(model.weights):
        np.testing.assert_array_equal(weight, np.full(weight.shape, i + value, np.float32), err_msg=weight.path)


@pytest.fixture
def prefixes(models, tmp_path):
    """Checkpoints filled with 1, 2 and 6."""
    model, _, optimizer = models
    checkpoints = Checkpoints(tmp_path, model, optimizer, kept=3)
    for step, value in enumerate((1, 2, 6), start=1):
        fill(model, value)
        checkpoints.save(step)
    fill(model, 100)
    return list_checkpoints(tmp_path)


def test_mean_of_three_has_the_running_statistics_too(model, prefixes):
    assert len(prefixes) == 3
    average_checkpoints(model, prefixes)
    assert {"moving_mean", "moving_variance"} <= {weight.name for weight in model.weights}
    # (1 + 2 + 6) / 3; whole numbers are exact.
    assert_filled(model, 3)


def test_every_checkpoint_counts_as_often_as_it_is_named(model, prefixes):
    average_checkpoints(model, [prefixes[0], prefixes[2], prefixes[2], prefixes[2]])
    # (1 + 3 * 6) / 4.
    assert_filled(model, 4.75)


def test_mean_of_one_is_itself_bit_for_bit(models, tmp_path):
    model, _, optimizer = models
    rng = np.random.default_rng(0)
    weights = [rng.normal(0, 1, weight.shape).astype(np.float32) for weight in model.weights]
    model.set_weights(weights)
    Checkpoints(tmp_path, model, optimizer).save(1)
    fill(model, 100)
    average_checkpoints(model, list_checkpoints(tmp_path))
    for weight, expected in zip(model.weights, weights, strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_mean_is_not_rounded_on_the_way(models, tmp_path):
    # In float32 1 + 2**-24 is 1, so that a float32 sum of the four would lose all three small parts.
    model, _, optimizer = models
    checkpoints = Checkpoints(tmp_path, model, optimizer, kept=4)
    for step, value in enumerate((1.0, 2.0**-24, 2.0**-24, 2.0**-24), start=1):
        model.set_weights([np.full(weight.shape, value, np.float32) for weight in model.weights])
        checkpoints.save(step)
    average_checkpoints(model, list_checkpoints(tmp_path))
    expected = np.float32((1 + 3 * 2.0**-24) / 4)
    assert expected != np.float32(0.25)
    for weight in model.weights:
        np.testing.assert_array_equal(weight, np.full(weight.shape, expected))


def test_of_a_run_with_a_moving_average_the_averages_are_taken(models, tmp_path):
    model, average, optimizer = models
    checkpoints = Checkpoints(tmp_path, model, optimizer, average, kept=2)
    for step, value in enumerate((10, 20), start=1):
        fill(model, 1000 * value)
        fill(average, value)
        checkpoints.save(step)
    average_checkpoints(model, list_checkpoints(tmp_path))
    assert_filled(model, 15)


def test_no_checkpoint_is_refused(model):
    fill(model, 100)
    with pytest.raises(ValueError, match="expected at least one checkpoint to average"):
        average_checkpoints(model, [])
    assert_filled(model, 100)


@pytest.mark.parametrize(("detector", "classes"), [("ssd128_tiny", CLASSES + 1), ("ssd300_resnet34", CLASSES)])
def test_checkpoints_of_another_model_are_refused(prefixes, detector, classes):
    with pytest.raises(ValueError, match=rf"ckpt-1: cannot be loaded into {detector}"):
        average_checkpoints(ssd_tf.build_model(detector, classes), prefixes)
