# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Reads a .caffemodel: the layers and blobs in it, without Caffe and without protobuf's library.

A .caffemodel is a NetParameter of weiliu89/caffe's caffe.proto in protobuf's wire format. Of its hundreds of messages
four hold weights: net, layer (`layer`, or `layers` as before 2014), blob and shape. All others are stepped over, none
is entered, so that nothing in a file decides how deep we go. Numbers stay where they are in the file's bytes.
"""

import math
import pathlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ssd_tf.weights.refusal import printable, reading, refuse

# Wire types.
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# NetParameter: its layers, and those of before 2014.
_LAYERS, _OLD_LAYERS = 100, 2
# The fields name, type and blobs of LayerParameter; and of V1LayerParameter, whose types are numbers.
_FIELDS, _OLD_FIELDS = {1: "name", 2: "type", 7: "blobs"}, {4: "name", 6: "blobs"}
# V1LayerParameter.layer: the form of 2013, which holds its own name and blobs.
_OLDEST = 1
# BlobProto.
_SIDES, _SHAPE = (1, 2, 3, 4), 7
_NUMBERS = {5: np.dtype("<f4"), 8: np.dtype("<f8")}
_WIRE_OF = {4: _FIXED32, 8: _FIXED64}
# NVIDIA's fork keeps half precision as bytes beside a number for the type; OpenCV's shrinkCaffeModel writes that too.
_RAW_TYPE, _RAW = 10, 12
_RAW_TYPES = {0: np.dtype("<f8"), 1: np.dtype("<f4"), 2: np.dtype("<f2")}
# The largest nets have some 30,000 fields beside their numbers. One takes two bytes in a file, and us a microsecond.
_MOST_FIELDS = 100_000
_LONGEST_NAME = 1000
_MOST_AXES = 32  # Caffe's kMaxBlobAxes


class _Field(NamedTuple):
    """A field: its number and wire type; a varint's value; where else its content begins and ends in the file.

    repeats is more than 1 where numbers of one field stand one after the other, each with its tag of one byte.
    """

    number: int
    wire: int
    value: int
    begin: int
    end: int
    repeats: int


def read_caffemodel(path: str | pathlib.Path) -> dict[str, np.ndarray]:
    """The blobs of a .caffemodel by their layer's name and their place in it: "conv1_1[0]", "conv1_1[1]", ...

    Args:
      path: a file that Caffe wrote with WriteProtoToBinaryFile, of either form of layers.

    Returns:
      Read-only float32, float64 or float16 arrays, views of the file's bytes, in Caffe's layout. Blobs of one axis that
      the old form stores as [1, 1, 1, N] are [N]. Blobs 0 and 1 of a BatchNorm layer are divided by its blob 2, which
      is left out: they are the mean and the variance.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is no .caffemodel, or is damaged; the message says what is wrong and where.
    """
    path = pathlib.Path(path)
    with reading(path, "a .caffemodel"):
        return parse_caffemodel(path.read_bytes())


def parse_caffemodel(content: bytes) -> dict[str, np.ndarray]:
    """The same of its bytes; raises RefusedError, a ValueError."""
    if not content:
        refuse("is empty")
    walker = _Walker(content)
    tensors, seen = {}, set()
    for field in walker.fields(0, len(content)):
        if field.number not in (_LAYERS, _OLD_LAYERS):
            continue
        name, kind, blobs = _layer(walker, _bytes(field, "a layer"), old=field.number == _OLD_LAYERS)
        if blobs and name in seen:
            refuse(f"has two layers {printable(name)!r} with weights")
        if blobs:
            seen.add(name)
        if kind == "BatchNorm":
            blobs = _statistics(name, blobs)
        tensors.update((f"{name}[{place}]", blob) for place, blob in enumerate(blobs))
    if not tensors:
        refuse("is not a .caffemodel, or one without weights: it has no layer with blobs")
    return tensors


def _layer(walker: "_Walker", field: _Field, old: bool) -> tuple[str, str, list[np.ndarray]]:
    names = _OLD_FIELDS if old else _FIELDS
    texts, blobs = {"name": "", "type": ""}, []
    for part in walker.fields(field.begin, field.end):
        if old and part.number == _OLDEST:
            refuse("is of Caffe's form of 2013: turn it into today's with Caffe's upgrade_net_proto_binary")
        match names.get(part.number):
            case "blobs":
                where = f"blob {len(blobs)} of layer {printable(texts['name'])!r}"
                blobs.append(_blob(walker, _bytes(part, where), where))
            case str(text):
                texts[text] = walker.text(_bytes(part, f"a layer's {text}"))
    return texts["name"], texts["type"], blobs


def _blob(walker: "_Walker", field: _Field, where: str) -> np.ndarray:
    shape: tuple[int, ...] | None = None
    sides: dict[int, int] = {}
    numbers: dict[int, np.ndarray] = {}
    raw, raw_type = None, 0
    for part in walker.fields(field.begin, field.end):
        if part.number in _SIDES:
            sides[part.number] = _varint(part, f"{where}: a side")
        elif part.number == _SHAPE:
            shape = _shape(walker, _bytes(part, f"{where}: its shape"), where)
        elif part.number in _NUMBERS:
            if part.number in numbers:
                refuse(f"{where}: its numbers are in several pieces")
            numbers[part.number] = walker.numbers(part, _NUMBERS[part.number], where)
        elif part.number == _RAW_TYPE:
            raw_type = _varint(part, f"{where}: raw_data_type")
        elif part.number == _RAW:
            raw = _bytes(part, f"{where}: raw_data")
    if raw:
        if raw_type not in _RAW_TYPES:
            refuse(f"{where}: raw_data_type: expected {list(_RAW_TYPES)}. Received: {raw_type}")
        numbers[_RAW] = walker.numbers(raw, _RAW_TYPES[raw_type], where)
    values = numbers[max(numbers)] if numbers else np.zeros(0, np.float32)  # those of double precision, as Caffe
    old = shape is None and bool(sides)
    if shape is None:
        shape = tuple(sides.get(number, 0) for number in _SIDES) if sides else ()
    if not all(0 < side < 2**31 for side in shape):
        refuse(f"{where}: expected sides of 1 to 2**31 - 1. Received: {shape}")
    if math.prod(shape) != len(values):
        refuse(f"{where}: its shape {shape} wants {math.prod(shape)} numbers. Received: {len(values)}")
    return values.reshape(shape[3:] if old and shape[:3] == (1, 1, 1) else shape)


def _shape(walker: "_Walker", field: _Field, where: str) -> tuple[int, ...]:
    """BlobShape: its dim, each with its tag or all in one."""
    sides: list[int] = []
    for part in walker.fields(field.begin, field.end):
        if part.number == 1 and part.wire == _BYTES:
            position = part.begin
            while position < part.end and len(sides) <= _MOST_AXES:
                side, position = walker.varint(position, part.end)
                sides.append(side)
        elif part.number == 1:
            sides.append(_varint(part, f"{where}: a side"))
        if len(sides) > _MOST_AXES:
            refuse(f"{where}: has more than {_MOST_AXES} axes")
    return tuple(sides)


def _statistics(name: str, blobs: list[np.ndarray]) -> list[np.ndarray]:
    """Mean and variance, of which Caffe keeps sums, and how many it summed."""
    if len(blobs) != 3 or blobs[2].size != 1:
        sizes = ", ".join(str(blob.shape) for blob in blobs) or "none"
        refuse(
            f"layer {printable(name)!r}: expected a BatchNorm's three blobs, the last of one number. Received: {sizes}"
        )
    count = blobs[2].reshape(())
    return [(blob / count if count else np.zeros_like(blob)).astype(blob.dtype) for blob in blobs[:2]]


def _bytes(field: _Field, what: str) -> _Field:
    if field.wire != _BYTES:
        refuse(f"is not a .caffemodel: {what} has wire type {field.wire} in place of {_BYTES} (byte {field.begin})")
    return field


def _varint(field: _Field, what: str) -> int:
    if field.wire != _VARINT:
        refuse(f"{what} has wire type {field.wire} in place of {_VARINT} (byte {field.begin})")
    return field.value


class _Walker:
    """Steps over the fields of messages in one file, and counts them."""

    def __init__(self, content: bytes):
        self.content = content
        self.left = _MOST_FIELDS

    def fields(self, position: int, end: int) -> Iterator[_Field]:
        """The fields of the message that lies there."""
        while position < end:
            self.left -= 1
            if self.left < 0:
                refuse(f"has more than {_MOST_FIELDS} fields, which no net has")
            start = position
            tag, position = self.varint(position, end)
            number, wire = tag >> 3, tag & 7
            value = count = 0
            begin = position
            if wire == _VARINT:
                value, position = self.varint(position, end)
            elif wire == _BYTES:
                size, begin = self.varint(position, end)
                position = begin + size
            elif wire in (_FIXED32, _FIXED64):
                size = 4 if wire == _FIXED32 else 8
                count = self._repeats(start, end, size) if begin == start + 1 else 1
                position = start + (begin - start + size) * max(count, 1)
            else:
                refuse(f"is not a .caffemodel: byte {start} has wire type {wire}, which caffe.proto never has")
            if number == 0 or not begin <= position <= end:
                refuse(
                    f"is not a complete .caffemodel: the field at byte {start} ends at {position}, its message at {end}"
                )
            yield _Field(number, wire, value, begin, position, count)

    def varint(self, position: int, end: int) -> tuple[int, int]:
        """The number there, signed as int64, and where it ends."""
        value, start, byte = 0, position, 0x80
        while byte & 0x80:
            if position >= end:
                refuse(f"is not a complete .caffemodel: the number at byte {start} is cut off")
            if position == start + 10:
                refuse(f"is not a .caffemodel: the number at byte {start} has more than 10 bytes")
            byte = self.content[position]
            value |= (byte & 0x7F) << 7 * (position - start)
            position += 1
        value &= 2**64 - 1
        return value - 2**64 * (value >> 63), position

    def text(self, field: _Field) -> str:
        if field.end - field.begin > _LONGEST_NAME:
            refuse(f"has a name of more than {_LONGEST_NAME} bytes (byte {field.begin})")
        return self.content[field.begin : field.end].decode("utf-8", "replace")

    def numbers(self, field: _Field, dtype: np.dtype, where: str) -> np.ndarray:
        """A view of the numbers in a field, packed or each with its tag."""
        size = dtype.itemsize
        if field.wire == _BYTES:
            count, odd = divmod(field.end - field.begin, size)
            if odd:
                refuse(f"{where}: its {field.end - field.begin} bytes are no whole number of {dtype}")
            return np.frombuffer(self.content, dtype, count, field.begin)
        if field.wire != _WIRE_OF[size]:
            refuse(f"{where}: its numbers have wire type {field.wire} (byte {field.begin})")
        tagged = np.dtype([("tag", "u1"), ("number", dtype)])
        return np.frombuffer(self.content, tagged, field.repeats, field.begin - 1)["number"]

    def _repeats(self, start: int, end: int, size: int) -> int:
        """How many fields with the tag of the one at start, of one byte, and numbers of that size, follow it."""
        most = (end - start) // (size + 1)
        tags = np.frombuffer(self.content, np.uint8)[start : start + most * (size + 1) : size + 1]
        known, step = 0, 16
        # In steps that grow: short runs stay cheap, and a long one needs no array of its own length.
        while known < most:
            part = tags[known : known + step] != self.content[start]
            if part.any():
                return known + int(np.argmax(part))
            known, step = known + len(part), min(2 * step, 2**20)
        return most
