# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A folded model gives the outputs of the model that it was made of, without its normalisations."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf

import ssd_tf
from ssd_tf.data.annotations import Category
from ssd_tf.inference.predictor import Predictor
from ssd_tf.models.folding import fold_batch_norm
from ssd_tf.models.layers import BatchNorm
from ssd_tf.models.ssd import drawing_weights
from tests.fixtures.norms import with_trained_norms

CATEGORIES = (Category(3, "circle"), Category(7, "star"))
# All ways to build: ResNet, depthwise convolutions, blocks that begin with a normalisation.
NAMES = (
    "ssd128_tiny",
    "ssdlite320_mobilenet_v2",
    pytest.param("ssdlite320_mobilenet_v3_large", marks=pytest.mark.proof),
    "ssd300_res10",
)
# Normalisations that follow no convolution.
STAY = {"ssd300_res10": {"input_bn", "block2_bn", "block3_bn", "block4_bn", "last_bn"}}


def trained_looking(name: str, policy: str = "float32") -> keras.Model:
    with drawing_weights(0, policy):
        return with_trained_norms(ssd_tf.build_model(name, len(CATEGORIES)))


def images_of(model: keras.Model) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 1, (1, *model.input.shape[1:])).astype(np.float32)


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_those_of_the_model(name):
    model = trained_looking(name)
    images, before = images_of(model), [np.asarray(weight) for weight in model.weights]
    state = random.getstate()
    folded = fold_batch_norm(model)
    assert random.getstate() == state
    found, expected = folded(images), model(images, training=False)
    for part in ("offsets", "logits"):
        scale = np.abs(expected[part]).max()
        np.testing.assert_allclose(found[part], expected[part], rtol=0, atol=2e-5 * scale)
    assert {layer.name for layer in folded.layers if isinstance(layer, BatchNorm)} == STAY.get(name, set())
    assert folded.trainable_variables == []
    for weight, value in zip(model.weights, before, strict=True):  # the model is left as it is
        np.testing.assert_array_equal(weight, value)


def test_folded_model_computes_in_the_models_dtypes():
    folded = fold_batch_norm(trained_looking("ssd128_tiny", "mixed_bfloat16"))
    assert folded.get_layer("conv1").compute_dtype == "bfloat16"
    assert folded(images_of(folded))["logits"].dtype == tf.float32


def test_frozen_predictor_finds_the_same_without_a_normalisation_in_its_graph():
    model = trained_looking("ssd128_tiny")
    images = tf.constant(np.random.default_rng(2).integers(0, 256, (2, 128, 128, 3), np.uint8))
    live, frozen = (Predictor(ssd_tf.spec("ssd128_tiny"), CATEGORIES, model, frozen=value) for value in (False, True))
    expected, found = live(images), frozen(images)
    np.testing.assert_array_equal(found.count, expected.count)
    assert expected.count[0] > 0
    np.testing.assert_array_equal(found.classes, expected.classes)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.boxes, expected.boxes, rtol=0, atol=1e-5)
    operations = {
        predictor: [
            op.type for op in predictor._predict.get_concrete_function(images, tf.constant(0.5)).graph.get_operations()
        ]
        for predictor in (live, frozen)
    }
    assert "FusedBatchNormV3" in operations[live] and "ReadVariableOp" in operations[live]
    assert "FusedBatchNormV3" not in operations[frozen] and "ReadVariableOp" not in operations[frozen]


def test_live_predictor_follows_the_weights_and_a_frozen_one_does_not():
    model = trained_looking("ssd128_tiny")
    images = tf.constant(np.random.default_rng(2).integers(0, 256, (1, 128, 128, 3), np.uint8))
    live, frozen = (Predictor(ssd_tf.spec("ssd128_tiny"), CATEGORIES, model, frozen=value) for value in (False, True))
    first = live(images).scores.numpy()
    np.testing.assert_allclose(frozen(images).scores, first, rtol=0, atol=1e-5)
    for level in range(4):
        head = model.get_layer(f"logits{level}")
        head.kernel.assign(head.kernel * 3.0)
    assert np.abs(live(images).scores - first).max() > 0.01
    np.testing.assert_allclose(frozen(images).scores, first, rtol=0, atol=1e-5)
