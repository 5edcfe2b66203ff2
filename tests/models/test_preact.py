# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The pre-activation ResNet: sides, shortcuts, gradients. That it computes what Caffe does: weights/test_res10.py."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.models.preact import preact_resnet
from ssd_tf.specs import BatchNormalization, PreactBlock, PreactResNet, spec_from_json, spec_to_json
from ssd_tf.specs.res10 import SSD300

SMALL = PreactResNet(4, (PreactBlock(4, 4), PreactBlock(6, 8, stride=2), PreactBlock(4, 8, dilation=2)))


def build(side, backbone=SMALL):
    images = keras.Input((side, side, 3))
    maps = preact_resnet(backbone, BatchNormalization(), images, backbone.feature_maps)
    return keras.Model(images, maps)


# Caffe: a convolution of 7x7, pad 3, stride 2 halves a side, rounded up; a pool of 3x3 without padding leaves
# ceil((side - 3) / 2) + 1; a convolution of 3x3, pad 1, stride 2 halves, rounded up.
@pytest.mark.parametrize(("side", "pooled", "half"), [(300, 75, 38), (302, 75, 38), (304, 76, 38), (306, 76, 38)])
def test_sides_are_caffe_s(side, pooled, half):
    maps = build(side).output
    assert {name: tuple(value.shape[1:]) for name, value in maps.items()} == {
        "block2_in": (pooled, pooled, 4),
        "block3_in": (half, half, 8),
        "last": (half, half, 8),
    }


@pytest.mark.parametrize("side", [20, 22])  # 10 and 11 after conv1: windows that end after the map, and with it
def test_pool_sees_the_windows_that_caffe_s_sees(side):
    model = build(side)
    probe = keras.Model(model.input, [model.get_layer(name).output for name in ("conv1_bn_relu", "pool1")])
    x, found = (value.numpy()[0] for value in probe(tf.random.stateless_normal([1, side, side, 3], [1, 2])))
    starts = range(0, 2 * len(found), 2)
    expected = [[x[row : row + 3, column : column + 3].max(axis=(0, 1)) for column in starts] for row in starts]
    np.testing.assert_array_equal(found, expected)


def test_first_block_adds_its_input_and_the_others_a_convolution_of_it():
    model = build(32)
    names = {layer.name for layer in model.layers if layer.weights}
    assert {name for name in names if "shortcut" in name} == {"block2_shortcut", "block3_shortcut"}
    assert {name for name in names if name.endswith("_bn")} == {
        *("input_bn", "conv1_bn", "block1_1_bn", "block2_bn", "block2_1_bn", "block3_bn", "block3_1_bn", "last_bn")
    }
    # Convolutions that add nothing leave the first block's input.
    for name in ("block1_2", "block2_2", "block2_shortcut", "block3_2", "block3_shortcut"):
        layer = model.get_layer(name)
        layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
    images = tf.random.stateless_normal([1, 32, 32, 3], [1, 2])
    found = keras.Model(model.input, [model.get_layer("pool1").output, model.get_layer("block2_bn").output])(images)
    np.testing.assert_allclose(found[1], found[0] / np.sqrt(1 + 1e-5), rtol=1e-6)
    assert not np.any(model(images)["last"])


def test_every_variable_has_a_gradient():
    model = build(40)
    with tf.GradientTape() as tape:
        maps = model(tf.random.stateless_normal([2, 40, 40, 3], [1, 2]), training=True)
        loss = tf.add_n([tf.reduce_sum(value**2 * value) for value in maps.values()])
    gradients = tape.gradient(loss, model.trainable_variables)
    still = {
        variable.path
        for variable, gradient in zip(model.trainable_variables, gradients, strict=True)
        if not np.abs(gradient).max() > 1e-3
    }
    assert still == {"conv1/bias"}  # what normalisation takes away again


def test_first_block_must_be_as_wide_as_the_stem():
    for blocks in ((), (PreactBlock(4, 8),), (PreactBlock(4, 4, stride=2),)):
        with pytest.raises(
            ValueError, match=r"expected a first block of 4 channels, as the stem, and stride 1. Received"
        ):
            PreactResNet(4, blocks)


def test_spec_becomes_json_and_the_same_spec_again():
    assert spec_from_json(spec_to_json(SSD300)) == SSD300
