# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The table says of two models what is so: equal where they are equal, apart by as much as they are apart."""

import csv

import cv2
import numpy as np
import pytest

from ssd_tf.data import shapes
from ssd_tf.data.coco import read_coco
from ssd_tf.data.manifest import load_manifest
from ssd_tf.data.prepare import prepare
from ssd_tf.evaluation.comparison import Row, compare, differences, markdown, write_report
from ssd_tf.evaluation.evaluator import evaluate_split
from ssd_tf.evaluation.measuring import Measurement, measure
from ssd_tf.export.description import Description
from ssd_tf.export.forms import export_forms
from ssd_tf.model_dir import ModelInfo, save_model
from ssd_tf.models.detector import build_model
from ssd_tf.predictor import load_predictor


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A prepared split of six drawn pictures."""
    folder = tmp_path_factory.mktemp("data")
    annotations = shapes.draw_shapes(folder / "drawn", 6, image_size=(96, 128))
    prepare(read_coco(annotations, annotations.parent / "images"), folder, "val", {}, num_shards=1)
    return folder


@pytest.fixture(scope="module")
def models(data, tmp_path_factory):
    """A model_dir and its LiteRT file."""
    folder = tmp_path_factory.mktemp("models")
    info = ModelInfo("ssd128_tiny", load_manifest(data, "val").categories)
    model = build_model(info.detector, len(info.categories))
    for level in range(4):
        head = model.get_layer(f"logits{level}")
        head.kernel.assign(head.kernel * 3.0)
    save_model(folder / "run", info, model, ["here"])
    paths = export_forms(Description(info), model, folder, ["litert_float32"], tuple)
    return {"checkpoint": str(folder / "run"), **paths}


@pytest.fixture(scope="module")
def rows(data, models):
    return compare(models, data, load_manifest(data, "val"), 128)


def test_same_model_in_two_forms_is_the_same(rows, data, models):
    checkpoint, litert = rows
    metrics, _ = evaluate_split(load_predictor(models["checkpoint"]), data, load_manifest(data, "val"), 128, 4)
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
    return Measurement([np.float32(boxes)], [np.float32(scores)], [np.int32(classes)], np.ones(1), 0)


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
    assert differences(reference, measurement([BOXES[0]], [0.9], [1]))[0] == 0.5


def test_nothing_found_by_either_is_no_difference():
    nothing = measurement(np.empty((0, 4)), [], [])
    assert differences(nothing, nothing) == (1.0, 0.0, 0.0)
    assert differences(measurement(BOXES, [0.9, 0.8, 0.7], [1, 1, 1]), nothing) == (0.0, 0.0, 0.0)


def test_model_that_cannot_be_run_is_an_error_with_its_words(tmp_path, data):
    (tmp_path / "pictures").write_bytes(bytes(128 * 128 * 3))
    (tmp_path / "broken.tflite").write_bytes(b"no model")
    with pytest.raises(ChildProcessError, match=r"broken\.tflite.*not a LiteRT model that ssd_tf exported"):
        measure(str(tmp_path / "broken.tflite"), tmp_path / "pictures", 128, 0.05)


def test_report_is_a_table_a_file_of_numbers_and_a_picture(tmp_path):
    rows = [
        Row("checkpoint", 0.5278, 0.87, 1.0, 1.0, 0.0, 0.0, 135.2, 153.0, 50.2, 913.0),
        Row("litert_int8", 0.5199, 0.86, 0.985, 0.91, 0.06, 0.21, 39.4, 44.0, 15.2, 120.0),
    ]
    write_report(rows, "two forms", tmp_path)
    text = (tmp_path / "compare.md").read_text()
    assert text == markdown(rows, "two forms")
    assert "| litert_int8 | 0.520 | 0.860 | 98.5% | 91.0% | 0.06 | 0.2 | 39 | 44 | 15.2 | 120 |" in text
    with (tmp_path / "compare.csv").open(newline="") as file:
        stored = list(csv.DictReader(file))
    assert [row["name"] for row in stored] == ["checkpoint", "litert_int8"]
    assert float(stored[1]["ap"]) == 0.5199
    picture = cv2.imread(str(tmp_path / "compare.png"))
    assert picture is not None and picture.shape[1] > 1200
