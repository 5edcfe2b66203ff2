# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The metadata table, read back slot by slot. tests/export/test_consumers.py has MediaPipe read it."""

import io
import zipfile

import flatbuffers
import pytest
from flatbuffers.table import Table

from ssd_tf.export import flatbuffer
from ssd_tf.export.metadata import with_metadata

FILES = {"labels.txt": "a\nб\n".encode(), "ssd_tf.json": b"{}"}


@pytest.fixture(scope="module")
def empty_model() -> bytes:
    """A model of a graph without ops, whose outputs are not in the order of their names."""
    model = flatbuffer.Model()
    model.version, model.operatorCodes, model.description = 3, [], b""
    model.buffers = [flatbuffer.Buffer()]
    graph = flatbuffer.SubGraph()
    graph.tensors, graph.operators, graph.inputs, graph.outputs = [], [], [], [7, 5]
    signature = flatbuffer.SignatureDef()
    signature.signatureKey, signature.inputs, signature.outputs, signature.subgraphIndex = b"serving_default", [], [], 0
    for name, index in (("b", 7), ("a", 5)):
        tensor = flatbuffer.TensorMap()
        tensor.name, tensor.tensorIndex = name.encode(), index
        signature.outputs.append(tensor)
    model.subgraphs, model.signatureDefs = [graph], [signature]
    return flatbuffer.write(model)


class Slots:
    """A table of a flatbuffer whose fields are read by the number of their slot."""

    def __init__(self, table: Table):
        self._table = table

    def _at(self, slot: int) -> int:
        return self._table.Offset(4 + 2 * slot)

    def text(self, slot: int) -> str:
        return self._table.String(self._table.Pos + self._at(slot)).decode()

    def number(self, slot: int, flags=flatbuffers.number_types.Int8Flags) -> int:
        return self._table.Get(flags, self._table.Pos + self._at(slot))

    def table(self, slot: int) -> "Slots":
        return Slots(Table(self._table.Bytes, self._table.Indirect(self._table.Pos + self._at(slot))))

    def tables(self, slot: int) -> list["Slots"]:
        start, count = self._table.Vector(self._at(slot)), self._table.VectorLen(self._at(slot))
        return [Slots(Table(self._table.Bytes, self._table.Indirect(start + 4 * k))) for k in range(count)]

    def numbers(self, slot: int, flags) -> list:
        start, count = self._table.Vector(self._at(slot)), self._table.VectorLen(self._at(slot))
        return [self._table.Get(flags, start + 4 * k) for k in range(count)]


def metadata(content: bytes) -> Slots:
    model = flatbuffer.read(content)
    (entry,) = [entry for entry in model.metadata if entry.name == b"TFLITE_METADATA"]
    stored = bytes(bytearray(model.buffers[entry.buffer].data))
    assert stored[4:8] == b"M001"
    return Slots(Table(bytearray(stored), flatbuffers.encode.Get(flatbuffers.packer.uoffset, stored, 0)))


def test_input_is_an_rgb_image_that_is_not_normalised_again(empty_model):
    (image,) = metadata(with_metadata(empty_model, "ssd", FILES, None)).tables(3)[0].tables(2)
    content = image.table(3)
    assert content.number(0) == 2 and content.table(1).number(0) == 1  # ImageProperties, RGB
    (process,) = image.tables(4)
    assert process.number(0) == 1  # NormalizationOptions
    floats = flatbuffers.number_types.Float32Flags
    assert (process.table(1).numbers(0, floats), process.table(1).numbers(1, floats)) == ([0.0], [1.0])


def test_outputs_are_named_as_detections_and_the_classes_by_the_label_file(empty_model):
    graph = metadata(with_metadata(empty_model, "ssd", FILES, "labels.txt")).tables(3)[0]
    outputs = graph.tables(3)
    assert [output.text(0) for output in outputs] == ["location", "category", "score", "number of detections"]
    box = outputs[0].table(3)
    assert box.number(0) == 3  # BoundingBoxProperties
    # Left, top, right, bottom stand at these places of [ymin, xmin, ymax, xmax].
    assert box.table(1).numbers(0, flatbuffers.number_types.Uint32Flags) == [1, 0, 3, 2]
    (labels,) = outputs[1].tables(6)
    assert labels.text(0) == "labels.txt" and labels.number(2) == 3  # TENSOR_VALUE_LABELS
    assert graph.tables(8)[0].text(0) == "detection_result"


def test_outputs_of_detections_are_put_in_the_order_of_their_names(empty_model):
    sorted_outputs = flatbuffer.read(with_metadata(empty_model, "ssd", FILES, "labels.txt")).subgraphs[0].outputs
    assert list(sorted_outputs) == [5, 7]


def test_files_follow_the_model_uncompressed(empty_model):
    content = with_metadata(empty_model, "ssd", FILES, None)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == FILES
        # MediaPipe maps them into memory as they lie.
        assert all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())
    assert metadata(content).text(0) == "ssd"
