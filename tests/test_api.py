# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The Python face: Detector from its classes or a file, prediction, training, evaluation, saving and export."""

import json
import pathlib
import random

import keras
import numpy as np
import PIL.Image
import pytest

import ssd_tf
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.formats.shapes import CATEGORIES
from ssd_tf.evaluation.evaluator import evaluate_split
from ssd_tf.inference.load import load_predictor
from ssd_tf.settings import AugmentConfig
from ssd_tf.utils.errors import UserError
from ssd_tf.weights.model_dir import save_model
from ssd_tf.weights.model_info import ModelInfo
from tests.fixtures.specs import with_input
from tests.fixtures.turned import photo

NAMES = list(CATEGORIES.values())


@pytest.fixture(scope="module")
def detector(trained) -> ssd_tf.Detector:
    return ssd_tf.Detector.load(trained)


@pytest.fixture(scope="module")
def files(drawn) -> list[pathlib.Path]:
    return sorted((drawn / "images").iterdir())[:3]


def same(found: ssd_tf.Prediction, wanted: ssd_tf.Prediction) -> bool:
    return len(found) > 0 and all(
        np.array_equal(getattr(found, name), getattr(wanted, name)) for name in ("boxes_xyxy", "scores", "labels")
    )


def weights_of(detector: ssd_tf.Detector) -> dict[str, np.ndarray]:
    # Not of its `model`, which would leave the module's detector unfrozen for the tests that follow.
    return {weight.path: weight.numpy() for weight in detector._keras_model().weights}


def test_new_detector_has_its_classes_and_fresh_weights():
    detector = ssd_tf.Detector("ssd128_tiny", classes=["cat", "dog"])
    assert (detector.spec, detector.classes) == (ssd_tf.spec("ssd128_tiny"), ["cat", "dog"])
    assert [category.id for category in detector.categories] == [1, 2]
    assert repr(detector) == "Detector('ssd128_tiny', classes=['cat', 'dog'])"
    assert detector.model.output["logits"].shape == (None, 1520, 3)


def test_classes_may_have_ids_of_their_own():
    detector = ssd_tf.Detector("ssd128_tiny", classes={18: "dog", 17: "cat"})
    assert [(category.id, category.name) for category in detector.categories] == [(17, "cat"), (18, "dog")]


@pytest.mark.parametrize("classes", [(), [], {}, "cat", ["cat", 3], ["cat", "cat"], {1: "cat", 2: "cat"}, 3, None])
def test_classes_that_are_no_list_of_names_are_refused(classes):
    with pytest.raises(UserError, match="classes: expected"):
        ssd_tf.Detector("ssd128_tiny", classes=classes)


def test_weights_of_a_run_are_taken(trained, detector):
    taken = ssd_tf.Detector("ssd128_tiny", classes=NAMES, weights=trained)
    wanted = weights_of(detector)
    assert all(np.array_equal(value, wanted[name]) for name, value in weights_of(taken).items())


def test_weights_of_other_classes_leave_the_heads_for_classes_fresh(trained, detector):
    taken, wanted = weights_of(ssd_tf.Detector("ssd128_tiny", classes=["cat"], weights=trained)), weights_of(detector)
    shared = [name for name in wanted if not name.startswith("logits")]
    assert shared and all(np.array_equal(taken[name], wanted[name]) for name in shared)
    assert taken["logits0/bias"].shape != wanted["logits0/bias"].shape


@pytest.mark.parametrize("weights", ["coco", "imagenet"])
def test_weights_that_nobody_published_are_refused_with_the_detectors_that_have_some(weights):
    known = r"expected one of .*ssdlite320_mobilenet_v.*\. Received: ssd128_tiny$"
    with pytest.raises(UserError, match=f"weights '{weights}': {known}"):
        ssd_tf.Detector("ssd128_tiny", classes=["cat"], weights=weights)


def test_every_kind_of_image_gives_the_same_boxes(detector, files):
    wanted = detector.predict(files[0], score_threshold=0.06)
    image = PIL.Image.open(files[0])
    array = np.asarray(image)
    for images in (str(files[0]), [files[0]], image, array, array[None], [image]):
        found = detector.predict(images, score_threshold=0.06)
        assert len(found) == 1 and same(found[0], wanted[0])


def test_image_that_exif_turns_is_the_upright_one(detector, files, tmp_path):
    upright = np.asarray(PIL.Image.open(files[0]))
    (tmp_path / "lying.png").write_bytes(photo(upright, 6))
    (wanted,) = detector.predict(upright, score_threshold=0.06)
    for image in (tmp_path / "lying.png", PIL.Image.open(tmp_path / "lying.png")):
        (found,) = detector.predict(image, score_threshold=0.06)
        assert (found.height, found.width) == upright.shape[:2] and same(found, wanted)
        np.testing.assert_array_equal(found.image, upright)


def test_images_of_all_sizes_keep_their_order_and_their_pixels(detector, files):
    images = [PIL.Image.open(files[k % 3]).resize((80 + 30 * k, 60)) for k in range(5)]
    together = detector.predict(images, score_threshold=0.06, batch_size=2)
    for k, found in enumerate(together):
        assert (found.width, found.height) == (80 + 30 * k, 60)
        (alone,) = detector.predict(images[k], score_threshold=0.06)
        # Batches of another size sum in another order.
        np.testing.assert_allclose(found.scores, alone.scores, atol=1e-5)
        # Boxes in pixels: the model's, by the sides of this very image.
        sides = np.array([found.width, found.height] * 2)
        normalised = np.asarray(found.detections.boxes)[0, : len(found), [1, 0, 3, 2]].T
        np.testing.assert_allclose(found.boxes_xyxy, normalised * sides, rtol=1e-6)


def test_folder_and_pattern_stand_for_their_images(detector, drawn):
    found = detector.predict(drawn / "images")
    assert [prediction.source for prediction in found] == sorted((drawn / "images").iterdir())
    assert len(detector.predict(f"{drawn}/images/*1.jpg")) == 3  # 00000001, 11 and 21 of 24
    assert detector.predict([]) == []


def test_prediction_has_evaluations_numbers(detector, files, prepared, trained):
    manifest = ssd_tf.api.load_manifest(prepared, "val")
    evaluation = evaluate_split(load_predictor(trained), prepared, manifest, with_input(128), 1)
    dataset = read_coco(prepared.parent / "drawn" / "annotations.json", files[0].parent)
    for image in dataset.images[:3]:
        (found,) = detector.predict(image.path, score_threshold=detector.spec.detection.score_threshold, batch_size=1)
        wanted = [result for result in evaluation.results if result["image_id"] == image.image_id]
        assert found.to_coco(image.image_id) == wanted
        assert found.labels.tolist() == [result["category_id"] for result in wanted]
        assert found.names == [CATEGORIES[label] for label in found.labels]


def test_predictions_follow_the_weights_once_the_model_is_at_hand(trained, files):
    detector = ssd_tf.Detector.load(trained)
    (before,) = detector.predict(files[0], score_threshold=0.1)
    assert len(before) > 0
    for level in range(4):
        head = detector.model.get_layer(f"logits{level}")
        head.kernel.assign(0.0 * head.kernel)
    (after,) = detector.predict(files[0], score_threshold=0.1)
    assert after.to_coco(1) != before.to_coco(1)


def test_plot_draws_on_a_copy_of_the_image(detector, files):
    (found,) = detector.predict(files[0], score_threshold=0.06)
    drawn = found.plot()
    assert drawn.dtype == np.uint8 and drawn.shape == (96 * 3, 128 * 3, 3)  # three times reaches 320
    assert found.image.shape == (96, 128, 3)
    (none,) = detector.predict(files[0], score_threshold=1.0)
    assert len(none) == 0 and (none.plot() != drawn).any()
    assert repr(none) == "Prediction()"


def test_text_of_a_prediction_names_the_best_five(detector, files):
    (found,) = detector.predict(files[0], score_threshold=0.051)
    assert len(found) > 5
    text = repr(found)
    assert text.startswith(f"Prediction({found.names[0]} {found.scores[0]:.2f}, ")
    assert text.endswith(f", {len(found) - 5} more)")


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (3, "expected a path, an array, a PIL image, or a list of them. Received: int"),
        ([3], "expected a path, an array or a PIL image. Received: int"),
        (np.zeros((8, 8, 3), np.float32), r"expected a uint8 RGB image \[H, W, 3\]. Received: float32 \[8, 8, 3\]"),
        (np.zeros((8, 8), np.uint8), r"Received: uint8 \[8, 8\]"),
        (np.zeros((0, 8, 3), np.uint8), r"Received: uint8 \[0, 8, 3\]"),
        ([__file__], "test_api.py: not readable as an image"),
    ],
)
def test_what_is_no_image_is_refused(detector, image, message):
    with pytest.raises(UserError, match=message):
        detector.predict(image)


def test_image_that_is_not_there_is_named(detector):
    with pytest.raises(FileNotFoundError, match=r"no image at nowhere\.jpg"):
        detector.predict(["nowhere.jpg"])


@pytest.mark.parametrize("argument", [{"score_threshold": 1.1}, {"score_threshold": -0.1}, {"batch_size": 0}])
def test_argument_out_of_range_is_refused(detector, argument):
    with pytest.raises(UserError, match=f"{next(iter(argument))}: expected"):
        detector.predict([], **argument)


def test_evaluation_gives_the_twelve_numbers_and_each_class(detector, prepared):
    metrics = detector.evaluate(prepared, split="val", metrics=["coco", "voc07"])
    assert 0.0 <= metrics.voc["voc07"].mean_ap <= 1.0
    assert len(metrics.summary) == 12 and [result.name for result in metrics.per_class] == NAMES
    with pytest.raises(UserError, match=r"expected the detector's classes, cat\. Received: circle, triangle"):
        ssd_tf.Detector("ssd128_tiny", classes=["cat"]).evaluate(prepared)


SHORT = {"batch_size": 8, "steps": 2, "precision": "bfloat16", "log_every_steps": 1}


def test_training_leaves_the_best_weights_and_the_datas_ids(prepared, tmp_path):
    detector = ssd_tf.Detector("ssd128_tiny", classes=NAMES)
    before = weights_of(detector)
    python, policy = random.getstate(), keras.mixed_precision.dtype_policy()
    numpy = np.random.get_state()[1].tolist()
    result = detector.train(prepared, model_dir=tmp_path / "run", **SHORT)
    assert (result.step, result.interrupted) == (2, False) and "AP" in result.metrics
    # Nothing of Keras' is left changed.
    assert random.getstate() == python and np.random.get_state()[1].tolist() == numpy
    assert keras.mixed_precision.dtype_policy() == policy
    after = weights_of(detector)
    assert any(not np.array_equal(value, before[name]) for name, value in after.items())
    saved = weights_of(ssd_tf.Detector.load(tmp_path / "run"))
    assert all(np.array_equal(value, saved[name]) for name, value in after.items())
    # It has started from this detector's weights, and knows the data set's sparse ids now.
    start = weights_of(ssd_tf.Detector.load(tmp_path / "run" / "start"))
    assert all(np.array_equal(value, start[name]) for name, value in before.items())
    assert [category.id for category in detector.categories] == list(CATEGORIES)
    assert detector.evaluate(prepared).summary["AP"] >= 0


@pytest.mark.proof
def test_training_resumes_in_its_folder_from_what_it_saved(prepared, tmp_path):
    ssd_tf.Detector("ssd128_tiny", classes=NAMES).train(prepared, tmp_path, **SHORT)
    start = weights_of(ssd_tf.Detector.load(tmp_path / "start"))
    other = ssd_tf.Detector("ssd128_tiny", classes=NAMES)
    assert other.train(prepared, tmp_path, **{**SHORT, "steps": 3}).step == 3
    kept = weights_of(ssd_tf.Detector.load(tmp_path / "start"))
    assert all(np.array_equal(value, kept[name]) for name, value in start.items())


@pytest.mark.proof
def test_run_that_saved_nothing_starts_anew_from_the_detectors_weights(prepared, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("ssd_tf.api.train", lambda config: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            ssd_tf.Detector("ssd128_tiny", classes=NAMES).train(prepared, tmp_path, **SHORT)
    detector = ssd_tf.Detector("ssd128_tiny", classes=NAMES)
    before = weights_of(detector)
    detector.train(prepared, tmp_path, **SHORT)
    start = weights_of(ssd_tf.Detector.load(tmp_path / "start"))
    assert all(np.array_equal(value, start[name]) for name, value in before.items())


@pytest.mark.proof
def test_training_by_the_clock_chooses_its_settings_and_keeps_them(prepared, tmp_path):
    detector = ssd_tf.Detector("ssd128_tiny", classes=NAMES)
    given = {"batch_size": 4, "precision": "float32", "augment": AugmentConfig(random_flip=False)}
    result = detector.train(prepared, tmp_path, minutes=0.1, **given)
    assert result.step >= 20 and "AP" in result.metrics
    settings = json.loads((tmp_path / "quickstart.json").read_text())["settings"]
    assert settings["batch_size"] == 4 and settings["optimizer"] == "adamw" and settings["steps"] == result.step
    assert settings["random_flip"] is False and settings["augmentation"] == AugmentConfig().augmentation
    again = detector.train(prepared, tmp_path, minutes=0.1, **given)
    assert (again.step, again.trained) == (result.step, False)
    with pytest.raises(UserError, match=r"holds a quickstart with minutes=0\.1\. Received: minutes=5"):
        detector.train(prepared, tmp_path, minutes=5, **given)
    with pytest.raises(UserError, match=r"Received: minutes=10\.0"):
        detector.train(prepared, tmp_path, **given)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"minutes": 0}, "minutes: expected a finite number above 0. Received: 0"),
        ({"minutes": 5, "steps": 100}, "minutes: expected no steps with it"),
        ({"minutes": 5, "epoch": 3}, "there is no setting epoch"),
    ],
)
def test_training_by_the_clock_refuses_what_contradicts_it(prepared, tmp_path, settings, message):
    with pytest.raises(UserError, match=message):
        ssd_tf.Detector("ssd128_tiny", classes=NAMES).train(prepared, tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


def test_folder_of_a_finished_model_is_no_run_to_train_in(prepared, tmp_path):
    detector = ssd_tf.Detector("ssd128_tiny", classes=dict(CATEGORIES))
    save_model(tmp_path, ModelInfo(detector.spec, detector.categories), detector.model, [])
    with pytest.raises(UserError, match="holds a finished model, not a run"):
        detector.train(prepared, tmp_path, **SHORT)
    assert not (tmp_path / "start").exists()


def test_training_on_other_classes_or_with_unknown_settings_is_refused_before_it_writes(prepared, tmp_path):
    detector = ssd_tf.Detector("ssd128_tiny", classes=["cat"])
    with pytest.raises(UserError, match="expected the detector's classes, cat"):
        detector.train(prepared, tmp_path / "run", batch_size=8)
    detector = ssd_tf.Detector("ssd128_tiny", classes=NAMES)
    with pytest.raises(UserError, match=r"there is no setting epoch\. The nearest: epochs"):
        detector.train(prepared, tmp_path / "run", epoch=3)
    with pytest.raises(UserError, match="detector: expected none"):
        detector.train(prepared, tmp_path / "run", detector="ssd300_resnet34")
    with pytest.raises(UserError, match="--batch_size: expected at least 1"):
        detector.train(prepared, tmp_path / "run", batch_size=0)
    assert not (tmp_path / "run").exists()


def test_keras_file_keeps_detector_classes_and_detections(detector, files, tmp_path):
    detector.save(tmp_path / "mine.keras")
    loaded = ssd_tf.Detector.load(tmp_path / "mine.keras")
    assert (loaded.spec, loaded.categories) == (detector.spec, detector.categories)
    found, wanted = (d.predict(files, score_threshold=0.06) for d in (loaded, detector))
    assert all(map(same, found, wanted))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.keras"]


def test_exported_form_predicts_evaluates_and_has_no_keras_model(detector, files, prepared, tmp_path, caplog):
    written = detector.export(tmp_path / "served", max_detections=20)
    assert written == tmp_path / "served" / "1"
    loaded = ssd_tf.Detector.load(tmp_path / "served")
    assert (loaded.spec, loaded.categories) == (detector.spec, detector.categories)
    (found,), (wanted,) = (d.predict(files[0], score_threshold=0.06) for d in (loaded, detector))
    np.testing.assert_allclose(found.scores, wanted.scores[:20], atol=1e-5)
    with caplog.at_level("WARNING", "absl"):
        loaded.evaluate(prepared)
    assert "exported with --max_detections=20: AP, which looks at 100, may be lower" in caplog.text
    for use in (lambda: loaded.model, lambda: loaded.save(tmp_path / "a.keras"), lambda: loaded.export(tmp_path / "b")):
        with pytest.raises(UserError, match="an exported model has no Keras model"):
            use()


@pytest.mark.parametrize(
    ("output", "options", "message"),
    [
        ("mine.pb", {}, r"ends in \.tflite or \.onnx, or a folder"),
        ("mine.onnx", {"quantize": "int8", "data_dir": "{data}"}, "settings of LiteRT alone. Received: onnx"),
        ("mine.tflite", {"quantize": "int8"}, "quantize='int8' needs data_dir"),
        ("mine.tflite", {"quantize": "int4"}, "quantize: expected one of none, float16, dynamic, int8"),
        ("mine.tflite", {"score_threshold": 2.0}, "score_threshold: expected 0 to 1"),
    ],
)
def test_export_that_cannot_be_made_is_refused(detector, prepared, tmp_path, output, options, message):
    options = {name: prepared if value == "{data}" else value for name, value in options.items()}
    with pytest.raises(UserError, match=message):
        detector.export(tmp_path / output, **options)
    assert not list(tmp_path.iterdir())


def test_prepare_writes_a_split_and_returns_its_manifest(drawn, tmp_path):
    manifest = ssd_tf.prepare(drawn / "annotations.json", images=drawn / "images", output_dir=tmp_path, split="val")
    assert (manifest.num_images, [c.name for c in manifest.categories]) == (24, NAMES)
    assert manifest == ssd_tf.api.load_manifest(tmp_path, "val")
