# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Which format a path asks for. Imports no TensorFlow, so that a program can refuse a path at once."""

import pathlib

from ssd_tf.utils.errors import UserError

# A folder, which has no ending, is for a SavedModel.
_SUFFIXES = {"saved_model": "", "litert": ".tflite", "onnx": ".onnx"}
FORMATS = tuple(_SUFFIXES)


def format_of(output: str | pathlib.Path, wanted: str | None = None) -> str:
    """The format in which a path is to be written: saved_model, litert or onnx.

    Args:
      output: a file that ends in .tflite or .onnx, or a folder; its name may have any other ending if it is `wanted`.
      wanted: the format, where it is not left to the path.

    Raises:
      ValueError: the ending says nothing, or something else than `wanted`.
    """
    suffix = pathlib.Path(output).suffix
    by_suffix = {value: name for name, value in _SUFFIXES.items()}.get(suffix)
    if wanted is None and by_suffix is None:
        raise UserError(
            f"expected a file that ends in .tflite or .onnx, or a folder without an ending. Received: {output}"
        )
    if wanted in ("litert", "onnx") and by_suffix != wanted:
        raise UserError(f"{wanted}: expected a file that ends with {_SUFFIXES[wanted]}. Received: {output}")
    if wanted == "saved_model" and by_suffix in ("litert", "onnx"):
        raise UserError(f"saved_model: expected a folder. Received: {output}, which is a file's name")
    return wanted or str(by_suffix)
