# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A package that is not there is named together with what installs it."""

import re
import sys

import pytest

from ssd_tf.export.forms import FORMS, export_forms, usable_forms
from ssd_tf.utils.imports import import_extra


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("mlperf_loadgen", "mlperf_loadgen, which is not installed: pip install 'ssd_tf[mlperf]'"),
        ("tf2onnx", "tf2onnx, which is not installed: pip install 'ssd_tf[onnx]'"),
        ("PySide6.QtWidgets", "PySide6, which is not installed: pip install 'ssd_tf[app]'"),
    ],
)
def test_missing_package_is_named_with_its_extra(monkeypatch, module, words):
    monkeypatch.setitem(sys.modules, module.partition(".")[0], None)  # as if it were not installed
    with pytest.raises(ValueError, match=re.escape(words)):
        import_extra(module)


def test_module_that_is_there_is_returned():
    assert import_extra("onnxruntime").InferenceSession.__name__ == "InferenceSession"


def test_forms_that_cannot_be_run_are_not_usable(monkeypatch):
    assert set(usable_forms()) == set(FORMS)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert set(usable_forms()) == set(FORMS) - {"onnx"}


def test_unknown_form_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match=r"forms: expected some of saved_model, .*, onnx\. Received: coreml"):
        export_forms(None, None, tmp_path, ["saved_model", "coreml"], ())
    assert list(tmp_path.iterdir()) == []
