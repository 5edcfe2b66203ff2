# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""An ONNX file of a detector, from float RGB [B, S, S, 3] in 0..255 to offsets [B, A, 4] and logits [B, A, C + 1]."""

import pathlib

import keras
import tensorflow as tf

from ssd_tf.export.description import DESCRIPTION, Description, require_clamped_overlaps, to_json
from ssd_tf.models.preprocessing import preprocess
from ssd_tf.utils.files import atomic_path, require_file_target
from ssd_tf.utils.imports import import_extra

# The latest that tf2onnx 1.17 writes.
OPSET = 18


def export_onnx(description: Description, model: keras.Model, output: str | pathlib.Path) -> None:
    """Writes an .onnx file; normalisation is part of it, and its metadata names the detector and its classes.

    Raises:
      ValueError: tf2onnx is not installed, or the spec has negative_overlaps.
      OSError: the file cannot be written.
    """
    tf2onnx = import_extra("tf2onnx")
    require_clamped_overlaps(description, "onnx")
    output = pathlib.Path(output)
    require_file_target(output)
    spec = description.info.spec
    size = spec.image_size

    def outputs(images):
        found = model(preprocess(images, spec), training=False)
        return {"offsets": found["offsets"], "logits": found["logits"]}

    signature = [tf.TensorSpec([None, size, size, 3], tf.float32, name="images")]
    converted, _ = tf2onnx.convert.from_function(
        tf.function(outputs, input_signature=signature), input_signature=signature, opset=OPSET
    )
    entry = converted.metadata_props.add()
    entry.key, entry.value = DESCRIPTION, to_json(description)
    with atomic_path(output) as temporary:
        temporary.write_bytes(converted.SerializeToString())
