# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The tar format of PyTorch's first versions."""

import collections
import copyreg
import io
import pickle
import struct
import tarfile

import hypothesis
import numpy as np
import pytest

from ssd_tf.weights.pytorch import read_pytorch
from tests.weights.torch_files import edits, refused

# The tar format. PyTorch 2.13 reads it and does not write it, so it is written here and shown to PyTorch first.


def pickled(value, identify=None, table=None):
    stream = io.BytesIO()
    pickler = pickle.Pickler(stream, 2)
    if identify:
        pickler.persistent_id = identify
    pickler.dispatch_table = table or copyreg.dispatch_table
    pickler.dump(value)
    return stream.getvalue()


def write_tar(torch, path, tensors, views=(), state=5):
    """tensors: by name; Parameters become objects with the state of 0.1.0 (5 entries) or of 0.1.9 (3)."""
    values = [tensor.data if isinstance(tensor, torch.nn.Parameter) else tensor for tensor in tensors.values()]
    roots = {value.untyped_storage().data_ptr(): value for value in values}
    kinds = {torch.float32: "Float", torch.float64: "Double", torch.int64: "Long"}
    storages = pickled(len(roots))
    for key, value in roots.items():
        kind = getattr(torch, f"{kinds[value.dtype]}Storage")
        content = bytes(value.untyped_storage())
        storages += pickled((key, "cpu", kind)) + struct.pack("<q", len(content) // value.element_size()) + content
    storages += pickled(list(views))
    listed = pickled(len(values))
    for number, value in enumerate(values, start=1):
        listed += pickled((number, value.untyped_storage().data_ptr(), getattr(torch, f"{kinds[value.dtype]}Tensor")))
        listed += struct.pack("<ii", value.dim(), 0)
        listed += struct.pack(f"<{2 * value.dim() + 1}q", *value.shape, *value.stride(), value.storage_offset())
    numbers = {id(tensor): str(number) for number, tensor in enumerate(values, start=1)}
    data = dict(zip(map(id, tensors.values()), values, strict=True))

    def reduce(parameter):
        value = data[id(parameter)]
        if state == 5:
            return copyreg.__newobj__, (torch.nn.Parameter,), (value, None, collections.OrderedDict(), True, False)
        return torch.nn.Parameter, (value,), (True, False, collections.OrderedDict())

    files = {
        "storages": storages,
        "tensors": listed,
        "pickle": pickled(
            collections.OrderedDict(tensors), lambda value: numbers.get(id(value)), {torch.nn.Parameter: reduce}
        ),
    }
    return write_files(path, files)


def write_files(path, files):
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.mark.parametrize("state", [5, 3])
def test_tar_format_is_read_as_pytorch_reads_it(torch, tmp_path, state):
    whole = torch.arange(24.0).reshape(4, 6)
    tensors = {
        "conv1.weight": torch.nn.Parameter(torch.randn(3, 2, 5)),
        "bn1.running_mean": torch.randn(7, dtype=torch.float64),
        "shared": whole,
        "part": whole[1:3, 2:],
        "turned": torch.nn.Parameter(whole.t()),
        "count": torch.tensor([3, 4]),
    }
    path = write_tar(torch, tmp_path / "first.pth", tensors, state=state)
    theirs = torch.load(path, weights_only=False)
    ours = read_pytorch(path)
    assert list(ours) == list(theirs) == list(tensors)
    for name, tensor in theirs.items():
        np.testing.assert_array_equal(ours[name], tensor.detach().numpy(), strict=True)
        np.testing.assert_array_equal(ours[name], tensors[name].detach().numpy(), strict=True)


def test_tar_format_s_views_of_storages_are_read(torch, tmp_path):
    tensor = torch.arange(10.0)
    key = tensor.untyped_storage().data_ptr()
    path = write_tar(torch, tmp_path / "view.pth", {"w": tensor}, views=[(key + 1, key, 4, 3)])
    theirs = torch.load(path, weights_only=False)["w"]
    np.testing.assert_array_equal(read_pytorch(path)["w"], theirs.numpy())
    refused(
        write_tar(torch, tmp_path / "view.pth", {"w": tensor}, views=[(key + 1, key, 4, 7)]),
        "refers to 7 elements from 4 in a storage of 10",
    )


@pytest.mark.parametrize("place", ["storages", "tensors", "pickle"])
def test_tar_file_that_asks_for_a_function_is_refused_wherever_it_does(torch, tmp_path, place):
    canary = tmp_path / "canary"
    evil = f"cposix\nsystem\nX\x00\x00\x00\x00touch {canary}\x85R.".encode()
    evil = evil.replace(b"X\x00\x00\x00\x00", b"X" + struct.pack("<I", len(f"touch {canary}")))
    evil = b"\x80\x02" + evil
    good = write_tar(torch, tmp_path / "good.pth", {"w": torch.ones(3)})
    with tarfile.open(good) as archive:
        files = {name: archive.extractfile(name).read() for name in ("storages", "tensors", "pickle")}
    refused(write_files(tmp_path / "evil.pth", files | {place: evil}), "asks for posix.system")
    assert not canary.exists()


def test_tar_file_that_is_cut_off_or_lacks_a_file_is_refused(torch, tmp_path):
    whole = write_tar(torch, tmp_path / "good.pth", {"w": torch.randn(300), "v": torch.randn(2, 3)}).read_bytes()
    path = tmp_path / "cut.pth"
    for length in range(262, len(whole) - 10240, 97):
        path.write_bytes(whole[:length])
        refused(path, "is not a complete PyTorch file")
    refused(write_files(path, {"storages": pickled(0) + pickled([])}), "is not a complete PyTorch file")


@hypothesis.settings(max_examples=150, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(edits=edits())
def test_damaged_tar_file_is_read_or_refused(torch, tmp_path, edits):
    good = tmp_path / "good.pth"
    if not good.exists():
        write_tar(torch, good, {"w": torch.nn.Parameter(torch.randn(5, 4)), "v": torch.randn(3)})
    content = bytearray(good.read_bytes()[:-10240])
    for place, replacement, dropped in edits:
        start = int(place * len(content))
        content[start : start + dropped] = replacement
    path = tmp_path / "damaged.pth"
    path.write_bytes(content)
    try:
        read_pytorch(path)
    except ValueError as error:
        assert str(path) in str(error)  # noqa: PT017 - reading it is fine as well


def test_tar_file_of_many_files_is_not_listed_to_its_end(torch, tmp_path):
    path = write_files(tmp_path / "many.pth", {f"file{k}": b"" for k in range(100)} | {"storages": b""})
    refused(path, "is not a complete PyTorch file")
