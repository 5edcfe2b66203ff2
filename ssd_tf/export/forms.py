# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A model in the form that a path asks for; and in several forms at once, each under a name of its own."""

import pathlib
import shutil
from collections.abc import Sequence

import keras
import numpy as np

from ssd_tf.data.manifest import load_manifest
from ssd_tf.data.pipeline import images
from ssd_tf.export.description import Description
from ssd_tf.export.litert import LiteRTConfig, export_litert
from ssd_tf.export.onnx import export_onnx
from ssd_tf.export.saved_model import export_saved_model
from ssd_tf.models.folding import fold_batch_norm
from ssd_tf.specs import DetectorSpec
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
# The defaults: no quantisation, offsets and logits.
PLAIN_LITERT = LiteRTConfig()


def export_model(
    description: Description,
    model: keras.Model,
    output: pathlib.Path,
    form: str,
    litert: LiteRTConfig = PLAIN_LITERT,
    calibration: Sequence[np.ndarray] = (),
) -> pathlib.Path:
    """Writes a model in one form; returns what was written: the file, or the new version of a SavedModel.

    Args:
      description, model: as `export_litert` takes them.
      output: the file; of a SavedModel the folder of its versions.
      form: saved_model, litert or onnx.
      litert: of a LiteRT file.
      calibration: images for int8, uint8 RGB [S, S, 3].

    Raises:
      ValueError: it cannot be made, or a setting is for LiteRT alone.
      OSError: it cannot be written.
    """
    if form == "litert":
        export_litert(description, model, output, litert, calibration)
        return output
    if litert != PLAIN_LITERT:
        raise UserError(f"quantize and nms are settings of LiteRT alone. Received: {form}, {litert}")
    model = fold_batch_norm(model)  # LiteRT's converter folds it by itself
    if form == "onnx":
        export_onnx(description, model, output)
        return output
    return export_saved_model(description, model, output)


def calibration_images(
    quantize: str, data_dir: str | pathlib.Path, split: str, spec: DetectorSpec, most: int
) -> list[np.ndarray]:
    """The images that a quantisation looks at: some of the split for int8, none for others.

    Raises:
      ValueError: int8 without a data_dir.
      FileNotFoundError: the split is not there.
    """
    if quantize != "int8":
        return []
    if not data_dir:
        raise UserError("quantize='int8' needs data_dir: images that show the range of every tensor")
    manifest = load_manifest(data_dir, split)
    return images(data_dir, manifest, spec, most)


def usable_forms() -> list[str]:
    """Those of FORMS that can be written and run with what is installed."""
    onnx = ["onnx"] if is_installed("tf2onnx") and is_installed("onnxruntime") else []
    return ["saved_model", *_LITERT, *onnx]


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
            path = export_model(description, model, folder / form, form)
        elif form == "onnx":
            path = export_model(description, model, folder / "onnx.onnx", form)
        else:
            path = export_model(description, model, folder / f"{form}.tflite", "litert", _LITERT[form], calibration)
        paths[form] = str(path)
    return paths
