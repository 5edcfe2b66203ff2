# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Files that are cut off, damaged, or put together otherwise than PyTorch does."""

import pickle
import struct
import zipfile

import hypothesis
import pytest
from hypothesis import strategies as st

from ssd_tf.weights.pytorch import read_pytorch
from tests.weights.torch_files import FLOATS, MAGIC, SYSTEM, edits, error_of, number, refused, row, table, tensor, write


def rewritten(path, change):
    """The zip file with its records changed."""
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        change(archive, records)
    return path


@pytest.fixture
def archive_path(tmp_path):
    return write(tmp_path / "archive.pth", "zip", tensor("zip"))


@pytest.mark.parametrize("name", ["archive/data.pkl", "archive/data/0", "archive/byteorder"])
def test_compressed_record_is_refused(archive_path, name):
    def compress(archive, records):
        records["archive/data/0"] += bytes(10**7)
        for record, content in records.items():
            method = zipfile.ZIP_DEFLATED if record == name else zipfile.ZIP_STORED
            archive.writestr(record, content, method)

    rewritten(archive_path, compress)
    if name == "archive/data/0":
        assert archive_path.stat().st_size < 50_000
    refused(archive_path, f"record {name} is compressed")


def test_record_that_is_compressed_by_its_own_header_alone_is_refused(archive_path):
    content = bytearray(archive_path.read_bytes())
    # The method of a record is two bytes, eight bytes into its header; the first record is data.pkl.
    content[8:10] = struct.pack("<H", zipfile.ZIP_DEFLATED)
    archive_path.write_bytes(content)
    refused(archive_path, "record archive/data.pkl is compressed")


def test_record_with_another_name_in_its_own_header_is_refused(archive_path):
    content = archive_path.read_bytes().replace(b"archive/data/0", b"archive/data/1", 1)
    archive_path.write_bytes(content)
    refused(archive_path, "record archive/data/0 is not where the table of contents has it")


def test_record_with_an_extra_field_in_its_own_header_alone_is_read(tmp_path):
    # So PyTorch aligns storages: the table of contents does not have that field, or another one.
    path = tmp_path / "aligned.pth"
    content = FLOATS.tobytes()
    pickled = b"\x80\x02" + tensor("zip") + b"."
    with zipfile.ZipFile(path, "w") as archive:
        for name, record in (("archive/data.pkl", pickled), ("archive/data/0", content)):
            info = zipfile.ZipInfo(name)
            info.extra = b"FB\x10\x00" + bytes(16)
            archive.writestr(info, record)
            info.extra = b""
    assert read_pytorch(path).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_damaged_tensor_is_refused(archive_path):
    content = archive_path.read_bytes()
    archive_path.write_bytes(content.replace(FLOATS.tobytes(), FLOATS[::-1].tobytes()))
    refused(archive_path, "record archive/data/0 does not have its check sum")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["archive/data.pkl", "archive/data/0", "archive/data/0\0x"])
def test_two_records_of_one_name_are_refused(archive_path, name):
    with zipfile.ZipFile(archive_path, "a") as archive:
        info = zipfile.ZipInfo("x")
        info.filename = name
        archive.writestr(info, b"")
    refused(archive_path, "two records of one name")


def test_big_endian_file_is_refused(tmp_path, archive_path):
    rewritten(
        archive_path,
        lambda archive, records: [archive.writestr(n, c) for n, c in {**records, "archive/byteorder": b"big"}.items()],
    )
    refused(archive_path, "little-endian")
    system = pickle.dumps({**SYSTEM, "little_endian": False}, 2)
    refused(write(tmp_path / "big.pth", "legacy", tensor("legacy"), system=system), "little-endian")


def test_archive_without_a_pickle_or_with_two_is_refused(tmp_path, archive_path):
    with zipfile.ZipFile(tmp_path / "images.pth", "w") as archive:
        archive.writestr("images/1.jpg", b"an image")
    refused(tmp_path / "images.pth", "is a zip file, but not one that torch.save wrote")
    with zipfile.ZipFile(archive_path, "a") as archive:
        archive.writestr("other/data.pkl", b"N.")
    refused(archive_path, "is a zip file, but not one that torch.save wrote")


def test_table_of_contents_with_very_many_records_is_refused(archive_path):
    archive_path.write_bytes(archive_path.read_bytes() + b"PK\x01\x02" * 100_000)
    refused(archive_path, "more than 100000 records")


def test_file_cut_off_anywhere_is_refused(tmp_path, form):
    path = write(tmp_path / "cut.pth", form, table(w=tensor(form)))
    whole = path.read_bytes()
    assert read_pytorch(path)["w"].shape == (2, 3)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        beginning = 4 if form == "zip" else 15
        refused(path, "is not a complete PyTorch file" if length > beginning else "")


def test_file_of_pytorch_cut_off_is_refused(torch, tmp_path, form):
    path = tmp_path / "cut.pth"
    torch.save(torch.nn.BatchNorm2d(4).state_dict(), path, _use_new_zipfile_serialization=form == "zip")
    whole = path.read_bytes()
    for length in range(20, len(whole), 17):
        path.write_bytes(whole[:length])
        refused(path, "is not a complete PyTorch file")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"not a weight file, just some text", "is not a PyTorch file"),
        (pickle.dumps({"w": [1.0]}), "is not a PyTorch file"),
        (b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00ls\x85R.", "is not a PyTorch file"),
        (b"PK\x03\x04", "is not a complete PyTorch file"),
        (pickle.dumps(MAGIC, 2), "is not a complete PyTorch file"),
        (pickle.dumps(MAGIC, 2) + pickle.dumps(1002, 2) + pickle.dumps(SYSTEM, 2), "unknown version"),
        (bytes(257) + b"ustar\x0000" + bytes(500), "is not a complete PyTorch file"),
    ],
    ids=["empty", "text", "pickle", "evil pickle", "zip", "magic", "version", "tar"],
)
def test_other_file_is_refused(tmp_path, content, reason):
    path = tmp_path / "other.pth"
    path.write_bytes(content)
    refused(path, reason)


def test_folder_and_missing_file_are_named(tmp_path):
    refused(tmp_path, "is a folder")
    (tmp_path / "file").write_bytes(b"")
    refused(tmp_path / "file" / "weights.pth", "Not a directory")
    with pytest.raises(FileNotFoundError, match=r"weights file not found: .*none\.pth"):
        read_pytorch(str(tmp_path / "none.pth"))


def edited(content, changes):
    """The bytes with some replaced, inserted or left out."""
    for place, new, left_out in changes:
        start = int(place * len(content))
        content = content[:start] + new + content[start + left_out :]
    return content


@hypothesis.settings(
    max_examples=150, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(changes=edits(), inside=st.booleans())
def test_damaged_file_is_read_or_refused(tmp_path, form, changes, inside):
    # Inside: with the check sums that the damaged pickle has.
    pickled = table(model=table(w=tensor(form), b=tensor(form, size=row(), stride=row())), epoch=number(7))
    path = write(tmp_path / "damaged.pth", form, edited(pickled, changes) if inside else pickled)
    if not inside:
        path.write_bytes(edited(path.read_bytes(), changes))
    error_of(path)


@hypothesis.settings(
    max_examples=100, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(content=st.binary(max_size=200), start=st.sampled_from([b"", b"PK\x03\x04", pickle.dumps(MAGIC, 2)]))
def test_random_bytes_are_refused(tmp_path, content, start):
    path = tmp_path / "random.pth"
    path.write_bytes(start + content)
    refused(path)
