# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Runs a SavedModel with TensorFlow's C API alone, as a program in C would: no Python of TensorFlow's is loaded.

python c_api.py .venv/lib/python3.11/site-packages/tensorflow served/1 photo.jpg another.png

The C API loads a model with the function by which TensorFlow Serving loads one (LoadSavedModel). Prints one JSON object
an image, as examples/litert_detect.py does. Needs the two libraries of the tensorflow wheel, and NumPy.
"""

import ctypes
import json
import math
import pathlib
import sys

import numpy as np

STRING, INT32, INT64, FLOAT = 7, 3, 9, 1  # TF_DataType
NUMBERS = {FLOAT: np.float32, INT32: np.int32, INT64: np.int64}
TSTRING_SIZE = 24  # sizeof(TF_TString)


class Output(ctypes.Structure):
    """TF_Output."""

    _fields_ = (("oper", ctypes.c_void_p), ("index", ctypes.c_int))


class Buffer(ctypes.Structure):
    """TF_Buffer."""

    _fields_ = (("data", ctypes.c_void_p), ("length", ctypes.c_size_t), ("deallocator", ctypes.c_void_p))


# What each function that is used returns. Arguments are converted by ctypes: pointers are c_void_p, sizes c_size_t.
RETURNS = {
    "TF_AllocateTensor": ctypes.c_void_p,
    "TF_Dim": ctypes.c_int64,
    "TF_GraphOperationByName": ctypes.c_void_p,
    "TF_LoadSessionFromSavedModel": ctypes.c_void_p,
    "TF_Message": ctypes.c_char_p,
    "TF_NewBuffer": ctypes.POINTER(Buffer),
    "TF_NewGraph": ctypes.c_void_p,
    "TF_NewSessionOptions": ctypes.c_void_p,
    "TF_NewStatus": ctypes.c_void_p,
    "TF_StringGetDataPointer": ctypes.c_void_p,
    "TF_StringGetSize": ctypes.c_size_t,
    "TF_TensorData": ctypes.c_void_p,
    "TF_Version": ctypes.c_char_p,
}


def load_library(folder: pathlib.Path) -> ctypes.CDLL:
    """The C API in the folder of the tensorflow wheel."""
    # Their run path names the NVIDIA libraries beside them, where there are some; each finds the other by its name.
    ctypes.CDLL(str(folder / "libtensorflow_framework.so.2"), mode=ctypes.RTLD_GLOBAL)
    library = ctypes.CDLL(str(folder / "libtensorflow_cc.so.2"), mode=ctypes.RTLD_GLOBAL)
    for name, result in RETURNS.items():
        getattr(library, name).restype = result
    return library


class Model:
    """A version folder of a SavedModel, loaded."""

    def __init__(self, library: ctypes.CDLL, folder: str):
        self._tf = library
        self._status = ctypes.c_void_p(library.TF_NewStatus())
        self._graph = ctypes.c_void_p(library.TF_NewGraph())
        options = ctypes.c_void_p(library.TF_NewSessionOptions())
        tags = (ctypes.c_char_p * 1)(b"serve")
        meta = library.TF_NewBuffer()
        self._session = ctypes.c_void_p(
            library.TF_LoadSessionFromSavedModel(
                options, None, folder.encode(), tags, 1, self._graph, meta, self._status
            )
        )
        self._check()
        self._signatures = signatures(ctypes.string_at(meta.contents.data, meta.contents.length))

    def __call__(self, signature: str, strings: list[bytes]) -> dict[str, np.ndarray]:
        """The outputs of a signature whose one input is a vector of strings."""
        inputs, outputs = self._signatures[signature]
        (source,) = inputs.values()
        values = (ctypes.c_void_p * len(outputs))()
        feed = (ctypes.c_void_p * 1)(self._string_tensor(strings))
        self._tf.TF_SessionRun(
            self._session,
            None,
            (Output * 1)(self._output(source)),
            feed,
            1,
            (Output * len(outputs))(*(self._output(name) for name in outputs.values())),
            values,
            len(outputs),
            None,
            0,
            None,
            self._status,
        )
        self._tf.TF_DeleteTensor(ctypes.c_void_p(feed[0]))
        self._check()
        answer = {}
        for name, value in zip(outputs, values, strict=True):
            answer[name] = self._array(ctypes.c_void_p(value))
            self._tf.TF_DeleteTensor(ctypes.c_void_p(value))
        return answer

    def _check(self):
        if self._tf.TF_GetCode(self._status):
            raise RuntimeError(self._tf.TF_Message(self._status).decode())

    def _output(self, tensor: str) -> Output:
        operation, index = tensor.split(":")
        found = self._tf.TF_GraphOperationByName(self._graph, operation.encode())
        if not found:
            raise RuntimeError(f"the graph has no operation {operation}")
        return Output(found, int(index))

    def _string_tensor(self, strings: list[bytes]) -> int:
        shape = (ctypes.c_int64 * 1)(len(strings))
        tensor = self._tf.TF_AllocateTensor(STRING, shape, 1, ctypes.c_size_t(len(strings) * TSTRING_SIZE))
        start = self._tf.TF_TensorData(ctypes.c_void_p(tensor))
        for index, string in enumerate(strings):
            place = ctypes.c_void_p(start + index * TSTRING_SIZE)
            self._tf.TF_StringInit(place)
            self._tf.TF_StringCopy(place, string, ctypes.c_size_t(len(string)))
        return tensor

    def _array(self, tensor: ctypes.c_void_p) -> np.ndarray:
        shape = [self._tf.TF_Dim(tensor, axis) for axis in range(self._tf.TF_NumDims(tensor))]
        kind, start = self._tf.TF_TensorType(tensor), self._tf.TF_TensorData(tensor)
        count = math.prod(shape)
        if kind != STRING:
            number = np.dtype(NUMBERS[kind])
            return np.frombuffer(ctypes.string_at(start, count * number.itemsize), number).reshape(shape)
        places = [ctypes.c_void_p(start + index * TSTRING_SIZE) for index in range(count)]
        strings = [
            ctypes.string_at(self._tf.TF_StringGetDataPointer(place), self._tf.TF_StringGetSize(place)).decode()
            for place in places
        ]
        return np.array(strings, object).reshape(shape)


def signatures(meta_graph: bytes) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """Names of the input and output tensors of each signature in a serialised MetaGraphDef."""
    found = {}
    for name, signature in entries(meta_graph, 5):  # MetaGraphDef.signature_def
        inputs, outputs = (
            {key: dict(fields(info))[1].decode() for key, info in entries(signature, number)}  # TensorInfo.name
            for number in (1, 2)  # SignatureDef.inputs, SignatureDef.outputs
        )
        found[name] = inputs, outputs
    return found


def entries(message: bytes, number: int):
    """Keys and values of a map field."""
    for field, content in fields(message):
        if field == number:
            entry = dict(fields(content))
            yield entry[1].decode(), entry[2]


def fields(message: bytes):
    """Numbers and contents of the fields of a serialised protocol buffer that have a length; the others are skipped."""
    place = 0

    def varint():
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while place < len(message):
        number, kind = divmod(varint(), 8)
        if kind == 2:
            length = varint()
            yield number, message[place : place + length]
            place += length
        elif kind == 0:
            varint()
        else:
            place += {1: 8, 5: 4}[kind]


def main() -> None:
    wheel, folder, *files = sys.argv[1:]
    library = load_library(pathlib.Path(wheel))
    model = Model(library, folder)
    found = model("serving_default", [pathlib.Path(file).read_bytes() for file in files])
    for index, file in enumerate(files):
        detections = [
            {
                "box": found["boxes_pixels"][index, rank].tolist(),
                "score": float(found["scores"][index, rank]),
                "category_id": int(found["class_ids"][index, rank]),
                "category_name": found["class_names"][index, rank],
            }
            for rank in range(found["count"][index])
        ]
        print(json.dumps({"file": file, "error": found["errors"][index], "detections": detections}))


if __name__ == "__main__":
    main()
