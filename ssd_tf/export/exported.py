# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Which exported model a path means, and the predictor of each form. TensorFlow is imported for a SavedModel alone."""

import pathlib

from ssd_tf.export.runtimes import ExportedPredictor, LiteRTPredictor, OnnxPredictor
from ssd_tf.weights.model_info import CONFIG

SAVED_MODEL_FILE = "saved_model.pb"


def load_exported(path: pathlib.Path) -> ExportedPredictor | None:
    """The predictor of an exported model; None where path is none.

    Raises:
      ValueError: it is an exported model, but cannot be used.
    """
    found = find_exported(path)
    if not found:
        return None
    if found.is_dir():
        from ssd_tf.export.saved_model_predictor import SavedModelPredictor

        return SavedModelPredictor(found)
    return LiteRTPredictor(found) if found.suffix == ".tflite" else OnnxPredictor(found)


def needs_tensorflow(path: str | pathlib.Path) -> bool:
    """Whether a model runs in TensorFlow, which takes seconds to start: all but LiteRT and ONNX files do."""
    found = find_exported(pathlib.Path(path))
    return found is None or found.is_dir()


def find_exported(path: pathlib.Path) -> pathlib.Path | None:
    """The .tflite or .onnx file, or the folder of the SavedModel, that a path means; None where it means none.

    A folder of versions, as TensorFlow Serving watches one, stands for its highest.
    """
    if path.is_file():
        return path if path.suffix in (".tflite", ".onnx") else None
    if not path.is_dir() or (path / CONFIG).is_file():  # a model_dir stands for its checkpoints, whatever else is in it
        return None
    candidates = [path, *(path / str(version) for version in reversed(versions(path)))]
    return next((folder for folder in candidates if (folder / SAVED_MODEL_FILE).is_file()), None)


def versions(folder: pathlib.Path) -> list[int]:
    """The versions in a folder that TensorFlow Serving may watch, ascending."""
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal() and path.is_dir())
