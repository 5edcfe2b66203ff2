# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A float LiteRT model -> int8 weights (per channel) and activations, uint8 images in, by pictures that show ranges.

Two things differ from what the converter does by itself, since both cost AP (docs/export.md has the numbers):
- What comes before the first convolution (normalisation) and what the heads answer (logits, offsets, softmax) is float.
  Eight bits cannot hold logits: where the background is certain they reach thousands, and one scale serves them all. The
  heads' weights are int8 all the same; LiteRT quantises what goes into them picture by picture.
- A range is the mean over the pictures, and leaves out the most extreme values of each: they saturate, so that all
  others have finer steps.
"""

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm
from tensorflow.lite.python.convert import mlir_quantize

from ssd_tf.export import flatbuffer
from ssd_tf.quiet import quiet_stderr

# Of the values of a tensor in one picture so many may be below its range, and so many above.
OUTSIDE = 1e-4
# The version of CONV_2D from which on it takes float inputs and int8 weights with a scale for each output.
FLOAT_WITH_INT8_WEIGHTS = 5
# Values of a tensor that are looked at in one picture.
SAMPLES = 50_000


def quantize_int8(content: bytes, pictures: Iterable[np.ndarray]) -> bytes:
    """The quantised model.

    Args:
      content: a float LiteRT model whose input is RGB [1, S, S, 3] in 0..255.
      pictures: uint8 [S, S, 3].

    Raises:
      ValueError: there are no pictures.
    """
    ranges = calibrate(content, pictures)
    model = flatbuffer.read(content)
    graph = model.subgraphs[0]
    for index, (low, high) in ranges.items():
        quantization = flatbuffer.QuantizationParameters()
        quantization.min, quantization.max = [low], [high]
        graph.tensors[index].quantization = quantization
    names = [graph.tensors[index].name.decode() for index in float_tensors(model)]
    with quiet_stderr():  # it reports its settings
        quantized: Any = mlir_quantize(
            flatbuffer.write(model),
            input_data_type=tf.uint8,
            output_data_type=tf.float32,
            denylisted_nodes=names,
        )
    return _with_int8_heads(quantized)


def _with_int8_heads(content: bytes) -> bytes:
    """The weights of the convolutions that are left in float as int8, with a scale for each output."""
    model = flatbuffer.read(content)
    tensors = model.subgraphs[0].tensors
    for operator in model.subgraphs[0].operators:
        code = model.operatorCodes[operator.opcodeIndex]
        kernel = tensors[operator.inputs[1]] if code.builtinCode == flatbuffer.CONV_2D else None
        if kernel is None or kernel.type != flatbuffer.FLOAT32:
            continue
        buffer = model.buffers[kernel.buffer]
        values = np.frombuffer(bytes(bytearray(buffer.data)), np.float32).reshape(kernel.shape)
        scales = np.maximum(np.abs(values).reshape(len(values), -1).max(axis=1) / 127.0, np.finfo(np.float32).tiny)
        buffer.data = np.round(values / scales[:, None, None, None]).astype(np.int8).view(np.uint8).ravel()
        kernel.type = flatbuffer.INT8
        kernel.quantization = flatbuffer.QuantizationParameters()
        kernel.quantization.scale, kernel.quantization.zeroPoint = scales, np.zeros(len(scales), np.int64)
        kernel.quantization.quantizedDimension = 0
        code.version = max(code.version, FLOAT_WITH_INT8_WEIGHTS)
    return flatbuffer.write(model)


def calibrate(content: bytes, pictures: Iterable[np.ndarray]) -> dict[int, tuple[float, float]]:
    """The range of each float tensor that an op computes, and of the input, by the tensor's number."""
    # Imported here: only int8 runs a model while it is exported.
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=content,
        num_threads=os.cpu_count(),
        experimental_preserve_all_tensors=True,  # else the memory of a tensor is used again
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    (image,) = interpreter.get_input_details()
    floats = {detail["index"] for detail in interpreter.get_tensor_details() if detail["dtype"] == np.float32}
    graph = flatbuffer.read(content).subgraphs[0]
    wanted = [index for operator in graph.operators for index in operator.outputs if index in floats]
    total = {index: np.zeros(2) for index in wanted}
    count = 0
    for picture in tqdm.tqdm(pictures, desc="calibrate int8", unit="img", leave=False):
        count += 1
        interpreter.set_tensor(image["index"], picture[None].astype(np.float32))
        interpreter.invoke()
        for index in wanted:
            total[index] += _inner_range(interpreter.get_tensor(index).ravel())
    if not count:
        raise ValueError("int8 needs pictures that show the range of every tensor. Received: none")
    # Zero is always within: padding is zero.
    ranges = {index: (min(low / count, 0.0), max(high / count, 0.0)) for index, (low, high) in total.items()}
    return ranges | {image["index"]: (0.0, 255.0)}


def _inner_range(values: np.ndarray) -> tuple[float, float]:
    values = values[:: max(1, len(values) // SAMPLES)]
    outside = int(OUTSIDE * (len(values) - 1))
    values = np.partition(values, (outside, len(values) - 1 - outside))
    return float(values[outside]), float(values[-1 - outside])


def float_tensors(model: Any) -> list[int]:
    """The outputs of the ops that stay float: those before the first convolution, the heads, and all that follows them.

    A head is a convolution that no other one follows.
    """
    operators = model.subgraphs[0].operators
    codes = model.operatorCodes
    is_convolution = [codes[operator.opcodeIndex].builtinCode == flatbuffer.CONV_2D for operator in operators]
    after: set[int] = set()  # tensors that come after a convolution
    for operator, is_one in zip(operators, is_convolution, strict=True):
        if is_one or not after.isdisjoint(operator.inputs):
            after.update(operator.outputs)
    before: set[int] = set()  # tensors that come before one
    for operator, is_one in zip(reversed(operators), reversed(is_convolution), strict=True):
        if is_one or not before.isdisjoint(operator.outputs):
            before.update(operator.inputs)
    return [index for operator in operators for index in operator.outputs if index not in after or index not in before]
