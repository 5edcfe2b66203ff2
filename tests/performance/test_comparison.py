# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What is said of two models is so: equal where they are equal, apart by as much as they are apart."""

import logging as std_logging
import pathlib

import numpy as np
import pytest
import tensorflow as tf

import ssd_tf
from ssd_tf.data.formats import shapes
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.manifest import load_manifest
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.evaluation.evaluator import evaluate_split
from ssd_tf.export.description import describe
from ssd_tf.export.forms import export_forms
from ssd_tf.inference.load import load_predictor
from ssd_tf.models.ssd import build_model
from ssd_tf.performance import measuring
from ssd_tf.performance.comparison import compare, differences, file_bytes
from ssd_tf.performance.measuring import Measurement, measure
from ssd_tf.weights.model_dir import save_model
from ssd_tf.weights.model_info import ModelInfo
from tests.fixtures.specs import with_input


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A prepared split of six drawn images."""
    folder = tmp_path_factory.mktemp("data")
    annotations = shapes.draw_shapes(folder / "drawn", 6, image_size=(96, 128))
    prepare(read_coco(annotations, annotations.parent / "images"), folder, "val", {}, num_shards=1)
    return folder


@pytest.fixture(scope="module")
def models(data, tmp_path_factory):
    """A model_dir and its LiteRT file."""
    folder = tmp_path_factory.mktemp("models")
    info = ModelInfo(ssd_tf.spec("ssd128_tiny"), load_manifest(data, "val").categories)
    model = build_model(info.spec, len(info.categories))
    for level in range(4):
        head = model.get_layer(f"logits{level}")
        head.kernel.assign(head.kernel * 3.0)
    save_model(folder / "run", info, model, ["here"])
    paths = export_forms(describe(info), model, folder, ["litert_float32"], ())
    return {"checkpoint": str(folder / "run"), **paths}


@pytest.fixture(scope="module")
def comparison(data, models):
    return compare(models, data, load_manifest(data, "val"), with_input(128))


@pytest.fixture(scope="module")
def rows(comparison):
    return comparison.rows


def test_same_model_in_two_forms_is_the_same(comparison, data, models):
    checkpoint, litert = comparison.rows
    assert comparison.num_images == 6
    metrics, _, _ = evaluate_split(
        load_predictor(models["checkpoint"]), data, load_manifest(data, "val"), with_input(128), 4
    )
    assert (checkpoint.name, litert.name) == ("checkpoint", "litert_float32")
    assert checkpoint.ap == pytest.approx(metrics.summary["AP"], abs=1e-6)
    assert litert.ap == pytest.approx(checkpoint.ap, abs=1e-4)
    assert litert.partners > 0.99 and litert.score_difference < 1e-4 and litert.box_difference < 1e-4


def test_litert_is_not_charged_with_the_memory_of_tensorflow(rows):
    checkpoint, litert = rows
    # TensorFlow alone takes some 400 MB, LiteRT with this model some 60.
    assert litert.peak_mb < 200 < checkpoint.peak_mb


def test_times_and_sizes_are_those_of_the_model(rows):
    for row in rows:
        assert 0 < row.p50_ms <= row.p99_ms < 60_000
        assert 2 < row.file_mb < 3  # half a million weights of four bytes, and little else


def measurement(boxes, scores, classes) -> Measurement:
    parts = [np.array(boxes, np.float32)], [np.array(scores, np.float32)], [np.array(classes, np.int32)]
    return Measurement(*parts, np.ones(1), 0)


BOXES = [[0.1, 0.1, 0.3, 0.3], [0.5, 0.5, 0.9, 0.9], [0.1, 0.6, 0.3, 0.9]]


def test_differences_are_those_of_the_pairs_that_overlap():
    reference = measurement(BOXES, [0.9, 0.8, 0.7], [1, 2, 1])
    # The first two have changed places and moved a little; the third is of another class now.
    other = measurement([[0.5, 0.5, 0.9, 0.92], BOXES[0], BOXES[2]], [0.85, 0.8, 0.7], [2, 1, 2])
    partners, boxes, scores = differences(reference, other)
    assert partners == pytest.approx(2 / 3)
    assert (boxes, scores) == (pytest.approx(0.02, abs=1e-6), pytest.approx(0.1, abs=1e-6))


def test_a_detection_is_the_partner_of_one_alone():
    reference = measurement([BOXES[0], BOXES[0]], [0.9, 0.8], [1, 1])
    assert differences(reference, measurement([BOXES[0]], [0.9], [1]))[0] == pytest.approx(2 / 3)


def test_what_is_found_by_the_other_alone_counts_against_it():
    reference = measurement(BOXES[:1], [0.9], [1])
    other = measurement(BOXES, [0.9, 0.8, 0.7], [1, 1, 1])
    assert differences(reference, other)[0] == 0.5  # one pair: two of four
    assert differences(other, reference)[0] == 0.5


def test_nothing_found_by_either_is_no_difference():
    nothing = measurement(np.empty((0, 4)), [], [])
    assert differences(nothing, nothing) == (1.0, 0.0, 0.0)
    assert differences(measurement(BOXES, [0.9, 0.8, 0.7], [1, 1, 1]), nothing) == (0.0, 0.0, 0.0)


def test_model_that_cannot_be_run_is_an_error_with_its_words(tmp_path, data):
    (tmp_path / "images").write_bytes(bytes(128 * 128 * 3))
    (tmp_path / "broken.tflite").write_bytes(b"no model")
    with pytest.raises(ChildProcessError, match=r"broken\.tflite.*not a LiteRT model that ssd_tf exported"):
        measure(str(tmp_path / "broken.tflite"), tmp_path / "images", 128)


def test_bug_in_the_process_of_a_model_keeps_its_traceback(tmp_path, data, monkeypatch):
    (tmp_path / "images").write_bytes(bytes(128 * 128 * 3))
    with pytest.raises(RuntimeError, match=r"(?s)Traceback.*_measure_here.*AttributeError"):
        measure(7, tmp_path / "images", 128)  # a model that is no path


def break_image(data: pathlib.Path, target: pathlib.Path, number: int) -> None:
    """Writes the one shard again, with an image that cannot be decoded."""
    shard = load_manifest(data, "val").shards[0].file
    contents = list(tf.data.TFRecordDataset(str(data / shard)).as_numpy_iterator())
    example = tf.train.Example.FromString(contents[number])
    example.features.feature["image/encoded"].bytes_list.value[0] = b"no image"
    contents[number] = example.SerializeToString()
    with tf.io.TFRecordWriter(str(target / shard)) as writer:
        for content in contents:
            writer.write(content)


def test_image_that_cannot_be_decoded_is_named_and_not_counted(data, models, tmp_path, caplog):
    break_image(data, tmp_path, 2)
    with caplog.at_level(std_logging.WARNING, logger="absl"):
        found = compare({"a": models["litert_float32"]}, tmp_path, load_manifest(data, "val"), with_input(128))
    assert found.num_images == 5
    assert "record 2" in caplog.text and "1 images that cannot be decoded" in caplog.text


def test_file_of_a_checkpoint_is_that_one_however_it_is_named(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "best").mkdir()
    for name, size in (("ckpt-9.index", 1), ("ckpt-9.data-0", 10), ("ckpt-10.index", 100), ("ckpt-10.data-0", 1000)):
        (tmp_path / "best" / name).write_bytes(bytes(size))
    for path in (tmp_path, tmp_path / "best", tmp_path / "best/ckpt-10", tmp_path / "best/ckpt-10.index"):
        assert file_bytes(path) == 1100
    assert file_bytes(tmp_path / "best/ckpt-9") == 11


def test_file_of_a_folder_of_versions_is_the_version_that_is_run(tmp_path):
    for version, size in (("9", 5), ("10", 7)):
        (tmp_path / version / "variables").mkdir(parents=True)
        (tmp_path / version / "saved_model.pb").write_bytes(bytes(size))
        (tmp_path / version / "variables/data").write_bytes(bytes(size * 100))
    assert file_bytes(tmp_path) == 707
    assert file_bytes(tmp_path / "9") == 505


def test_litert_prints_nothing_of_its_own(models, tmp_path, capfd):
    (tmp_path / "images").write_bytes(bytes(128 * 128 * 3))
    measure(models["litert_float32"], tmp_path / "images", 128)
    assert "XNNPACK" not in capfd.readouterr().err


def test_memory_of_a_gpu_is_taken_as_it_is_needed(models, monkeypatch):
    grown = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [f"{kind}:0", f"{kind}:1"])
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda gpu, on: grown.append((gpu, on)))
    measuring._detector(models["checkpoint"])
    assert grown == [("GPU:0", True), ("GPU:1", True)]
