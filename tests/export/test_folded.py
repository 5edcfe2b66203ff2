# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Batch normalisation is part of the convolutions in every exported form, whether we folded it or a converter did."""

import onnx
import pytest
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.lite.python.schema_py_generated import BuiltinOperator

import ssd_tf
from ssd_tf.export import flatbuffer
from ssd_tf.export.description import describe
from ssd_tf.export.forms import export_model
from ssd_tf.weights.model_info import ModelInfo
from tests.export.conftest import CATEGORIES
from tests.fixtures.norms import with_trained_norms

CONVOLUTIONS = ("Conv", "CONV_2D", "DEPTHWISE_CONV_2D")
# What a normalisation becomes where it is not folded.
NORMALISING = ("BatchNormalization", "Mul", "Add", "Sub", "Div", "MUL", "ADD", "SUB", "DIV")


def of_onnx(path) -> list[tuple[str, list, list]]:
    """Each operation of the graph: its kind, its inputs, its outputs."""
    return [(node.op_type, list(node.input), list(node.output)) for node in onnx.load(str(path)).graph.node]


def of_litert(path) -> list[tuple[str, list, list]]:
    """The same of a LiteRT file."""
    model = flatbuffer.read(path.read_bytes())
    names = {number: name for name, number in vars(BuiltinOperator).items() if isinstance(number, int)}
    kinds = [names[code.builtinCode] for code in model.operatorCodes]
    return [(kinds[one.opcodeIndex], list(one.inputs), list(one.outputs)) for one in model.subgraphs[0].operators]


def after_convolutions(operations: list[tuple[str, list, list]]) -> list[str]:
    """The arithmetic that is done with what convolutions put out."""
    convolved = {output for kind, _, outputs in operations if kind in CONVOLUTIONS for output in outputs}
    assert len(convolved) >= 23  # those of ssd128_tiny
    return [kind for kind, inputs, _ in operations if kind in NORMALISING and convolved & set(inputs)]


def test_nothing_of_it_is_left_in_onnx(onnx_file):
    # The sums of the three residual blocks.
    assert after_convolutions(of_onnx(onnx_file)) == ["Add"] * 3
    assert "BatchNormalization" not in {kind for kind, _, _ in of_onnx(onnx_file)}


def test_nothing_of_it_is_left_in_litert(litert_file):
    assert after_convolutions(of_litert(litert_file("none"))) == ["ADD"] * 3


def test_nothing_of_it_is_left_in_any_function_of_a_saved_model(served):
    stored = saved_model_pb2.SavedModel.FromString((served / "1" / "saved_model.pb").read_bytes())
    graph = stored.meta_graphs[0].graph_def
    functions = (graph.node, *(function.node_def for function in graph.library.function))
    kinds = {node.op for function in functions for node in function}
    assert "Conv2D" in kinds and not any("BatchNorm" in kind for kind in kinds)


@pytest.mark.proof
def test_nothing_of_it_is_left_after_depthwise_convolutions(tmp_path):
    # Without our own folding tf2onnx leaves four of this detector's, on levels of one cell.
    name = "ssdlite320_mobilenet_v2"
    model = with_trained_norms(ssd_tf.build_model(name, len(CATEGORIES)))
    description = describe(ModelInfo(ssd_tf.spec(name), CATEGORIES))
    onnx_operations = of_onnx(export_model(description, model, tmp_path / "a.onnx", "onnx"))
    litert_operations = of_litert(export_model(description, model, tmp_path / "a.tflite", "litert"))
    # The sums of the ten residual blocks.
    assert after_convolutions(onnx_operations) == ["Add"] * 10
    assert after_convolutions(litert_operations) == ["ADD"] * 10
    assert "BatchNormalization" not in {kind for kind, _, _ in onnx_operations}
