# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Every detector of the table builds, trains, saves, loads and exports, and docs/detectors.md says what it is."""

import pathlib
import re

import numpy as np
import pytest
import tensorflow as tf

import ssd_tf
from ssd_tf.data.annotations import Category
from ssd_tf.data.color_jitter import Jitter
from ssd_tf.data.examples import TrainBatch
from ssd_tf.export.description import describe
from ssd_tf.export.saved_model import export_saved_model
from ssd_tf.inference.load import load_predictor
from ssd_tf.models.ssd import drawing_weights
from ssd_tf.settings import AugmentConfig
from ssd_tf.specs import DETECTORS
from ssd_tf.training.optimizer import SGD
from ssd_tf.training.step import make_train_step, read_result
from ssd_tf.utils.errors import UserError
from ssd_tf.weights.model_dir import save_model
from ssd_tf.weights.model_info import ModelInfo
from ssd_tf.weights.published import for_detector

PAGE = pathlib.Path(__file__).parent.parent.parent / "docs" / "detectors.md"
CATEGORIES = (Category(3, "circle"), Category(7, "star"))
# Building the rest of the table takes half a minute.
QUICK = ("ssd128_tiny", "ssdlite320_mobilenet_v2")


@pytest.mark.proof
@pytest.mark.parametrize("name", DETECTORS)
def test_detector_trains_saves_loads_and_exports(tmp_path, name):
    spec = ssd_tf.spec(name)
    with drawing_weights(seed=0):
        model = ssd_tf.build_model(spec, len(CATEGORIES))
    optimizer = SGD()
    optimizer.build(model.trainable_variables)
    first = model.trainable_variables[0]
    before = first.numpy()
    step = make_train_step(spec, model, optimizer, AugmentConfig(color_jitter=False), batch_size=2)
    result = read_result(step(batch_of_two(spec.image_size), tf.constant(1e-4)))
    assert np.isfinite(result.loss) and result.positives >= 1
    assert np.isfinite(result.gradient_norm) and result.gradient_norm > 0
    assert np.any(first.numpy() != before)
    save_model(tmp_path / "model", ModelInfo(spec, CATEGORIES), model, [])
    loaded = load_predictor(tmp_path / "model")
    assert loaded.spec == spec
    images = np.random.default_rng(0).integers(0, 256, (1, spec.image_size, spec.image_size, 3), np.uint8)
    expected = loaded(tf.constant(images))
    version = export_saved_model(describe(ModelInfo(spec, CATEGORIES)), model, tmp_path / "exported")
    found = load_predictor(version)(tf.constant(images))
    # Of hundreds of boxes of an untrained model some overlap by the threshold: the last digit decides on those.
    assert expected.count[0] > 0 and abs(int(found.count[0]) - int(expected.count[0])) <= 5
    np.testing.assert_allclose(found.scores[0, :10], expected.scores[0, :10], rtol=0, atol=1e-4)


def batch_of_two(size):
    rng = np.random.default_rng(0)
    boxes = [[[0.1, 0.2, 0.5, 0.6], [0.0, 0.5, 1.0, 1.0]], [[0.3, 0.3, 0.6, 0.5], [0.0, 0.0, 0.0, 0.0]]]
    return TrainBatch(
        images=tf.constant(rng.integers(0, 256, (2, size, size, 3), np.uint8)),
        boxes=tf.constant(boxes, tf.float32),
        classes=tf.constant([[1, 2], [2, 0]]),
        flip=tf.constant([False, True]),
        jitter=Jitter(tf.zeros([2, 4], tf.int32), tf.zeros([2, 4])),
        record=tf.range(2, dtype=tf.int64),
        fault=tf.zeros([2], tf.int32),
    )


def rows_of_the_page():
    """The columns of docs/detectors.md's table, by the detector's name."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {name.strip("`"): rest for name, *rest in cells}


def test_page_lists_every_detector_with_its_input_and_anchors():
    rows = rows_of_the_page()
    assert list(rows) == list(DETECTORS)
    for name, (_, side, anchors, *_) in rows.items():
        assert int(side) == DETECTORS[name].image_size
        assert int(anchors.replace(",", "")) == DETECTORS[name].num_anchors


def test_page_has_the_published_weights_of_every_detector():
    found = {name: re.findall(r"`(\w+)`", row[4]) for name, row in rows_of_the_page().items()}
    assert found == {
        name: [data for data in ("coco", "imagenet") if has(spec, data)] for name, spec in DETECTORS.items()
    }


def has(spec, data):
    try:
        return bool(for_detector(spec, data))
    except UserError:
        return False


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.proof) for name in DETECTORS]
)
def test_page_has_the_number_of_parameters(name):
    model = ssd_tf.build_model(name, 80)
    parameters = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    assert rows_of_the_page()[name][3] == f"{parameters:,}"
