# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Which layers `freeze_stages` freezes, and that they stay as they are in training."""

import numpy as np
import pytest
import tensorflow as tf

import ssd_tf
from ssd_tf.models.backbone import freeze_stages, is_backbone_layer
from ssd_tf.training.optimizer import SGD
from ssd_tf.training.step import apply_gradients, gradients_of

SPEC = ssd_tf.spec("ssd128_tiny")
FIRST_STAGE = ("conv2_1_1", "conv2_1_2", "conv2_1_shortcut")
SECOND_STAGE = ("conv3_1_1", "conv3_1_2", "conv3_1_shortcut", "conv3_2_1", "conv3_2_2")


@pytest.fixture
def model():
    return ssd_tf.build_model(SPEC, num_classes=2)


def frozen_layers(model):
    return {layer.name for layer in model.layers if layer.weights and not layer.trainable}


@pytest.mark.parametrize(
    ("stages", "convolutions"),
    [(0, ()), (1, ("conv1", *FIRST_STAGE)), (2, ("conv1", *FIRST_STAGE, *SECOND_STAGE))],
)
def test_stem_and_first_stages_are_frozen_with_their_batch_norm(model, stages, convolutions):
    freeze_stages(model, SPEC, stages)
    assert frozen_layers(model) == {*convolutions, *(f"{name}_bn" for name in convolutions)}


def test_optimizer_sees_the_other_layers_only(model):
    everything = len(model.trainable_variables)
    freeze_stages(model, SPEC, 1)
    # Four convolutions with a kernel, a gamma and a beta each.
    assert len(model.trainable_variables) == everything - 4 * 3
    assert not any(variable.path.startswith(("conv1", "conv2")) for variable in model.trainable_variables)


@pytest.mark.parametrize("stages", [3, -1])
def test_more_stages_than_there_are_are_refused(model, stages):
    with pytest.raises(ValueError, match=f"ssd128_tiny has 2 backbone stages to freeze. Received: {stages}"):
        freeze_stages(model, SPEC, stages)
    assert frozen_layers(model) == set()


def test_frozen_weights_and_statistics_stay_as_they_are_in_a_step(model):
    freeze_stages(model, SPEC, 1)
    optimizer = SGD(momentum=0.9, weight_decay=0.1)  # moves every weight that it is given
    optimizer.build(model.trainable_variables)
    before = model.get_weights()
    images = tf.random.stateless_normal([2, 128, 128, 3], [1, 2], mean=3.0)
    offsets, labels = ssd_tf.match(SPEC, [[[0.1, 0.2, 0.5, 0.6]]] * 2, [[1], [2]])
    gradients, _ = gradients_of(model, images, offsets, labels, batch_size=2)
    apply_gradients(model, optimizer, gradients, tf.constant(0.1))
    for weight, value in zip(model.weights, before, strict=True):
        if weight.path.startswith(("conv1", "conv2")):
            np.testing.assert_array_equal(weight, value, err_msg=weight.path)
        else:
            assert (weight.numpy() != value).any(), weight.path


def test_frozen_batch_norm_answers_in_training_as_in_evaluation(model):
    # Batch norm sits in the backbone alone.
    freeze_stages(model, SPEC, len(SPEC.backbone.stages))
    images = tf.random.stateless_normal([2, 128, 128, 3], [1, 2], mean=3.0)
    before = model.get_weights()
    training, evaluation = model(images, training=True), model(images)
    for name in ("offsets", "logits"):
        np.testing.assert_array_equal(training[name], evaluation[name])
    for weight, value in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value)


@pytest.mark.parametrize(
    ("detector", "stages", "frozen", "most"),
    [
        ("ssd300_vgg16", 1, {"conv1_1", "conv1_2"}, 5),
        (
            "ssdlite320_mobilenet_v2",
            1,
            {"conv0", "conv0_bn", *(f"block1_{part}{bn}" for part in ("depthwise", "project") for bn in ("", "_bn"))},
            17,
        ),
        ("ssd300_res10", 1, {"input_bn", "conv1", "conv1_bn", "block1_1", "block1_1_bn", "block1_2"}, 4),
    ],
)
def test_stages_of_other_backbones(detector, stages, frozen, most):
    spec = ssd_tf.spec(detector)
    model = ssd_tf.build_model(spec, num_classes=2)
    freeze_stages(model, spec, stages)
    assert frozen_layers(model) == frozen
    with pytest.raises(ValueError, match=f"{detector} has {most} backbone stages to freeze. Received: {most + 1}"):
        freeze_stages(model, spec, most + 1)


@pytest.mark.parametrize("detector", ["ssd300_vgg16", "ssdlite320_mobilenet_v2", "ssd300_res10"])
def test_backbone_is_what_makes_the_first_two_levels(detector):
    model = ssd_tf.build_model(detector, num_classes=2)
    rest = {layer.name for layer in model.layers if layer.weights and not is_backbone_layer(layer.name)}
    assert all(name.startswith(("extra", "offsets", "logits", "l2norm")) for name in rest)
    last = {"ssd300_vgg16": "fc7", "ssdlite320_mobilenet_v2": "conv18_bn", "ssd300_res10": "last_bn"}[detector]
    assert is_backbone_layer(last) and last in {layer.name for layer in model.layers}
