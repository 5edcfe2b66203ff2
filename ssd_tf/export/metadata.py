# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""TFLite metadata: says inside a LiteRT file what its tensors mean, so that MediaPipe Tasks runs the file as it is.

Written after MediaPipe's schema of it (metadata_schema.fbs, identifier M001, Apache 2.0); the numbers of slots and
enumerations below are that schema's. The files that belong to the model follow it as a zip archive, uncompressed.
"""

import io
import zipfile
from collections.abc import Sequence

import flatbuffers

from ssd_tf.export import flatbuffer

# The earliest parser that knows all that is written here.
_MIN_PARSER_VERSION = "1.3.0"
_TENSOR_VALUE_LABELS = 3  # AssociatedFileType: line k names value k
_FEATURE_PROPERTIES, _IMAGE_PROPERTIES, _BOX_PROPERTIES = 1, 2, 3  # ContentProperties
_RGB = 1  # ColorSpaceType
_BOUNDARIES = 1  # BoundingBoxType: top, left, bottom, right in an order of our own
_RATIO = 0  # CoordinateType
_NORMALIZATION_OPTIONS = 1  # ProcessUnitOptions
# Where left, top, right and bottom stand in our [ymin, xmin, ymax, xmax].
_BOX_ORDER = (1, 0, 3, 2)
# The names by which MediaPipe's ObjectDetector knows the four outputs of TFLite_Detection_PostProcess.
_DETECTIONS = (
    ("location", "Boxes: top, left, bottom, right, in 0..1 of the image."),
    ("category", "Classes: line numbers of the label file, from 0."),
    ("score", "Scores, in 0..1, best first."),
    ("number of detections", "How many of the boxes, classes and scores count."),
)


def with_metadata(content: bytes, name: str, files: dict[str, bytes], labels: str | None) -> bytes:
    """A LiteRT model with metadata and files.

    Args:
      content: the model, as the converter wrote it.
      name: of the model.
      files: content by name, to be read with any zip reader.
      labels: which of the files names the classes, where the model answers detections; None where it does not.
    """
    model = flatbuffer.read(content)
    if labels:
        _sort_outputs(model)
    buffer = flatbuffer.Buffer()
    buffer.data = list(_metadata(name, sorted(files), labels))
    model.buffers.append(buffer)
    entry = flatbuffer.Metadata()
    entry.name, entry.buffer = b"TFLITE_METADATA", len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), entry]
    packed = io.BytesIO(flatbuffer.write(model))
    packed.seek(0, io.SEEK_END)
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_STORED) as archive:
        for file, data in files.items():
            # A fixed time, so that the same model is the same file.
            archive.writestr(zipfile.ZipInfo(file), data)
    return packed.getvalue()


def _sort_outputs(model) -> None:
    """Puts the outputs in the order of their names, which is that of _DETECTIONS; the converter has its own."""
    (signature,) = model.signatureDefs
    in_order = sorted(signature.outputs, key=lambda output: output.name)
    model.subgraphs[signature.subgraphIndex].outputs = [output.tensorIndex for output in in_order]


def _metadata(name: str, files: Sequence[str], labels: str | None) -> bytes:
    writer = _Writer()
    # The model normalises; a float model is fed 0..255 as it is. MediaPipe requires the entry all the same.
    normalization = writer.table(writer.floats(0, [0.0]), writer.floats(1, [1.0]))
    process = writer.table(writer.uint8(0, _NORMALIZATION_OPTIONS), writer.offset(1, normalization))
    image = writer.table(
        writer.string(0, "image"),
        writer.string(1, "RGB in 0..255; the model normalises it."),
        writer.offset(3, writer.content(_IMAGE_PROPERTIES, writer.table(writer.int8(0, _RGB)))),
        writer.tables(4, [process]),
    )
    graph = [writer.tables(2, [image])]
    if labels:
        graph.append(writer.tables(3, _detections(writer, labels)))
        group = writer.table(
            writer.string(0, "detection_result"), writer.strings(1, [key for key, _ in _DETECTIONS[:3]])
        )
        graph.append(writer.tables(8, [group]))
    carried = [writer.table(writer.string(0, file)) for file in files if file != labels]
    root = writer.table(
        writer.string(0, name),
        writer.string(1, "An SSD object detector, exported by ssd_tf."),
        writer.tables(3, [writer.table(*graph)]),
        writer.tables(6, carried),
        writer.string(7, _MIN_PARSER_VERSION),
    )
    return writer.finish(root)


def _detections(writer: "_Writer", labels: str) -> list[int]:
    """TensorMetadata of the four outputs."""
    box = writer.table(writer.uint32s(0, _BOX_ORDER), writer.int8(1, _BOUNDARIES), writer.int8(2, _RATIO))
    contents = [
        writer.content(_BOX_PROPERTIES, box),
        *(writer.content(_FEATURE_PROPERTIES, writer.table()) for _ in _DETECTIONS[1:]),
    ]
    label_file = writer.table(
        writer.string(0, labels), writer.string(1, "The classes, one a line."), writer.int8(2, _TENSOR_VALUE_LABELS)
    )
    return [
        writer.table(
            writer.string(0, key),
            writer.string(1, text),
            writer.offset(3, content),
            *([writer.tables(6, [label_file])] if key == "category" else []),
        )
        for (key, text), content in zip(_DETECTIONS, contents, strict=True)
    ]


class _Writer:
    """Flatbuffer tables, without code generated from a schema: a field is a function that fills its slot."""

    def __init__(self):
        self._builder = flatbuffers.Builder(0)

    def table(self, *fields) -> int:
        self._builder.StartObject(max((slot for slot, _ in fields), default=-1) + 1)
        for _, fill in fields:
            fill()
        return self._builder.EndObject()

    def content(self, kind: int, properties: int) -> int:
        return self.table(self.uint8(0, kind), self.offset(1, properties))

    def offset(self, slot: int, offset: int):
        return slot, lambda: self._builder.PrependUOffsetTRelativeSlot(slot, offset, 0)

    def string(self, slot: int, text: str):
        return self.offset(slot, self._builder.CreateString(text))

    def strings(self, slot: int, texts: Sequence[str]):
        return self.tables(slot, [self._builder.CreateString(text) for text in texts])

    def tables(self, slot: int, offsets: Sequence[int]):
        return self._vector(slot, offsets, self._builder.PrependUOffsetTRelative)

    def floats(self, slot: int, values: Sequence[float]):
        return self._vector(slot, values, self._builder.PrependFloat32)

    def uint32s(self, slot: int, values: Sequence[int]):
        return self._vector(slot, values, self._builder.PrependUint32)

    def int8(self, slot: int, value: int):
        # The default is given as another value than any that is used, so that none is left out.
        return slot, lambda: self._builder.PrependInt8Slot(slot, value, -1)

    def uint8(self, slot: int, value: int):
        return slot, lambda: self._builder.PrependUint8Slot(slot, value, 255)

    def finish(self, root: int) -> bytes:
        self._builder.Finish(root, file_identifier=b"M001")
        return bytes(self._builder.Output())

    def _vector(self, slot: int, values: Sequence, prepend):
        self._builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            prepend(value)
        return self.offset(slot, self._builder.EndVector())
