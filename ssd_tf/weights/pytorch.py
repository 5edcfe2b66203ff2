# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Reads what torch.save wrote, without PyTorch: the zip format (PyTorch 1.6 and later), the one before, and the tar
format of the first versions, which torchvision's oldest weights have.

Follows torch/serialization.py of PyTorch 2.13; the pickles in the files are read by pickles.py.
"""

import io
import itertools
import pathlib
import struct
import tarfile
import zipfile
import zlib
from typing import Any

import numpy as np

from ssd_tf.utils.errors import UserError
from ssd_tf.weights.pickles import (
    HINT,
    Storage,
    check_numbers,
    find_storage,
    make_tensor,
    part_of,
    unpickle,
)
from ssd_tf.weights.refusal import RefusedError, printable, reading, refuse

# Of a zip file's table of contents 46 bytes become an object of 1000.
_MOST_RECORDS = 100_000
_MOST_FILES = 16  # a tar file has 3
_LEGACY_START = [0x1950A86A20F9469CFC6C, 1001]  # the magic number and the version
# What a damaged file can run into. Warning: pickletools warns of a backslash in a name, which may be made an error.
_ERRORS = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RuntimeError, EOFError)
_ERRORS += (BufferError, Warning, struct.error, zipfile.BadZipFile, tarfile.TarError)


def read_pytorch(path: str | pathlib.Path) -> Any:
    """What torch.save was given, with NumPy arrays in place of tensors.

    Args:
      path: a file that torch.save wrote, in any of its formats.

    Returns:
      Dictionaries, lists, tuples, strings, numbers and read-only arrays, which are views of the file's bytes. A
      torch.Size is a tuple, a torch.dtype the NumPy one, a torch.device a tuple of its type and, if any, index.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: the file cannot be read, or asks for more than tensors and plain values; the message names both.
    """
    path = pathlib.Path(path)
    with reading(path, "a file that torch.save wrote"):
        try:
            content = path.read_bytes()
            if content.startswith(b"PK\x03\x04"):
                return _read_zip(content)
            return _read_tar(content) if content[257:262] == b"ustar" else _read_legacy(content)
        except RefusedError:  # a ValueError too
            raise
        except _ERRORS as error:
            raise UserError(f"{path}: is not a complete PyTorch file: {type(error).__name__}: {error}") from error


def state_dict(content: Any, source: str) -> dict[str, np.ndarray]:
    """The names and arrays in what `read_pytorch` returned.

    Args:
      content: a state_dict, or a dictionary with one under "model" or "state_dict", as training checkpoints are.
      source: names the file in errors.

    Raises:
      ValueError: there is no state_dict, or an entry of it is no tensor; the message names it.
    """
    if isinstance(content, dict):
        content = next((content[key] for key in ("model", "state_dict") if isinstance(content.get(key), dict)), content)
    if not isinstance(content, dict) or not content:
        kind = "an empty dictionary" if isinstance(content, dict) else f"a {type(content).__name__}"
        raise UserError(f'{source}: expected a state_dict, or one under "model" or "state_dict". Received: {kind}')
    for name, tensor in content.items():
        if not isinstance(name, str) or not isinstance(tensor, np.ndarray):
            kind = type(tensor).__name__
            raise UserError(f"{source}: expected names and tensors. Received: {name!r} of type {kind}{HINT}")
    return content


def _read_zip(content: bytes) -> Any:
    if content.count(b"PK\x01\x02") > _MOST_RECORDS:
        refuse(f"has more than {_MOST_RECORDS} records")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        if len(entries) != len(archive.infolist()):
            refuse("has two records of one name")
    folders = [name.split("/")[0] for name in entries if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(folders) != 1:
        refuse("is a zip file, but not one that torch.save wrote: it has no FOLDER/data.pkl, or several")
    order = entries.get(f"{folders[0]}/byteorder")
    if order and _record(content, order) != b"little":
        refuse("was not written on a little-endian machine")
    records: dict[str, memoryview] = {}

    def find(key: str, dtype: np.dtype, count: int) -> Storage:
        if key not in records:
            records[key] = _record(content, entries[f"{folders[0]}/data/{key}"])
        if len(records[key]) // dtype.itemsize != count:
            refuse(f"storage {printable(key)} has {len(records[key])} bytes where {count} elements of {dtype} belong")
        return Storage(records[key], dtype)

    pickled = _record(content, entries[f"{folders[0]}/data.pkl"])
    return unpickle(pickled, 0, lambda identity: find_storage(identity, find))[0]


def _record(content: bytes, entry: zipfile.ZipInfo) -> memoryview:
    """The bytes of a record. One that is compressed is refused: it could become any number of bytes."""
    start = entry.header_offset + 30
    signature, flags, method, name_size, extra_size = struct.unpack_from("<4s2xHH16xHH", content, entry.header_offset)
    stored_name = content[start : start + name_size].decode("utf-8" if entry.flag_bits & 0x800 else "cp437")
    start += name_size + extra_size
    name = printable(entry.orig_filename)
    if signature != b"PK\x03\x04" or stored_name != entry.orig_filename:
        refuse(f"record {name} is not where the table of contents has it")
    if (entry.flag_bits | flags) & 1 or entry.compress_type or method or entry.compress_size != entry.file_size:
        refuse(f"record {name} is compressed or encrypted, which torch.save never does")
    record = memoryview(content)[start : start + entry.file_size]
    if len(record) != entry.file_size or zlib.crc32(record) != entry.CRC:
        refuse(f"record {name} does not have its check sum: the file is damaged, or was written without check sums")
    return record


def _read_legacy(content: bytes) -> Any:
    if _LEGACY_START[0].to_bytes(10, "little") not in content[:32]:
        refuse("is not a PyTorch file: neither a zip file nor of the format before" if content else "is empty")
    start, position, forms = [], 0, {}
    for _ in range(3):
        value, position = unpickle(content, position)
        start.append(value)
    if start[:2] != _LEGACY_START or start[2]["little_endian"] is not True:
        refuse("is of an unknown version, or was not written on a little-endian machine")

    def note(key: str, dtype: np.dtype, count: int) -> Storage:
        if forms.setdefault(key, (dtype, count)) != (dtype, count):
            refuse(f"storage {printable(key)} has two types or sizes")
        return Storage(None, dtype)

    # Where a storage lies depends on the sizes of all, which the object has: it is read twice.
    _, keys_start = unpickle(content, position, lambda identity: find_storage(identity, note))
    keys, end = unpickle(content, keys_start)
    records: dict[str, memoryview] = {}
    for key in keys:
        if not isinstance(key, str) or key not in forms:
            refuse("lists a storage that no tensor has")
        dtype, count = forms[key]
        begin, end = end + 8, end + 8 + count * dtype.itemsize
        if struct.unpack_from("<q", content, begin - 8) != (count,):
            refuse(f"storage {printable(key)} does not have {count} elements, as its tensors do")
        if end > len(content):
            refuse(f"is not a complete PyTorch file: storage {printable(key)} is cut off")
        records[key] = memoryview(content)[begin:end]

    def find(key: str, dtype: np.dtype, _count: int) -> Storage:
        return Storage(records[key], dtype)

    return unpickle(content, position, lambda identity: find_storage(identity, find))[0]


def _read_tar(content: bytes) -> Any:
    """The format of PyTorch 0.1.0 to 0.1.9: the files "storages", "tensors" and "pickle" in a tar archive."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        # Each of a million empty files in an archive would become an object.
        entries = list(itertools.islice(archive, _MOST_FILES))
        files = {entry.name: _tar_file(content, entry) for entry in entries if entry.isreg()}
    storages = _tar_storages(files["storages"])
    tensors = _tar_tensors(files["tensors"], storages)
    return unpickle(files["pickle"], 0, lambda identity: tensors[int(identity)])[0]


def _tar_file(content: bytes, entry: tarfile.TarInfo) -> memoryview:
    end = entry.offset_data + entry.size
    if entry.sparse is not None or end > len(content):
        refuse(f"is not a complete PyTorch file: {printable(entry.name)} is cut off, or has holes")
    return memoryview(content)[entry.offset_data : end]


def _tar_storages(file: memoryview) -> dict[Any, Storage]:
    """By their keys: whole storages, and then parts of them."""
    storages: dict[Any, Storage] = {}
    number, position = unpickle(file)
    for _ in range(number):
        (key, _location, dtype), position = unpickle(file, position)
        (count,) = struct.unpack_from("<q", file, position)
        check_numbers(key, count)
        begin, position = position + 8, position + 8 + count * dtype.itemsize
        if position > len(file):
            refuse(f"is not a complete PyTorch file: storage {key} is cut off")
        storages[key] = Storage(file[begin:position], dtype)
    for key, root, offset, size in unpickle(file, position)[0]:
        check_numbers(key, root)
        whole = storages[root]
        storages[key] = part_of(whole, len(whole.content or b"") // whole.dtype.itemsize, offset, size)
    return storages


def _tar_tensors(file: memoryview, storages: dict[Any, Storage]) -> dict[int, np.ndarray]:
    tensors = {}
    number, position = unpickle(file)
    for _ in range(number):
        (key, storage, _kind), position = unpickle(file, position)
        (dimensions,) = struct.unpack_from("<i4x", file, position)
        check_numbers(key, storage, dimensions)
        numbers = struct.unpack_from(f"<{2 * dimensions + 1}q", file, position + 8)
        position += 8 + 8 * len(numbers)
        size, stride = numbers[:dimensions], numbers[dimensions:-1]
        tensors[key] = make_tensor(storages[storage], numbers[-1], size, stride)
    return tensors
