# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The model: its size, shapes and dtypes, and its outputs against the reference's with the same weights and images."""

import dataclasses
import json
import random

import keras
import numpy as np
import pytest
import recipe
import tensorflow as tf

import ssd_tf
from ssd_tf.models.layers import BatchNorm
from ssd_tf.models.ssd import drawing_weights

# float32 sums in another order than PyTorch's; outputs up to 20. Measured: 3e-5.
FORWARD = 1e-3


@pytest.fixture
def bfloat16_policy():
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    yield
    keras.mixed_precision.set_global_policy(before)


@pytest.fixture(scope="module")
def ssd300():
    return ssd_tf.build_model("ssd300_resnet34", num_classes=80)


@pytest.fixture(scope="module")
def reference_outputs(ssd300, golden, reference_order, tmp_path_factory):
    """mode -> ours and the reference's (offsets, a sample of the logits) in the reference's layout."""
    entries = json.loads((golden / "forward.json").read_text())["state_dict"]
    path = tmp_path_factory.mktemp("weights") / "recipe.npz"
    np.savez(path, **{name: recipe.weight(name, entry["shape"]) for name, entry in entries.items()})
    ssd_tf.load_weights(ssd300, path)
    reference = np.load(golden / "forward.npz")
    images = recipe.images(7, 2).transpose(0, 2, 3, 1)
    back = np.argsort(reference_order)
    outputs = {}
    for mode in ("eval", "train"):  # training last: it moves the statistics
        found = ssd300(images, training=mode == "train")
        offsets = found["offsets"].numpy()[:, back][..., [1, 0, 3, 2]].transpose(0, 2, 1)
        logits = found["logits"].numpy()[:, back].transpose(0, 2, 1)[tuple(reference["conf_index"])]
        outputs[mode] = (offsets, reference[f"loc_{mode}_f32"]), (logits, reference[f"conf_sample_{mode}_f32"])
    return outputs


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_outputs_are_the_reference_s(reference_outputs, mode):
    (offsets, reference_offsets), (logits, reference_logits) = reference_outputs[mode]
    assert np.abs(reference_offsets).max() > 1
    np.testing.assert_allclose(offsets, reference_offsets, rtol=0, atol=FORWARD)
    np.testing.assert_allclose(logits, reference_logits, rtol=0, atol=FORWARD)


def test_modes_differ(reference_outputs):
    # Else the test above would not tell whether training uses the batch's statistics.
    assert np.abs(reference_outputs["eval"][0][1] - reference_outputs["train"][0][1]).max() > 100 * FORWARD


def test_ssd300_has_the_reference_s_number_of_parameters(ssd300):
    assert sum(int(np.prod(variable.shape)) for variable in ssd300.trainable_variables) == 19_972_534


@pytest.mark.parametrize(("name", "size", "anchors"), [("ssd300_resnet34", 300, 8732), ("ssd128_tiny", 128, 1520)])
def test_shapes_and_dtypes(name, size, anchors):
    model = ssd_tf.build_model(name, num_classes=5)
    assert model.name == name
    assert model.input_shape == (None, size, size, 3)
    outputs = model(tf.zeros([2, size, size, 3]))
    assert {key: (tuple(value.shape), value.dtype) for key, value in outputs.items()} == {
        "offsets": ((2, anchors, 4), tf.float32),
        "logits": ((2, anchors, 6), tf.float32),
    }


def test_head_outputs_follow_the_order_of_the_anchors():
    # All heads are silent but for the biases of the 8x8 level's, which count through the boxes of a cell.
    model = ssd_tf.build_model("ssd128_tiny", num_classes=2)
    for layer in model.layers:
        if layer.name.startswith(("offsets", "logits")) and layer.weights:
            layer.set_weights([np.zeros(w.shape) for w in layer.get_weights()])
    kernel, _ = model.get_layer("offsets1").get_weights()
    model.get_layer("offsets1").set_weights([kernel, np.arange(24)])
    offsets = model(tf.zeros([1, 128, 128, 3]))["offsets"][0].numpy()
    level = slice(16 * 16 * 4, 16 * 16 * 4 + 8 * 8 * 6)
    np.testing.assert_array_equal(offsets[level].reshape(64, 6, 4), np.tile(np.arange(24).reshape(6, 4), (64, 1, 1)))
    assert not np.delete(offsets, level, axis=0).any()


def test_an_object_moves_the_outputs_of_the_anchors_around_it():
    model = ssd_tf.build_model("ssd128_tiny", num_classes=1)
    images = np.zeros((2, 128, 128, 3), np.float32)
    images[1, 100:104, 20:24] = 3.0
    logits = model(images)["logits"].numpy()
    change = np.abs(logits[1] - logits[0]).max(axis=-1)[: 16 * 16 * 4].reshape(16, 16, 4).max(axis=-1)
    row, column = np.unravel_index(change.argmax(), (16, 16))
    # Pixel (102, 22) is in cell (12, 2); the strongest answer comes from there or from next to it.
    assert abs(row - 12) <= 2
    assert abs(column - 2) <= 2


@pytest.mark.usefixtures("bfloat16_policy")
def test_mixed_precision_computes_in_bfloat16_and_answers_in_float32():
    model = ssd_tf.build_model("ssd128_tiny", num_classes=2)
    computing = [layer for layer in model.layers if isinstance(layer, (keras.layers.Conv2D, BatchNorm))]
    assert {layer.compute_dtype for layer in computing} == {"bfloat16"}
    assert {variable.dtype for variable in model.variables} == {"float32"}
    for training in (False, True):
        outputs = model(tf.random.stateless_normal([2, 128, 128, 3], [1, 2]), training=training)
        assert {value.dtype for value in outputs.values()} == {tf.float32}
        assert np.isfinite(outputs["logits"]).all()


@pytest.mark.usefixtures("bfloat16_policy")
def test_mixed_precision_gives_about_the_same():
    mixed = ssd_tf.build_model("ssd128_tiny", num_classes=2)
    keras.mixed_precision.set_global_policy("float32")
    full = ssd_tf.build_model("ssd128_tiny", num_classes=2)
    full.set_weights(mixed.get_weights())
    images = tf.random.stateless_normal([2, 128, 128, 3], [1, 2])
    ours, exact = mixed(images)["logits"].numpy(), full(images)["logits"].numpy()
    assert not np.array_equal(ours, exact)
    # 8 bits of mantissa through a dozen layers.
    assert np.abs(ours - exact).max() < 0.05 * np.abs(exact).max()


@pytest.mark.parametrize("name", ["ssd128_tiny", "ssdlite320_mobilenet_v2", "ssd300_vgg16", "ssd300_res10"])
def test_names_of_layers_do_not_hang_on_what_was_built_before(name):
    # An exported file has them in it, and the same model is to give the same file in every program.
    one, other = (ssd_tf.build_model(name, 3) for _ in range(2))
    assert [layer.name for layer in one.layers] == [layer.name for layer in other.layers]


@pytest.mark.parametrize("num_classes", [0, -1])
def test_no_classes_are_refused(num_classes):
    with pytest.raises(ValueError, match=f"num_classes: expected at least 1.*Received: {num_classes}"):
        ssd_tf.build_model("ssd128_tiny", num_classes)


def test_unknown_detector_is_refused():
    with pytest.raises(ValueError, match="unknown detector 'nothing'"):
        ssd_tf.build_model("nothing", 3)


def test_spec_whose_cells_do_not_follow_from_its_layers_is_refused():
    spec = ssd_tf.spec("ssd128_tiny")
    levels = (spec.levels[0], dataclasses.replace(spec.levels[1], cells=9), *spec.levels[2:])
    with pytest.raises(ValueError, match=r"ssd128_tiny: level 1 is \(8, 8\), the spec says 9 cells"):
        ssd_tf.build_model(dataclasses.replace(spec, levels=levels), 3)


# Keras 3.15 calls np.array() on its variables, which NumPy 2 would like to have a copy keyword.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_saved_model_answers_alike_after_loading(tmp_path):
    model = ssd_tf.build_model("ssd128_tiny", num_classes=3)
    images = tf.random.stateless_normal([2, 128, 128, 3], [3, 4])
    model(images, training=True)  # so that the moving statistics are not the initial ones
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.name == "ssd128_tiny"
    expected, found = model(images), again(images)
    for key in ("offsets", "logits"):
        np.testing.assert_array_equal(found[key], expected[key])
    # The loaded layers are ours, and train as before.
    np.testing.assert_array_equal(again(images, training=True)["logits"], model(images, training=True)["logits"])


def test_seed_draws_the_same_weights_and_leaves_no_trace():
    def weights(seed: int) -> list[np.ndarray]:
        with drawing_weights(seed, "mixed_bfloat16"):
            model = ssd_tf.build_model("ssd128_tiny", num_classes=1)
        assert model.get_layer("conv1").compute_dtype == "bfloat16"
        return [weight.numpy() for weight in model.trainable_weights]

    policy, python, numpy = keras.mixed_precision.dtype_policy(), random.getstate(), np.random.get_state()[1].tolist()
    first, again, other = weights(3), weights(3), weights(4)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))
    with pytest.raises(KeyError), drawing_weights(3, "mixed_bfloat16"):
        raise KeyError
    assert keras.mixed_precision.dtype_policy() == policy
    assert random.getstate() == python and np.random.get_state()[1].tolist() == numpy


def test_seed_draws_what_keras_draws_from_it():
    keras.utils.set_random_seed(3)
    wanted = ssd_tf.build_model("ssd128_tiny", num_classes=1)
    with drawing_weights(3):
        model = ssd_tf.build_model("ssd128_tiny", num_classes=1)
    for weight, other in zip(model.weights, wanted.weights, strict=True):
        np.testing.assert_array_equal(weight.numpy(), other.numpy())
