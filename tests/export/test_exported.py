# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Files that are no models are refused with their name, whatever the library that should read them raises."""

import json
import pathlib
import zipfile

import pytest

from ssd_tf.export.exported import load_exported


def with_zip(path: pathlib.Path, **files: str) -> pathlib.Path:
    """Junk with a zip archive at its end, as a LiteRT model has one."""
    path.write_bytes(b"junk" * 50)
    with zipfile.ZipFile(path, "a") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.json", text)
    return path


@pytest.mark.parametrize("content", [b"", b"junk" * 50], ids=["empty", "junk"])
@pytest.mark.parametrize("name", ["bad.onnx", "bad.tflite"])
def test_junk_is_refused_by_name(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"bad\.{name[4:]}: (not a LiteRT model|ONNX Runtime cannot load this model)"):
        load_exported(tmp_path / name)


def test_damaged_onnx_model_is_refused_by_name(tmp_path):
    pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    node = onnx.helper.make_node("NoSuchOperator", ["x"], ["y"])
    value = [onnx.helper.make_tensor_value_info(k, onnx.TensorProto.FLOAT, [1]) for k in "xy"]
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([node], "g", value[:1], value[1:])), tmp_path / "a.onnx")
    with pytest.raises(ValueError, match=r"a\.onnx: ONNX Runtime cannot load this model: .*NoSuchOperator"):
        load_exported(tmp_path / "a.onnx")


@pytest.mark.parametrize("text", ["{", "{}", json.dumps({"nms": "op", "image_size": 128})])
def test_litert_description_without_its_model_is_refused_by_name(tmp_path, text):
    with pytest.raises(ValueError, match=r"a\.tflite: (not a LiteRT model|LiteRT cannot run this model)"):
        load_exported(with_zip(tmp_path / "a.tflite", ssd_tf=text))
