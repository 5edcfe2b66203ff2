# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A float LiteRT model with smaller numbers: float16 weights; int8 weights; int8 weights, activations and uint8 images.

In the last two things differ from what the converter does by itself (docs/export.md has the AP of each):
- What comes before the first convolution (normalisation) and what the heads answer (logits, offsets, softmax) is float.
  Eight bits cannot hold logits: where the background is certain they reach thousands, and one scale serves them all.
  The heads' weights are int8 all the same; LiteRT quantises what goes into them image by image.
- A range is the mean over the images, and leaves out the most extreme values of each: they saturate, so that all
  others have finer steps.
"""

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm
from absl import logging
from tensorflow.lite.python.convert import mlir_quantize

from ssd_tf.export import flatbuffer
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.imports import quiet_stderr

# With fewer images to calibrate with there is a warning.
ENOUGH_IMAGES = 200
# Of the values of a tensor in one image so many may be below its range, and so many above.
OUTSIDE = 1e-4
# Of a range: a tensor may be zero in all images, and LiteRT cannot run a scale of zero.
LEAST_WIDTH = 1e-3
# The version of CONV_2D from which on it takes float inputs and int8 weights with a scale for each output.
FLOAT_WITH_INT8_WEIGHTS = 5
# The version of DEQUANTIZE from which on it takes float16.
DEQUANTIZE_FLOAT16 = 3
# Values of a tensor that are looked at in one image.
SAMPLES = 50_000


def quantize_int8(content: bytes, images: Iterable[np.ndarray]) -> bytes:
    """The quantised model.

    Args:
      content: a float LiteRT model whose input is RGB [1, S, S, 3] in 0..255.
      images: uint8 [S, S, 3].

    Raises:
      ValueError: there are no images.
    """
    ranges = {index: values.mean(axis=0) for index, values in image_ranges(content, images).items()}
    return with_int8_weights(with_int8_tensors(content, ranges, float_tensors(content)))


def image_ranges(content: bytes, images: Iterable[np.ndarray], outside: float = OUTSIDE) -> dict[int, np.ndarray]:
    """The range of each float tensor that an op computes, in each image: float [images, 2] by the tensor's number.

    Args:
      outside: fraction of a tensor's values that may be below its range, and as many above.

    Raises:
      ValueError: there are no images.
    """
    import ai_edge_litert.interpreter as litert  # here, since only int8 runs a model while it is exported

    interpreter = litert.Interpreter(
        model_content=content,
        num_threads=os.cpu_count(),
        experimental_preserve_all_tensors=True,  # else the memory of a tensor is used again
        experimental_op_resolver_type=litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    (model_input,) = interpreter.get_input_details()
    floats = {detail["index"] for detail in interpreter.get_tensor_details() if detail["dtype"] == np.float32}
    operators = flatbuffer.read(content).subgraphs[0].operators
    ranges = {index: [] for operator in operators for index in operator.outputs if index in floats}
    for image in tqdm.tqdm(images, desc="calibrate int8", unit="img", leave=False):
        interpreter.set_tensor(model_input["index"], image[None].astype(np.float32))
        interpreter.invoke()
        for index, seen in ranges.items():
            seen.append(_inner_range(interpreter.get_tensor(index).ravel(), outside))
    count = min((len(seen) for seen in ranges.values()), default=0)
    if not count:
        raise UserError("int8 needs images that show the range of every tensor. Received: none")
    if count < ENOUGH_IMAGES:
        logging.warning("int8 was calibrated with %d images; %d or more are better", count, ENOUGH_IMAGES)
    return {index: np.array(seen) for index, seen in ranges.items()} | {model_input["index"]: np.array([[0.0, 255.0]])}


def _inner_range(values: np.ndarray, outside: float) -> tuple[float, float]:
    values = values[:: len(values) // SAMPLES | 1]  # an odd step looks at all channels, which are a power of two
    left_out = int(outside * (len(values) - 1))
    values = np.partition(values, (left_out, len(values) - 1 - left_out))
    return float(values[left_out]), float(values[-1 - left_out])


def float_tensors(content: bytes) -> list[int]:
    """The outputs of the ops that stay float: those before the first convolution, the heads, and all that follows them.

    A head is a convolution that no other one follows.
    """
    model = flatbuffer.read(content)
    operators, codes = model.subgraphs[0].operators, model.operatorCodes
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


def with_int8_tensors(content: bytes, ranges: dict[int, np.ndarray], stay_float: list[int]) -> bytes:
    """The model with int8 weights and activations, and a uint8 input.

    Args:
      ranges: [least, greatest] by the tensor's number; widened to have zero inside, since padding is zero.
      stay_float: what ops answer that are not quantised.
    """
    model = flatbuffer.read(content)
    tensors = model.subgraphs[0].tensors
    for index, (low, high) in ranges.items():
        quantization = flatbuffer.QuantizationParameters()
        quantization.min, quantization.max = [min(float(low), 0.0)], [max(float(high), LEAST_WIDTH)]
        tensors[index].quantization = quantization
    with quiet_stderr():  # it reports its settings
        quantized: Any = mlir_quantize(
            flatbuffer.write(model),
            input_data_type=tf.uint8,
            output_data_type=tf.float32,
            denylisted_nodes=[tensors[index].name.decode() for index in stay_float],
        )
    return quantized


def with_int8_weights(content: bytes) -> bytes:
    """The model with the float weights of its convolutions as int8, a scale for each output; what they answer is float.

    LiteRT quantises what goes into such a convolution image by image. The converter's own way ("dynamic range")
    would take the default boxes for weights too.
    """
    model = flatbuffer.read(content)
    for code, kernel in flatbuffer.float_convolutions(model):
        values = flatbuffer.float_values(model, kernel)
        scales = np.maximum(np.abs(values).reshape(len(values), -1).max(axis=1) / 127.0, np.finfo(np.float32).tiny)
        weights = np.round(values / scales[:, None, None, None]).astype(np.int8)
        model.buffers[kernel.buffer].data = weights.view(np.uint8).ravel()
        kernel.type = flatbuffer.INT8
        kernel.quantization = flatbuffer.QuantizationParameters()
        kernel.quantization.scale, kernel.quantization.zeroPoint = scales, np.zeros(len(scales), np.int64)
        kernel.quantization.quantizedDimension = 0
        code.version = max(code.version, FLOAT_WITH_INT8_WEIGHTS)
    return flatbuffer.write(model)


def with_float16_weights(content: bytes) -> bytes:
    """The model with the weights of its convolutions as float16, which it turns into float32 before they are used.

    GPUs leave that step out. The converter's own way would round the default boxes too.
    """
    model = flatbuffer.read(content)
    graph = model.subgraphs[0]
    widen = flatbuffer.OperatorCode()
    widen.builtinCode = widen.deprecatedBuiltinCode = flatbuffer.DEQUANTIZE
    widen.version = DEQUANTIZE_FLOAT16
    model.operatorCodes.append(widen)
    steps = []
    for _, kernel in flatbuffer.float_convolutions(model):
        half = flatbuffer.Tensor()
        half.name, half.shape, half.type = kernel.name + b"/float16", kernel.shape, flatbuffer.FLOAT16
        half.buffer = kernel.buffer
        model.buffers[half.buffer].data = (
            flatbuffer.float_values(model, kernel).astype(np.float16).view(np.uint8).ravel()
        )
        kernel.buffer = 0  # the empty one: an op computes this tensor now
        graph.tensors.append(half)
        step = flatbuffer.Operator()
        step.opcodeIndex = len(model.operatorCodes) - 1
        step.inputs, step.outputs = [len(graph.tensors) - 1], [graph.tensors.index(kernel)]
        steps.append(step)
    graph.operators = [*steps, *graph.operators]
    return flatbuffer.write(model)
