# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""PyTorch's files put together by hand, opcode by opcode, so that hostile ones need no PyTorch."""

import pickle
import struct
import zipfile

import numpy as np
from hypothesis import strategies as st

from ssd_tf.weights.pytorch import read_pytorch

FORMS = ("zip", "legacy")
MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
FLOATS = np.arange(6, dtype=np.float32)


def text(value):
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value):
    encoded = pickle.encode_long(value)
    return b"\x8a" + bytes([len(encoded)]) + encoded


def named(module, name):
    return f"c{module}\n{name}\n".encode()


def row(*items):
    """A tuple."""
    return b"(" + b"".join(items) + b"t"


def called(function, *arguments):
    return function + row(*arguments) + b"R"


def table(**entries):
    return b"}(" + b"".join(text(name) + value for name, value in entries.items()) + b"u"


SIX, NOUGHT, FLOAT_STORAGE = number(6), number(0), named("torch", "FloatStorage")
SIZE, STRIDE = row(number(2), number(3)), row(number(3), number(1))
STORAGES = (("0", 6, FLOATS.tobytes()),)


def storage(form, count=SIX, key="0", kind=FLOAT_STORAGE, view=b"N"):
    return row(text("storage"), kind, text(key), text("cpu"), count, *([view] if form == "legacy" else [])) + b"Q"


def tensor(form, offset=NOUGHT, size=SIZE, stride=STRIDE, of=None):
    arguments = (of or storage(form), offset, size, stride, b"\x89", called(named("collections", "OrderedDict")))
    return called(named("torch._utils", "_rebuild_tensor_v2"), *arguments)


def write(path, form, pickled, storages=STORAGES, **parts):
    """A file around a pickle. parts: other pickles in place of those of the legacy format."""
    pickled = b"\x80\x02" + pickled + b"."
    if form == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", pickled)
            archive.writestr("archive/version", b"3\n")
            archive.writestr("archive/byteorder", b"little")
            for key, _, content in storages:
                archive.writestr(f"archive/data/{key}", content)
        return path
    plain = {"magic": MAGIC, "version": VERSION, "system": SYSTEM, "keys": [key for key, _, _ in storages]}
    pickles = {name: parts.get(name, pickle.dumps(value, 2)) for name, value in plain.items()}
    content = pickles["magic"] + pickles["version"] + pickles["system"] + pickled + pickles["keys"]
    path.write_bytes(content + b"".join(struct.pack("<q", count) + data for _, count, data in storages))
    return path


def refused(path, *reasons):
    """The file is refused, by name, and the text has all of the reasons."""
    error = error_of(path)
    assert error, "the file is read"
    for reason in reasons:
        assert reason in error


def error_of(path):
    """The text of the error if there is one, which must name the file."""
    error = ""
    try:
        read_pytorch(path)
    except ValueError as raised:
        error = str(raised)
    assert not error or error.startswith(f"{path}: ")
    return error


def edits():
    return st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=4), st.integers(0, 4)), max_size=4)
