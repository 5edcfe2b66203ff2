# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The SavedModel answers as the checkpoint does, marks what it cannot read, and appears whole."""

import io
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2

import ssd_tf
from ssd_tf.data import images as image_ops
from ssd_tf.export import saved_model
from ssd_tf.export.exported import find_exported, load_exported, versions
from ssd_tf.export.saved_model import MAX_PIXELS, export_saved_model
from ssd_tf.geometry.detections import Detections
from tests.export.conftest import CATEGORIES
from tests.export.parity import assert_same_detections
from tests.fixtures.turned import photo

ROOT = pathlib.Path(__file__).parent.parent.parent
# What the service answers of an image that Detections hold.
ANSWERS = ("boxes", "scores", "class_ids", "count")


# Reads what was exported in a process that never had the model, and answers each request of the file in argv[2].
NEW_PROCESS = """
import pathlib
import sys
import numpy as np
import tensorflow as tf
from ssd_tf.export.exported import load_exported

folder, requests, answers = sys.argv[1:]
given = np.load(requests)
found = {}
detections = load_exported(pathlib.Path(folder))(given["images"], 0.2)
for name, value in detections._asdict().items():
    found["detect_" + name] = np.asarray(value)
loaded = tf.saved_model.load(folder + "/1")
encoded = [given[name].tobytes() for name in sorted(given) if name.startswith("encoded")]
for name, value in loaded.signatures["serving_default"](tf.constant(encoded, tf.string)).items():
    if value.dtype != tf.string:
        found["serve_" + name] = value.numpy()
for name, value in loaded.signatures["raw"](images=tf.constant(given["normalized"])).items():
    found["raw_" + name] = value.numpy()
np.savez(answers, **found)
"""


@pytest.fixture(scope="module")
def exported(served):
    """The folder of versions with version 1."""
    return served


@pytest.fixture(scope="module")
def signatures(exported):
    loaded = tf.saved_model.load(str(exported / "1"))
    yield loaded.signatures
    del loaded  # signatures hold their model weakly


def encode(image: np.ndarray, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **options)
    return buffer.getvalue()


def serve(signatures, *encoded: bytes) -> dict[str, np.ndarray]:
    return {
        name: value.numpy() for name, value in signatures["serving_default"](tf.constant(encoded, tf.string)).items()
    }


def as_detections(answer) -> Detections:
    ids = [category.id for category in CATEGORIES]
    classes = np.array([[ids.index(i) + 1 if i else 0 for i in row] for row in np.asarray(answer["class_ids"])])
    return Detections(answer["boxes"], answer["scores"], classes, answer["count"])


def test_new_process_answers_as_the_checkpoint(exported, predictor, model, images, tmp_path):
    normalized = ssd_tf.preprocess(images[:1], "ssd128_tiny")
    encoded = {f"encoded{k}": np.frombuffer(encode(image), np.uint8) for k, image in enumerate(images)}
    np.savez(tmp_path / "requests.npz", images=images, normalized=normalized, **encoded)
    command = [sys.executable, "-c", NEW_PROCESS, exported, tmp_path / "requests.npz", tmp_path / "answers.npz"]
    done = subprocess.run(
        [str(part) for part in command], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    answers = np.load(tmp_path / "answers.npz")
    wanted = predictor(images, 0.2)
    assert_same_detections(Detections(*(answers[f"detect_{name}"] for name in Detections._fields)), wanted)
    assert_same_detections(as_detections({name: answers[f"serve_{name}"] for name in ANSWERS}), wanted)
    outputs = model(normalized, training=False)
    for name in ("offsets", "logits"):
        np.testing.assert_allclose(answers[f"raw_{name}"], outputs[name], rtol=0, atol=1e-4)


def test_detect_answers_as_the_checkpoint(exported, predictor, images):
    found = load_exported(exported)(images, 0.2)
    assert_same_detections(found, predictor(images, 0.2))


def test_detect_resizes_images_of_any_size_as_evaluation_does(signatures, predictor, images):
    large = np.asarray(Image.fromarray(images[0]).resize((201, 97)))
    answer = signatures["detect"](images=tf.constant(large[None]))
    wanted = predictor(image_ops.resize(tf.constant(large), 128)[None], 0.2)
    assert_same_detections(as_detections(answer), wanted)
    np.testing.assert_allclose(answer["boxes_pixels"], answer["boxes"] * [97, 201, 97, 201], rtol=1e-6)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF"])
def test_encoded_images_are_decoded_and_resized_as_evaluation_does(signatures, predictor, images, kind):
    encoded = encode(np.asarray(Image.fromarray(images[1]).resize((150, 90))), kind)
    answer = serve(signatures, encoded)
    pixels = image_ops.resize(image_ops.decode(tf.constant(encoded)), 128)
    assert_same_detections(as_detections(answer), predictor(pixels[None], 0.2))
    np.testing.assert_allclose(answer["boxes_pixels"], answer["boxes"] * [90, 150, 90, 150], rtol=1e-6)
    assert answer["errors"].tolist() == [b""]


def test_encoded_image_that_exif_turns_is_upright(signatures, images):
    upright = np.asarray(Image.fromarray(images[1]).resize((150, 90)))
    answer, wanted = (serve(signatures, photo(upright, orientation)) for orientation in (6, 1))
    assert answer["count"][0] > 0
    for name in ("boxes", "boxes_pixels", "scores"):
        np.testing.assert_array_equal(answer[name], wanted[name])


def test_raw_answers_offsets_and_logits_of_normalised_images(signatures, model, images):
    normalised = ssd_tf.preprocess(images, "ssd128_tiny")
    answer, wanted = signatures["raw"](images=normalised), model(normalised, training=False)
    for name in ("offsets", "logits"):
        np.testing.assert_allclose(answer[name], wanted[name], rtol=0, atol=1e-4)


def test_ids_and_names_are_those_of_the_data_set(signatures, images):
    answer = serve(signatures, encode(images[0]))
    names = {category.id: category.name.encode() for category in CATEGORIES}
    count = int(answer["count"][0])
    assert [names[i] for i in answer["class_ids"][0, :count]] == answer["class_names"][0, :count].tolist()
    assert set(answer["class_ids"][0, :count].tolist()) == {3, 7, 90}
    assert not answer["class_ids"][0, count:].any() and set(answer["class_names"][0, count:]) <= {b""}


def bomb() -> bytes:
    """A PNG whose header claims more pixels than are allowed."""
    content = bytearray(encode(np.zeros((1, 1, 3), np.uint8)))
    content[16:24] = (1 << 14).to_bytes(4, "big") + ((MAX_PIXELS >> 14) + 1).to_bytes(4, "big")
    return bytes(content)


def test_undecodable_image_is_marked_and_the_others_are_answered(signatures, images):
    good = encode(images[2], "JPEG")
    palette = encode(images[2][..., 0], "BMP")
    bad = [b"", b"garbage", good[: len(good) // 2], good[:3], encode(images[0])[:60], bomb(), palette]
    answer = serve(signatures, good, *bad, good)
    alone = serve(signatures, good)
    assert [bool(error) for error in answer["errors"]] == [False, *[True] * len(bad), False]
    assert b"JPEG" in answer["errors"][1] and str(MAX_PIXELS).encode() in answer["errors"][1]
    np.testing.assert_array_equal(answer["count"], [alone["count"][0], *[0] * len(bad), alone["count"][0]])
    assert not answer["scores"][1:-1].any() and not answer["boxes"][1:-1].any()
    for name in ("scores", "boxes", "boxes_pixels"):
        np.testing.assert_allclose(answer[name][0], alone[name][0], rtol=0, atol=1e-3)


def test_empty_batch_is_answered_with_an_empty_batch(signatures):
    answer = serve(signatures)
    assert answer["boxes"].shape == (0, 200, 4) and answer["errors"].shape == (0,)
    assert signatures["detect"](images=tf.zeros([0, 50, 60, 3], tf.uint8))["scores"].shape == (0, 200)
    assert signatures["raw"](images=tf.zeros([0, 128, 128, 3]))["logits"].shape == (0, 1520, 4)


def test_graph_needs_no_xla(exported):
    stored = saved_model_pb2.SavedModel.FromString((exported / "1" / "saved_model.pb").read_bytes())
    functions = stored.meta_graphs[0].graph_def.library.function
    # The attribute is there with any function; true is what asks for XLA.
    assert functions and not any(function.attr["_XlaMustCompile"].b for function in functions)


def test_warmup_requests_are_requests_that_the_model_answers(exported, signatures):
    path = exported / "1" / "assets.extra" / "tf_serving_warmup_requests"
    seen = set()
    for record in tf.data.TFRecordDataset(str(path)):
        request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
        answer = signatures[request.model_spec.signature_name](**inputs)
        assert all(len(value) == 1 for value in answer.values())
        seen.add(request.model_spec.signature_name)
    assert seen == {"serving_default", "detect", "raw"}


def test_labels_are_an_asset(exported):
    assert (exported / "1" / "assets" / "labels.txt").read_text(encoding="utf-8") == "triangle\nкруг\na cross\n"


def test_next_export_is_the_next_version(tmp_path, description, model, monkeypatch):
    monkeypatch.setattr(saved_model, "_write", lambda *args: args[-1].mkdir())
    (tmp_path / "9").mkdir()
    (tmp_path / "notes").mkdir()
    assert export_saved_model(description, model, tmp_path) == tmp_path / "10"
    assert versions(tmp_path) == [9, 10]


def test_highest_version_with_a_model_is_the_one_that_is_meant(exported, tmp_path):
    (tmp_path / "2").mkdir()
    (tmp_path / "3").mkdir()
    assert find_exported(tmp_path) is None
    for name in ("1", "2"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "saved_model.pb").write_bytes(b"")
    assert find_exported(tmp_path) == tmp_path / "2"
    assert find_exported(exported) == find_exported(exported / "1") == exported / "1"


def test_version_that_another_export_took_meanwhile_is_not_replaced(tmp_path, description, model, monkeypatch):
    def write(*args):
        args[-1].mkdir()
        (args[-1] / "ours").touch()
        if not (tmp_path / "1").exists():
            (tmp_path / "1").mkdir()
            (tmp_path / "1" / "theirs").touch()

    monkeypatch.setattr(saved_model, "_write", write)
    assert export_saved_model(description, model, tmp_path) == tmp_path / "2"
    assert (tmp_path / "1" / "theirs").exists() and (tmp_path / "2" / "ours").exists()


def test_model_dir_is_not_taken_for_the_versions_in_it(tmp_path, exported, description, model):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="which is a model_dir"):
        export_saved_model(description, model, tmp_path)
    shutil.copytree(exported / "1", tmp_path / "1")
    assert find_exported(tmp_path) is None


def test_failed_export_leaves_nothing_behind(tmp_path, description, model, monkeypatch):
    def fail(*args):
        args[-1].mkdir()
        raise OSError("disk full")

    monkeypatch.setattr(saved_model, "_write", fail)
    with pytest.raises(OSError, match="disk full"):
        export_saved_model(description, model, tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


def test_other_saved_model_is_refused(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path / "other"))
    with pytest.raises(ValueError, match="not one that ssd_tf exported"):
        load_exported(tmp_path / "other")
