# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime answers as the checkpoint does."""

import onnx
import pytest

from ssd_tf.export.exported import load_exported
from ssd_tf.export.onnx import export_onnx
from tests.export.parity import assert_same_detections


@pytest.fixture(scope="module")
def exported(tmp_path_factory, description, model):
    path = tmp_path_factory.mktemp("onnx") / "shapes.onnx"
    export_onnx(description, model, path)
    return path


def test_onnx_runtime_answers_as_the_checkpoint(exported, predictor, images):
    assert_same_detections(load_exported(exported)(images, 0.2), predictor(images, 0.2))


def test_file_is_a_valid_model_of_any_batch_size(exported):
    model = onnx.load(str(exported))
    onnx.checker.check_model(model)
    batch = model.graph.input[0].type.tensor_type.shape.dim[0]
    assert not batch.HasField("dim_value")


def test_onnx_file_of_others_is_refused(exported, tmp_path):
    model = onnx.load(str(exported))
    del model.metadata_props[:]
    onnx.save(model, str(tmp_path / "other.onnx"))
    with pytest.raises(ValueError, match="not one that ssd_tf exported"):
        load_exported(tmp_path / "other.onnx")
