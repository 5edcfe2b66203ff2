# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What an exported model says of itself comes back as it was."""

import pytest

import ssd_tf
from ssd_tf.data.annotations import Category
from ssd_tf.export.description import describe, from_json, labels_text, to_json
from ssd_tf.export.litert import LiteRTConfig, export_litert
from ssd_tf.export.onnx import export_onnx
from ssd_tf.specs.detector import with_negative_overlaps
from ssd_tf.utils.errors import UserError
from ssd_tf.weights.model_info import ModelInfo

INFO = ModelInfo(ssd_tf.spec("ssd128_tiny"), (Category(0, "zero"), Category(12, "ελ 'x'")))


def test_description_comes_back_as_it_was():
    description = describe(INFO, 0.3, 0.45, 17)
    assert from_json(to_json(description, nms="op"), "here") == description


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"detector": "ssd9", "categories": []}'])
def test_other_json_is_refused_by_name(text):
    with pytest.raises(ValueError, match=r"here: its ssd_tf\.json is not a description"):
        from_json(text, "here")


def test_every_class_has_one_line_of_the_label_file():
    assert labels_text((Category(1, "two\nlines"), Category(2, "b"))) == "two lines\nb\n"


def test_forms_whose_detections_are_made_without_tensorflow_refuse_negative_overlaps(tmp_path):
    description = describe(ModelInfo(with_negative_overlaps(INFO.spec), INFO.categories))
    model = ssd_tf.build_model(INFO.spec, 2)
    with pytest.raises(UserError, match=r"^litert: ssd128_tiny has negative_overlaps, for comparison, which only"):
        export_litert(description, model, tmp_path / "model.tflite", LiteRTConfig())
    with pytest.raises(UserError, match=r"^onnx: ssd128_tiny has negative_overlaps, for comparison, which only"):
        export_onnx(description, model, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("values", [{"score_threshold": 1.5}, {"iou_threshold": 0.0}, {"max_detections": 0}])
def test_impossible_thresholds_are_refused(values):
    with pytest.raises(ValueError, match=f"{next(iter(values))}: expected"):
        describe(INFO, **values)
