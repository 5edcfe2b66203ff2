# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""LiteRT files answer as the checkpoint does, with builtin ops alone, and carry what a reader needs."""

import collections
import dataclasses
import json
import zipfile

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

import ssd_tf
from ssd_tf.export import flatbuffer, litert
from ssd_tf.export.exported import load_exported
from ssd_tf.export.litert import LiteRTConfig, convert, export_litert, packed
from ssd_tf.export.litert_detect import LiteRTDetector
from ssd_tf.export.quantization import float_tensors
from tests.export.conftest import CATEGORIES
from tests.export.parity import assert_same_detections

OP = b"TFLite_Detection_PostProcess"


@pytest.fixture
def files(litert_file):
    return litert_file


def ops(path) -> list[bytes | int]:
    model = flatbuffer.read(path.read_bytes())
    codes = [code.customCode or code.builtinCode for code in model.operatorCodes]
    return [codes[operator.opcodeIndex] for operator in model.subgraphs[0].operators]


@pytest.mark.parametrize("nms", ["none", "op"])
def test_float32_answers_as_the_checkpoint(files, predictor, images, nms):
    assert_same_detections(load_exported(files("none", nms))(images, 0.2), predictor(images, 0.2))


def test_float16_offsets_and_scores_are_those_of_the_checkpoint_within_a_hundredth(files, model, images):
    run = Interpreter(str(files("float16"))).get_signature_runner()
    wanted = model(ssd_tf.preprocess(images[:1], "ssd128_tiny"), training=False)
    found = run(images=images[:1].astype(np.float32))
    np.testing.assert_allclose(found["offsets"], wanted["offsets"], rtol=0, atol=1e-2)
    scores = (tf.nn.softmax(logits) for logits in (found["logits"], wanted["logits"]))
    np.testing.assert_allclose(*scores, rtol=0, atol=1e-2)


@pytest.mark.parametrize("threads", [1, 2, 3, 4])
def test_no_class_is_lost_whatever_the_number_of_threads(files, threads, images):
    # The op's own NMS for several classes loses the class whose number is that of the threads.
    _, _, classes = LiteRTDetector(str(files("none", "op")), threads)(images[0], 0.2)
    assert set(classes.tolist()) == {1, 2, 3}


def test_op_answers_the_standard_four_outputs_in_their_order(files, description, images):
    interpreter = Interpreter(str(files("none", "op")))
    interpreter.allocate_tensors()
    (image,) = interpreter.get_input_details()
    interpreter.set_tensor(image["index"], images[:1].astype(np.float32))
    interpreter.invoke()
    boxes, classes, scores, count = (interpreter.get_tensor(out["index"]) for out in interpreter.get_output_details())
    kept = description.max_detections
    assert [part.shape for part in (boxes, classes, scores, count)] == [(1, kept, 4), (1, kept), (1, kept), (1,)]
    assert {part.dtype for part in (boxes, classes, scores, count)} == {np.dtype(np.float32)}
    found = int(count[0])
    assert found >= 5 and np.all(np.diff(scores[0, :found]) <= 0) and scores[0, :found].min() > 0.2
    assert set(classes[0, :found]) == {0.0, 1.0, 2.0}  # from 0, as the label file counts
    assert not scores[0, found:].any() and not boxes[0, found:].any() and not classes[0, found:].any()


def test_op_is_in_the_file_and_no_other_custom_op(files):
    assert [op for op in ops(files("none", "op")) if isinstance(op, bytes)] == [OP]
    assert not any(isinstance(op, bytes) for op in ops(files("none")))


@pytest.mark.parametrize("quantize", ["float16", "dynamic"])
def test_op_finds_what_the_decoder_finds_whatever_the_numbers(files, quantize, images):
    # The default boxes are no weights: none of their digits may be lost.
    wanted, found = (LiteRTDetector(str(files(quantize, nms)))(images[0], 0.2) for nms in ("none", "op"))
    for ours, theirs in zip(wanted, found, strict=True):
        assert len(ours) == len(theirs) >= 5
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)


def test_op_of_tensorflow_is_an_error(description, model, monkeypatch):
    # A model that LiteRT has no op for: the converter says so.
    def inverse(*_):
        return lambda images: {"inverse": tf.linalg.inv(images[0, :3, :3, 0])}

    monkeypatch.setattr(litert, "_outputs", inverse)
    with pytest.raises(ValueError, match="ops that LiteRT does not have"):
        convert(description, model, LiteRTConfig())


def doubled(*_):
    """A graph that is converted at once."""
    return lambda images: {"doubled": 2 * images}


def test_foreign_custom_op_is_an_error(description, model, monkeypatch):
    def with_foreign_op(content: bytes, *_) -> bytes:
        broken = flatbuffer.read(content)
        broken.operatorCodes[0].customCode = b"FlexConv2D"
        return flatbuffer.write(broken)

    monkeypatch.setattr(litert, "_outputs", doubled)
    monkeypatch.setattr(litert, "quantize_int8", with_foreign_op)
    with pytest.raises(ValueError, match="FlexConv2D"):
        convert(description, model, LiteRTConfig("int8"))


def test_int8_takes_uint8_and_computes_in_int8_but_for_both_ends(files):
    path = files("int8")
    (image,) = Interpreter(str(path)).get_input_details()
    assert image["dtype"] == np.uint8 and image["quantization"] == (1.0, 0)
    model = flatbuffer.read(path.read_bytes())
    graph = model.subgraphs[0]
    weights, answers = collections.Counter(), collections.Counter()
    for operator in graph.operators:
        if model.operatorCodes[operator.opcodeIndex].builtinCode == flatbuffer.CONV_2D:
            kernel = graph.tensors[operator.inputs[1]]
            assert len(kernel.quantization.scale) == kernel.shape[0]  # per channel: a scale for each output
            weights[kernel.type] += 1
            answers[graph.tensors[operator.outputs[0]].type] += 1
    # The stem, 3 blocks of 2 convolutions, 2 shortcuts, 3 pairs of extra levels, and 8 heads, whose answers are float.
    assert weights == {flatbuffer.INT8: 23}
    assert answers == {flatbuffer.INT8: 15, flatbuffer.FLOAT32: 8}


def test_int8_finds_nearly_what_the_checkpoint_finds(files, model, images):
    run = Interpreter(str(files("int8"))).get_signature_runner()
    wanted = model(ssd_tf.preprocess(images[:1], "ssd128_tiny"), training=False)
    found = run(images=images[:1])
    for name in ("offsets", "logits"):
        error = np.sqrt(np.mean((found[name] - wanted[name]) ** 2) / np.mean(np.square(wanted[name])))
        assert error < 0.1, name  # seen: 0.03


def test_int8_of_a_level_that_is_always_zero_can_be_run(description, images, tmp_path):
    model = ssd_tf.build_model("ssd128_tiny", len(CATEGORIES))
    model.get_layer("extra1_2").bias.assign(np.full(128, -1e3))  # behind its ReLU all is zero
    export_litert(description, model, tmp_path / "dead.tflite", LiteRTConfig("int8"), images[:1])
    scores = load_exported(tmp_path / "dead.tflite")(images[:1], 0.0).scores
    assert np.all(np.isfinite(scores))


def test_folder_in_the_place_of_the_file_is_refused_before_work_is_done(description, model, tmp_path, monkeypatch):
    monkeypatch.setattr(litert, "convert", None)  # it would fail if it were called
    (tmp_path / "a.tflite").mkdir()
    with pytest.raises(IsADirectoryError, match=r"a\.tflite, which is a folder"):
        export_litert(description, model, tmp_path / "a.tflite", LiteRTConfig())


def test_int8_without_images_is_refused(description, model, monkeypatch):
    monkeypatch.setattr(litert, "_outputs", doubled)
    with pytest.raises(ValueError, match="int8 needs images"):
        convert(description, model, LiteRTConfig("int8"))


def test_ends_of_the_float_model_are_told_by_its_convolutions(files):
    content = files("none").read_bytes()
    model = flatbuffer.read(content)
    graph = model.subgraphs[0]
    floats = set(float_tensors(content))
    heads = [
        op for op in graph.operators if op.outputs[0] in floats and model.operatorCodes[op.opcodeIndex].builtinCode == 3
    ]
    assert flatbuffer.CONV_2D == 3 and len(heads) == 8
    assert set(graph.outputs) <= floats


def test_smaller_numbers_make_smaller_files(files):
    whole = files("none").stat().st_size
    assert files("float16").stat().st_size < 0.6 * whole
    assert files("dynamic").stat().st_size < 0.35 * whole
    assert files("int8").stat().st_size < 0.35 * whole


def test_file_carries_labels_description_and_default_boxes(files, description):
    with zipfile.ZipFile(files("none")) as archive:
        assert archive.testzip() is None
        assert archive.read("labels.txt").decode() == "triangle\nкруг\na cross\n"
        stored = json.loads(archive.read("ssd_tf.json"))
    assert stored["categories"] == [{"id": c.id, "name": c.name} for c in CATEGORIES]
    assert (stored["quantize"], stored["nms"], stored["score_threshold"]) == ("none", "none", 0.2)
    with zipfile.ZipFile(files("none", "op")) as archive:
        assert "anchors.npy" not in archive.namelist()


def test_same_model_gives_the_same_file(files, description, model):
    again = packed(description, convert(description, model, LiteRTConfig()), LiteRTConfig())
    assert again == files("none").read_bytes()


def test_more_detections_may_be_asked_for_than_there_are_candidates(description, model, images, tmp_path):
    # 3 classes with 200 candidates each.
    path = tmp_path / "many.tflite"
    many = dataclasses.replace(description, max_detections=900)
    export_litert(many, model, path, LiteRTConfig(nms="op"))
    found = load_exported(path)(images[:1], 0.2)
    outputs = model(ssd_tf.preprocess(images[:1], "ssd128_tiny"), training=False)
    wanted = ssd_tf.detect("ssd128_tiny", outputs["offsets"], outputs["logits"], 0.2, max_detections=900)
    assert found.scores.shape == (1, 900) and 200 < wanted.count[0] < 600
    np.testing.assert_array_equal(found.count, wanted.count)


def test_unknown_settings_are_refused():
    with pytest.raises(ValueError, match=r"quantize: expected one of none, float16, dynamic, int8\. Received: 'int4'"):
        LiteRTConfig(quantize="int4")
