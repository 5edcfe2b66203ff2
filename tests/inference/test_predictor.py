# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What --model names is loaded: the weights that were saved, and the classes that they are for."""

import pathlib
import types

import keras
import numpy as np
import pytest
import recipe
import tensorflow as tf
from absl import logging

import ssd_tf
from ssd_tf.data.annotations import Category
from ssd_tf.data.images import resize
from ssd_tf.export.runtimes import LiteRTPredictor
from ssd_tf.inference.batches import detect_batch, model_input
from ssd_tf.inference.load import device_name, load_predictor, load_predictor_for
from ssd_tf.inference.predictor import Predictor
from ssd_tf.training.checkpoints import Checkpoints
from ssd_tf.utils.hardware import cpu_name
from ssd_tf.weights.model_info import ModelInfo, save_config

CATEGORIES = (Category(1, "circle"), Category(3, "triangle"), Category(12, "cross"))


def tiny_model() -> keras.Model:
    keras.utils.set_random_seed(0)
    return ssd_tf.build_model("ssd128_tiny", len(CATEGORIES))


@pytest.fixture(scope="module")
def images() -> tf.Tensor:
    return tf.constant(np.stack([recipe.aug_image_u8(k, (128, 128)) for k in range(2)]))


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> tuple[pathlib.Path, keras.Model]:
    """A model_dir with checkpoints of steps 1 and 2 and no best one, and the model as it was at step 2."""
    folder = tmp_path_factory.mktemp("model")
    model = tiny_model()
    save_config(folder, ModelInfo(ssd_tf.spec("ssd128_tiny"), CATEGORIES), {})
    checkpoints = Checkpoints(folder, model, keras.optimizers.SGD())
    checkpoints.save(1)
    for variable in model.trainable_variables:
        variable.assign(variable * 0.9)
    checkpoints.save(2)
    return folder, model


def expected(model, images, threshold):
    outputs = model(ssd_tf.preprocess(images, "ssd128_tiny"), training=False)
    return ssd_tf.detect("ssd128_tiny", outputs["offsets"], outputs["logits"], threshold)


def assert_same_detections(found, wanted):
    # The model runs as a graph here and eagerly there: sums in another order.
    np.testing.assert_allclose(found.scores, wanted.scores, atol=1e-5)
    np.testing.assert_array_equal(found.count, wanted.count)
    # Near ties may swap their places, so compare what does not depend on the order.
    np.testing.assert_allclose(np.mean(found.boxes, axis=1), np.mean(wanted.boxes, axis=1), atol=1e-3)


def test_model_dir_gives_the_last_checkpoint_where_none_is_the_best(saved, images):
    folder, model = saved
    predictor = load_predictor(folder)
    assert isinstance(predictor, Predictor)
    assert predictor.spec == ssd_tf.spec("ssd128_tiny")
    assert predictor.categories == CATEGORIES
    found = predictor(images, 0.0)
    assert found.boxes.shape == (2, 200, 4)
    assert found.count.numpy().min() > 0
    assert_same_detections(found, expected(model, images, 0.0))


@pytest.mark.parametrize("name", ["checkpoints", "checkpoints/ckpt-2", "checkpoints/ckpt-2.index"])
def test_checkpoint_can_be_named_in_several_ways(saved, images, name):
    folder, model = saved
    assert_same_detections(load_predictor(str(folder / name))(images, 0.0), expected(model, images, 0.0))


def test_older_checkpoint_gives_its_own_weights(saved, images):
    folder, _ = saved
    old, new = (load_predictor(folder / "checkpoints" / f"ckpt-{step}")(images, 0.0) for step in (1, 2))
    assert np.abs(old.scores - new.scores).max() > 1e-3


def test_best_checkpoint_goes_before_the_last(tmp_path, images):
    model = tiny_model()
    save_config(tmp_path, ModelInfo(ssd_tf.spec("ssd128_tiny"), CATEGORIES), {})
    checkpoints = Checkpoints(tmp_path, model, keras.optimizers.SGD())
    assert checkpoints.save_if_best(1, 0.5)
    best = expected(model, images, 0.0)
    for variable in model.trainable_variables:
        variable.assign(variable * 0.9)
    checkpoints.save(2)
    assert not checkpoints.save_if_best(2, 0.4)
    found = load_predictor(tmp_path)(images, 0.0)
    assert_same_detections(found, best)
    assert np.abs(found.scores - expected(model, images, 0.0).scores).max() > 1e-3


def test_score_threshold_is_respected_and_is_the_references_by_default(saved, images):
    predictor = load_predictor(saved[0])
    scores = predictor(images, 0.0).scores.numpy()
    threshold = float(np.quantile(scores[scores > 0], 0.5))
    found = predictor(images, threshold)
    above = (scores > threshold).sum()
    assert 0 < found.count.numpy().sum() == above < (scores > 0).sum()
    default, explicit = predictor(images), predictor(images, 0.05)
    np.testing.assert_array_equal(default.scores, explicit.scores)


def test_detections_have_the_batch_and_the_classes_of_the_model(saved, images):
    predictor = load_predictor(saved[0])
    for batch_size in (1, 3):
        found = predictor(tf.repeat(images[:1], batch_size, axis=0), 0.0)
        assert found.boxes.shape[0] == found.count.shape[0] == batch_size
        classes = found.classes.numpy()[found.scores.numpy() > 0]
        assert set(classes.tolist()) <= {1, 2, 3}


def test_uint8_images_are_normalised(saved, images):
    predictor = load_predictor(saved[0])
    dark, bright = (predictor(tf.cast(tf.cast(images, tf.float32) * f, tf.uint8), 0.0).scores for f in (0.2, 1.0))
    assert np.abs(dark - bright).max() > 1e-4


@pytest.mark.parametrize("name", ["nowhere", "nowhere/checkpoints/ckpt-1"])
def test_model_that_is_not_there_is_named(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=name):
        load_predictor(tmp_path / name)


def test_folder_that_is_no_model_dir_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"config\.json"):
        load_predictor(tmp_path)


def test_model_dir_without_a_checkpoint_is_named(tmp_path):
    save_config(tmp_path, ModelInfo(ssd_tf.spec("ssd128_tiny"), CATEGORIES), {})
    with pytest.raises(FileNotFoundError, match="no checkpoint yet"):
        load_predictor(tmp_path)


def test_checkpoint_for_another_number_of_classes_is_refused(saved, tmp_path):
    folder, _ = saved
    save_config(tmp_path, ModelInfo(ssd_tf.spec("ssd128_tiny"), CATEGORIES[:2]), {})
    (tmp_path / "checkpoints").symlink_to(folder / "checkpoints")
    with pytest.raises(ValueError, match="cannot be loaded into ssd128_tiny"):
        load_predictor(tmp_path / "checkpoints" / "ckpt-2")


def test_model_computes_in_the_global_policy_and_answers_in_float32(saved, images):
    folder, model = saved
    wanted = expected(model, images, 0.0)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        found = load_predictor(folder)(images, 0.0)
    finally:
        keras.config.set_dtype_policy(before)
    assert found.scores.dtype == found.boxes.dtype == tf.float32
    # bfloat16 keeps 8 bits: scores near 0.4 are good to a few thousandths, and not to float32's 1e-5.
    difference = np.abs(found.scores - wanted.scores).max()
    assert 1e-4 < difference < 0.02


def test_limits_of_an_exported_model_are_told_where_they_cost_ap(saved, caplog, monkeypatch):
    monkeypatch.setattr(logging.get_absl_logger(), "propagate", True)
    manifest = types.SimpleNamespace(categories=CATEGORIES)
    load_predictor_for(saved[0], manifest)
    assert "exported with" not in caplog.text
    monkeypatch.setattr(Predictor, "min_score", 0.5)
    monkeypatch.setattr(Predictor, "max_detections", 10)
    load_predictor_for(saved[0], manifest)
    assert "exported with --score_threshold=0.5: detections between 0.05 and that are missing" in caplog.text
    assert "exported with --max_detections=10: AP, which looks at 100, may be lower" in caplog.text


def test_images_of_any_size_are_detected_in_whatever_the_batch():
    keras.utils.set_random_seed(0)
    predictor = Predictor(ssd_tf.spec("ssd128_tiny"), (Category(1, "a"),), ssd_tf.build_model("ssd128_tiny", 1))
    images = [recipe.aug_image_u8(k, size) for k, size in enumerate([(200, 100), (90, 150), (128, 128)])]
    inputs = [model_input(predictor, image) for image in images]
    together = detect_batch(predictor, inputs, 5, 0.0)
    assert len(together) == 3 and all(found.boxes.shape == (1, 200, 4) for found in together)
    for one, found in zip(inputs, together, strict=True):
        (alone,) = detect_batch(predictor, [one], 5, 0.0)
        np.testing.assert_allclose(found.scores, alone.scores, atol=1e-5)
        np.testing.assert_allclose(found.boxes, alone.boxes, atol=1e-4)
    assert not np.allclose(together[0].scores, together[1].scores)


def test_detections_wholly_outside_the_image_are_left_out():
    spec = ssd_tf.spec("ssd128_tiny")
    model = ssd_tf.build_model(spec, 1)
    # Answers that do not depend on the image: later levels score more, and the last two move their boxes down by ten
    # times their height.
    for level, settings in enumerate(spec.levels):
        dy = 10 / spec.variances[0] if level >= 2 else 0
        for head, values in (("logits", [0, level]), ("offsets", [dy, 0, 0, 0])):
            layer = model.get_layer(f"{head}{level}")
            layer.kernel.assign(tf.zeros_like(layer.kernel))
            layer.bias.assign(np.tile(np.float32(values), settings.boxes_per_cell))
    image = recipe.aug_image_u8(0, (128, 128))
    predictor = Predictor(spec, (Category(1, "a"),), model)
    everything = predictor(image[None], 0.0)
    (left,) = detect_batch(predictor, [image], 1, 0.0)
    boxes, count = everything.boxes.numpy()[0], int(left.count[0])
    inside = (boxes[:, :2] < 1).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1)
    assert 0 < count == inside.sum() < everything.count[0]
    assert not inside[0]
    for values, of_all in zip(left[:3], everything[:3], strict=True):
        np.testing.assert_array_equal(values[0, :count], of_all.numpy()[0, inside])
        assert values.shape == of_all.shape and not values[0, count:].any()


def test_device_of_a_keras_model_is_the_gpu_where_there_is_one(monkeypatch):
    predictor = object.__new__(Predictor)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    assert device_name(predictor) == f"CPU {cpu_name()}"
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a GPU"])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: {"device_name": "NVIDIA H100"})
    assert device_name(predictor) == "GPU NVIDIA H100"
    assert device_name(object.__new__(LiteRTPredictor)) == f"CPU {cpu_name()}"


@pytest.mark.parametrize("detector", ["ssd300_resnet34", "ssd300_vgg16"])
def test_images_are_resized_as_the_spec_says(detector):
    spec = ssd_tf.spec(detector)
    image = recipe.aug_image_u8(1, (640, 427))
    found = model_input(types.SimpleNamespace(spec=spec, on_tensorflow=True, input_size=(300, 300)), image)
    np.testing.assert_array_equal(found, resize(tf.constant(image), 300, spec.preprocessing.antialias))
    other = resize(tf.constant(image), 300, not spec.preprocessing.antialias)
    assert not np.array_equal(found, other)
