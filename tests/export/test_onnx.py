# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime answers as the checkpoint does."""

import json
import os
import pathlib
import subprocess
import sys

import onnx
import pytest
from PIL import Image

import ssd_tf
from ssd_tf.export.exported import load_exported
from tests.export.parity import assert_same_detections


def test_onnx_runtime_answers_as_the_checkpoint(onnx_file, predictor, images):
    assert_same_detections(load_exported(onnx_file)(images, 0.2), predictor(images, 0.2))


def test_file_is_a_valid_model_of_any_batch_size(onnx_file):
    model = onnx.load(str(onnx_file))
    onnx.checker.check_model(model)
    batch = model.graph.input[0].type.tensor_type.shape.dim[0]
    assert not batch.HasField("dim_value")


def test_onnx_file_of_others_is_refused(onnx_file, tmp_path):
    model = onnx.load(str(onnx_file))
    del model.metadata_props[:]
    onnx.save(model, str(tmp_path / "other.onnx"))
    with pytest.raises(ValueError, match="not one that ssd_tf exported"):
        load_exported(tmp_path / "other.onnx")


PROGRAM = """
import sys
from ssd_tf.apps import cli
for model in sys.argv[1:3]:
    assert cli.call("predict", [f"--model={model}", "--input=images", f"--output_dir={model}.found"]) == 0
    flags = [f"--model={model}", "--source=images", "--headless", f"--output={model}.mp4"]
    assert cli.call("stream", flags) == 0
    assert not {"tensorflow", "keras"} & set(sys.modules)
"""


def test_programs_run_onnx_and_litert_files_without_tensorflow(onnx_file, litert_file, predictor, images, tmp_path):
    models = [onnx_file, litert_file("none")]
    for name, model in zip(("a.onnx", "a.tflite"), models, strict=True):
        (tmp_path / name).symlink_to(model)
    (tmp_path / "images").mkdir()
    for k, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / "images" / f"{k}.png")
    root = pathlib.Path(ssd_tf.__file__).parent.parent
    command = [sys.executable, "-c", PROGRAM, "a.onnx", "a.tflite"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    wanted = int(predictor(images, 0.3).count.numpy().sum())
    for name in ("a.onnx", "a.tflite"):
        found = json.loads((tmp_path / f"{name}.found" / "predictions.json").read_text())["annotations"]
        assert len(found) == wanted
        assert (tmp_path / f"{name}.mp4").stat().st_size
