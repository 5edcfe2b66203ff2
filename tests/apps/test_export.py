# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""export writes what predict and evaluate take, and refuses flags that do not go together."""

import dataclasses
import json

import pytest

import ssd_tf
from ssd_tf.data.manifest import load_manifest
from ssd_tf.specs import Preprocessing
from ssd_tf.weights.model_dir import save_model
from ssd_tf.weights.model_info import ModelInfo
from tests.apps.conftest import run, run_well


@pytest.fixture(scope="module")
def int8(trained, prepared, tmp_path_factory):
    """An int8 LiteRT file that answers detections."""
    path = tmp_path_factory.mktemp("exported") / "shapes.tflite"
    flags = ("--format=litert", "--quantize=int8", "--nms=op", f"--data_dir={prepared}", "--calibration_images=4")
    out = run_well("export", f"--model={trained}", *flags, f"--output={path}")
    assert f"{path}: 0.7 MB" in out
    return path


def test_predict_takes_an_int8_litert_file(int8, drawn, tmp_path):
    run_well(
        "predict",
        f"--model={int8}",
        f"--input={drawn}/images/*1.jpg",
        f"--output_dir={tmp_path}",
        "--score_threshold=0.06",
    )
    found = json.loads((tmp_path / "predictions.json").read_text())["annotations"]
    assert found and {entry["category_name"] for entry in found} <= {"circle", "square", "triangle", "cross", "star"}
    assert list(tmp_path.glob("*.jpg"))


def test_evaluate_scores_a_saved_model_as_its_checkpoint(trained, prepared, tmp_path):
    run_well("export", f"--model={trained}", f"--output={tmp_path}/served")
    scores = []
    for name, model in (("a", trained), ("b", tmp_path / "served")):
        flags = (f"--data_dir={prepared}", "--split=val", f"--output_dir={tmp_path}/{name}")
        run_well("evaluate", f"--model={model}", *flags)
        scores.append(json.loads((tmp_path / name / "metrics.json").read_text()))
    assert scores[0]["num_detections"] == scores[1]["num_detections"] > 0
    assert scores[0]["AP"] == pytest.approx(scores[1]["AP"], abs=1e-4)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--quantize=int8", "--output=a"), "--quantize=int8 needs --format=litert. Received: saved_model"),
        (("--format=litert", "--output=a.tf"), "expected a file that ends with .tflite. Received: a.tf"),
        (("--output=a.tf",), "expected a file that ends in .tflite or .onnx, or a folder without an ending"),
        (("--format=litert", "--quantize=int8", "--output=a.tflite"), "--quantize=int8 needs --data_dir"),
    ],
)
def test_flags_that_do_not_go_together_are_refused_at_once(flags, words):
    done = run("export", "--model=nowhere", *flags)
    assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr


def test_exported_model_is_not_exported_again(int8, tmp_path):
    done = run("export", f"--model={int8}", f"--output={tmp_path}/served")
    assert done.returncode == 1 and "is no model_dir" in done.stderr


@pytest.mark.proof
def test_compare_writes_its_report(trained, prepared, tmp_path):
    out = run_well(
        "compare",
        f"--model={trained}",
        f"--data_dir={prepared}",
        "--split=val",
        f"--output_dir={tmp_path}",
        "--forms=litert_float16",
    )
    assert "| checkpoint |" in out and "| litert_float16 |" in out
    assert {path.name for path in tmp_path.iterdir()} == {"compare.md", "compare.csv", "compare.png", "forms"}


def test_compare_refuses_another_spec_of_the_same_name(trained, prepared, tmp_path):
    spec = dataclasses.replace(ssd_tf.spec("ssd128_tiny"), preprocessing=Preprocessing(channels="bgr"))
    info = ModelInfo(spec, load_manifest(prepared, "val").categories)
    save_model(tmp_path / "other", info, ssd_tf.build_model(spec, len(info.categories)), [])
    models = (f"--model={trained}", f"--model={tmp_path / 'other'}")
    done = run("compare", *models, f"--data_dir={prepared}", f"--output_dir={tmp_path / 'out'}")
    assert done.returncode == 1
    assert f"Received: {tmp_path / 'other'}, of another spec of that name" in done.stderr
