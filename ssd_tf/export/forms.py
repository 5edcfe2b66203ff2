# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""All forms of a model at once, each under a name of its own: what `compare` exports."""

import pathlib
import shutil
from collections.abc import Sequence

import keras
import numpy as np

from ssd_tf.export.description import Description
from ssd_tf.export.litert import LiteRTConfig, export_litert
from ssd_tf.export.onnx import export_onnx
from ssd_tf.export.saved_model import export_saved_model
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.imports import is_installed

# LiteRT's, by name.
_LITERT = {
    f"litert_{'float32' if quantize == 'none' else quantize}{'' if nms == 'none' else '_op'}": LiteRTConfig(
        quantize, nms
    )
    for nms in ("none", "op")
    for quantize in ("none", "float16", "dynamic", "int8")
}
FORMS = ("saved_model", *_LITERT, "onnx")


def usable_forms() -> list[str]:
    """Those of FORMS that can be written and run with what is installed."""
    litert = list(_LITERT) if is_installed("ai_edge_litert") else []
    onnx = ["onnx"] if is_installed("tf2onnx") and is_installed("onnxruntime") else []
    return ["saved_model", *litert, *onnx]


def export_forms(
    description: Description,
    model: keras.Model,
    folder: pathlib.Path,
    forms: Sequence[str],
    calibration: Sequence[np.ndarray],
) -> dict[str, str]:
    """Writes a model in several forms into a folder; returns the path of each, by name.

    Args:
      description, model: as `export_litert` takes them.
      folder: for all files.
      forms: some of FORMS.
      calibration: images for int8, uint8 RGB [S, S, 3].

    Raises:
      ValueError: a form is unknown, or cannot be made.
    """
    if unknown := sorted(set(forms) - set(FORMS)):
        raise UserError(f"forms: expected some of {', '.join(FORMS)}. Received: {', '.join(unknown)}")
    paths = {}
    for form in forms:
        if form == "saved_model":
            shutil.rmtree(folder / form, ignore_errors=True)  # else each export would add a version
            path = export_saved_model(description, model, folder / form)
        elif form == "onnx":
            path = folder / "onnx.onnx"
            export_onnx(description, model, path)
        else:
            path = folder / f"{form}.tflite"
            export_litert(description, model, path, _LITERT[form], calibration)
        paths[form] = str(path)
    return paths
