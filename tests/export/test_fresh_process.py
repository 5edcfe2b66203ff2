# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What one process saves, another loads, by `import ssd_tf` alone, and finds the same objects."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import ssd_tf
from ssd_tf.geometry.detections import Detections
from ssd_tf.weights.model_dir import save_model
from tests.export.parity import assert_same_detections

# Each form finds objects in the same images of three sizes; Keras itself loads its file too, before all else of ours.
PROGRAM = """
import sys, numpy as np
import ssd_tf
assert "keras" not in sys.modules and "tensorflow" not in sys.modules
import keras
print(keras.saving.load_model("mine.keras").count_params())
images = list(np.load("images.npz").values())
for name in ("model_dir", "mine.keras", "served", "mine.tflite", "mine.onnx"):
    detector = ssd_tf.Detector.load(name)
    print(name, *detector.classes)
    found = [prediction.detections for prediction in detector.predict(images, score_threshold=0.2, batch_size=4)]
    np.savez(f"{name}.npz", *(np.concatenate(values) for values in zip(*found)))
"""


@pytest.mark.proof
def test_every_form_finds_the_same_in_a_fresh_process(description, model, images, tmp_path):
    for package in ("onnxruntime", "tf2onnx"):
        pytest.importorskip(package)
    save_model(tmp_path / "model_dir", description.info, model, [])
    detector = ssd_tf.Detector.load(tmp_path / "model_dir")
    detector.save(tmp_path / "mine.keras")
    for name in ("served", "mine.tflite", "mine.onnx"):
        detector.export(tmp_path / name, score_threshold=0.2)
    pixels = [images[0], images[1], images[2][:, :90], images[3][:70]]
    np.savez(tmp_path / "images.npz", *pixels)
    here = [found.detections for found in detector.predict(pixels, score_threshold=0.2, batch_size=4)]
    wanted = Detections(*map(np.concatenate, zip(*here, strict=True)))

    root = pathlib.Path(ssd_tf.__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = " ".join(detector.classes)
    forms = ("model_dir", "mine.keras", "served", "mine.tflite", "mine.onnx")
    assert done.stdout.splitlines() == [str(model.count_params()), *(f"{form} {names}" for form in forms)]
    for form in forms:
        # Other kernels and another compiler sum in another order.
        assert_same_detections(Detections(*np.load(tmp_path / f"{form}.npz").values()), wanted)
