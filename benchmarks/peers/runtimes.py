# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Inference by ONNX Runtime and by OpenVINO, of our own ONNX file, for compare.py; our ONNX predictor decodes."""

import pathlib
from collections.abc import Callable

import numpy as np

from ssd_tf.export.runtimes import OnnxPredictor


class _OpenVinoSession:
    """What OnnxPredictor asks of a session, answered by OpenVINO."""

    def __init__(self, path: pathlib.Path, precision: str):
        import openvino

        options = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
        }
        self._model = openvino.compile_model(str(path), "CPU", options)

    def run(self, names, inputs):
        found = self._model(inputs)
        return [found[name] for name in names]


def make(openvino: bool, task: str, precision: str, folder: pathlib.Path) -> Callable[[], str]:
    if not openvino and precision != "float32":
        raise NotImplementedError("ONNX Runtime has no bfloat16 convolution on the CPU")
    predictor = OnnxPredictor(folder / "model.onnx")
    if openvino:
        predictor._session = _OpenVinoSession(folder / "model.onnx", precision)
    image = np.load(folder / "inputs.npz")["images"][:1]
    return lambda: f"{int(predictor(image).count[0])} found"
