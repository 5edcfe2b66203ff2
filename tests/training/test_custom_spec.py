# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A spec of one's own trains, saves, exports and loads in another process as those of the table do."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import ssd_tf
from ssd_tf.data.formats import shapes
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.export.description import describe
from ssd_tf.export.litert import LiteRTConfig, export_litert
from ssd_tf.export.saved_model import export_saved_model
from ssd_tf.inference.load import load_predictor
from ssd_tf.inference.predictor import load_model
from ssd_tf.settings import TrainConfig, train_config
from ssd_tf.specs import (
    BackboneLevel,
    Detection,
    DetectorSpec,
    ExtraBlock,
    Heads,
    Level,
    Loss,
    Matching,
    Preprocessing,
    ResNet,
    Stage,
    spec_to_json,
)
from ssd_tf.training.checkpoints import read_made_with
from ssd_tf.training.loop import train
from ssd_tf.weights.model_info import load_info
from tests.training.settings import SETTINGS

_ROOT = pathlib.Path(ssd_tf.__file__).parent.parent
MINE = DetectorSpec(
    name="mine",
    image_size=64,
    backbone=ResNet(8, (Stage(8, 1, 1), Stage(16, 1, 2))),
    backbone_levels=(BackboneLevel("conv2", 20.0), BackboneLevel("conv3")),
    extra_blocks=(ExtraBlock(8, 16, 2, 1, batch_norm=True, separable=True, activation="relu6"),),
    levels=(
        Level(16, None, 8.5, 16.25, (2,)),
        Level(8, 8, 16.25, 32, (2, 3)),
        Level(4, 16, boxes=((32, 32), (60.5, 20), (20, 60.5))),
    ),
    heads=Heads(separable=True),
    initialization="normal",
    clip="sizes",
    variances=(0.2, 0.2, 0.3, 0.3),
    matching=Matching(0.4, inclusive=True, forced="greedy"),
    loss=Loss("batch", 2),
    preprocessing=Preprocessing((104, 117, 123), (1, 1, 1), 1, "bgr"),
    detection=Detection(0.01, 0.45, keep_equal_iou=True, candidates_per_class=50, max_detections=30, clip_boxes=True),
)
STEPS = 2
# Prints what a model detects in an image, as one line of JSON, in a process that knows nothing of the spec.
DETECT = """
import json, sys
import numpy as np, tensorflow as tf
from ssd_tf.inference.load import load_predictor
predictor = load_predictor(sys.argv[1])
found = predictor(tf.constant(np.load(sys.argv[2])))
print(json.dumps([np.asarray(part).tolist() for part in found] + [predictor.spec.name]))
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The model_dir of two steps of training on drawn shapes, and images."""
    folder = tmp_path_factory.mktemp("custom")
    path = shapes.draw_shapes(folder / "drawn", 8, image_size=(64, 64))
    for split in ("train", "val"):
        prepare(read_coco(path, path.parent / "images"), folder / "data", split, {}, num_shards=1)
    train(config(folder))
    images = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), np.uint8)
    np.save(folder / "images.npy", images)
    return folder, images


def config(folder: pathlib.Path, **changes) -> TrainConfig:
    settings = {
        "detector": MINE,
        "data_dir": str(folder / "data"),
        "model_dir": str(folder / "run"),
        "batch_size": 4,
        "epochs": 0,
        "steps": STEPS,
        "learning_rate": 1e-3,
        "eval_batch_size": 4,
        "color_jitter": False,
    }
    return train_config(**{**SETTINGS, **settings, **changes})


def detections(found):
    return [np.asarray(part) for part in found]


def in_another_process(model: pathlib.Path, images: pathlib.Path):
    environment = {**os.environ, "PYTHONPATH": str(_ROOT), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", DETECT, str(model), str(images)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *parts, name = json.loads(done.stdout.splitlines()[-1])
    assert name == "mine"
    return [np.asarray(part) for part in parts]


def require_same(found, expected, atol):
    assert expected[3][0] > 0
    np.testing.assert_array_equal(found[3], expected[3])
    np.testing.assert_array_equal(found[2], expected[2])
    for one, other in zip(found[:2], expected[:2], strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=atol)


def test_config_and_checkpoints_hold_the_spec_itself(trained):
    folder, _ = trained
    content = json.loads((folder / "run" / "config.json").read_text())
    assert content["detector"] == "mine"
    assert content["spec"] == json.loads(json.dumps(spec_to_json(MINE)))
    assert load_info(folder / "run").spec == MINE
    _, made_with = read_made_with(folder / "run")
    assert made_with["spec"] == content["spec"] and made_with["settings"]["detector"] == "mine"


@pytest.mark.proof
def test_model_dir_detects_alike_in_another_process(trained):
    folder, images = trained
    expected = detections(load_predictor(folder / "run")(tf.constant(images)))
    assert expected[0].shape == (1, 30, 4)
    require_same(in_another_process(folder / "run", folder / "images.npy"), expected, atol=1e-6)


@pytest.mark.proof
def test_saved_model_detects_alike_in_another_process(trained):
    folder, images = trained
    expected = detections(load_predictor(folder / "run")(tf.constant(images)))
    info, model = load_model(folder / "run")
    version = export_saved_model(describe(info), model, folder / "exported")
    require_same(in_another_process(version, folder / "images.npy"), expected, atol=1e-5)


@pytest.mark.proof
def test_litert_detects_alike_in_another_process(trained):
    folder, images = trained
    expected = detections(load_predictor(folder / "run")(tf.constant(images)))
    info, model = load_model(folder / "run")
    export_litert(describe(info), model, folder / "mine.tflite", LiteRTConfig())
    require_same(in_another_process(folder / "mine.tflite", folder / "images.npy"), expected, atol=1e-4)


def test_detections_that_the_litert_op_cannot_make_are_refused(trained):
    folder, _ = trained
    info, model = load_model(folder / "run")
    with pytest.raises(ValueError, match="mine clips boxes before non-maximum suppression"):
        export_litert(describe(info), model, folder / "op.tflite", LiteRTConfig(nms="op"))


def test_run_resumes_with_the_same_spec_and_refuses_another(trained, tmp_path):
    folder, _ = trained
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(spec_to_json(MINE)))
    assert train(config(folder, detector=str(path))).step == STEPS
    other = dataclasses.replace(MINE, loss=Loss("image"))
    with pytest.raises(ValueError, match="holds another mine: its spec differs in loss"):
        train(config(folder, detector=other))


@pytest.mark.proof
# Keras 3.15 calls np.array() on its variables, which NumPy 2 would like to have a copy keyword.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_keras_file_loads_in_another_process(trained):
    folder, images = trained
    _, model = load_model(folder / "run")
    model.save(folder / "mine.keras")
    inputs = ssd_tf.preprocess(images, MINE)
    np.save(folder / "inputs.npy", inputs)
    code = (
        "import sys, numpy as np, keras, ssd_tf; ssd_tf.build_model\n"
        "model = keras.saving.load_model(sys.argv[1])\n"
        "np.save(sys.argv[3], model(np.load(sys.argv[2]))['logits'])"
    )
    arguments = [str(folder / name) for name in ("mine.keras", "inputs.npy", "logits.npy")]
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    subprocess.run([sys.executable, "-c", code, *arguments], env=environment, check=True, capture_output=True)
    np.testing.assert_allclose(np.load(folder / "logits.npy"), model(inputs)["logits"], rtol=0, atol=1e-5)
