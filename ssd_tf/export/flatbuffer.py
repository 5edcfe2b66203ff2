# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""LiteRT files as objects that can be changed: TensorFlow's classes for them, whose fields have no types to check."""

from typing import Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

Model: Any = schema.ModelT
SubGraph: Any = schema.SubGraphT
SignatureDef: Any = schema.SignatureDefT
TensorMap: Any = schema.TensorMapT
Tensor: Any = schema.TensorT
Operator: Any = schema.OperatorT
OperatorCode: Any = schema.OperatorCodeT
Buffer: Any = schema.BufferT
Metadata: Any = schema.MetadataT
QuantizationParameters: Any = schema.QuantizationParametersT
CONV_2D, DEQUANTIZE = schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.DEQUANTIZE
FLOAT32, FLOAT16, INT8 = schema.TensorType.FLOAT32, schema.TensorType.FLOAT16, schema.TensorType.INT8


def read(content: bytes) -> Any:
    """The ModelT of a LiteRT file."""
    return flatbuffer_utils.convert_bytearray_to_object(bytearray(content))


def write(model: Any) -> bytes:
    """The file of a ModelT."""
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def float_convolutions(model: Any) -> list[tuple[Any, Any]]:
    """The operator code and the kernel of each convolution with float weights."""
    tensors = model.subgraphs[0].tensors
    operators = [(model.operatorCodes[operator.opcodeIndex], operator) for operator in model.subgraphs[0].operators]
    pairs = [(code, tensors[op.inputs[1]]) for code, op in operators if code.builtinCode == CONV_2D]
    return [(code, kernel) for code, kernel in pairs if kernel.type == FLOAT32]


def float_values(model: Any, tensor: Any) -> np.ndarray:
    """The values of a constant float32 tensor, in its shape."""
    data = bytes(bytearray(model.buffers[tensor.buffer].data))
    return np.frombuffer(data, np.float32).reshape(tensor.shape)
