# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Archives are unpacked whole, resume where they stopped, and never write outside their folder."""

import dataclasses
import pathlib
import random
import re
import shutil
import stat
import zipfile

import pytest

from ssd_tf.utils import archives
from ssd_tf.utils.archives import unpack
from ssd_tf.utils.files import CHUNK


def names_in(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@dataclasses.dataclass(frozen=True)
class Member:
    """A file of a zip archive; `mode` as stat gives it, 0 as archivers outside Unix leave it."""

    name: str
    content: bytes = b"content"
    mode: int = stat.S_IFREG | 0o644


GOOD = (
    Member("images/deep/0.jpg", b"0" * 3000),
    Member("images/1.jpg", b"1" * CHUNK * 2),
    Member("list.txt", b"", mode=0),
)


def make_zip(folder: pathlib.Path, *members: Member, compression: int = zipfile.ZIP_STORED) -> pathlib.Path:
    path = folder / "archive.zip"
    with zipfile.ZipFile(path, "w", compression) as zipped:
        for member in members:
            info = zipfile.ZipInfo(member.name)
            info.external_attr = member.mode << 16
            zipped.writestr(info, member.content, compress_type=compression)
    return path


def assert_unpacked(folder: pathlib.Path) -> None:
    assert names_in(folder) == sorted(pathlib.Path(member.name).name for member in GOOD)
    for member in GOOD:
        assert (folder / member.name).read_bytes() == member.content


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_archive_is_unpacked_with_its_folders(tmp_path, compression):
    archive = make_zip(tmp_path, *GOOD, compression=compression)
    unpack(archive, tmp_path / "new" / "out")
    assert_unpacked(tmp_path / "new" / "out")


def test_empty_folders_of_an_archive_are_made(tmp_path):
    archive = make_zip(tmp_path, Member("a/b/", b"", stat.S_IFDIR | 0o755))
    unpack(archive, tmp_path / "out")
    assert (tmp_path / "out" / "a" / "b").is_dir()


BAD = [
    Member("../evil"),
    Member("images/../../evil"),
    Member("/evil"),
    Member("C:\\evil"),
    Member("C:/evil"),
    Member("..\\evil"),
    Member("images\\evil"),
    Member("evil", b"/etc", stat.S_IFLNK | 0o777),
    Member("evil", b"", stat.S_IFIFO | 0o666),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda member: f"{member.name} {stat.filemode(member.mode)[0]}")
def test_member_that_could_lead_out_of_the_folder_is_refused_before_anything_is_written(tmp_path, bad):
    archive = make_zip(tmp_path, GOOD[0], bad, GOOD[1])
    with pytest.raises(ValueError, match=rf"archive\.zip: expected .*member {re.escape(repr(bad.name))}"):
        unpack(archive, tmp_path / "out")
    assert names_in(tmp_path) == ["archive.zip"]


@pytest.mark.parametrize("name", ["link/evil", "link"])
def test_link_in_the_folder_that_leads_out_of_it_is_not_followed(tmp_path, name):
    (tmp_path / "out").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "out" / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(ValueError, match=rf"member '{name}' would be written to .*outside"):
        unpack(make_zip(tmp_path, GOOD[0], Member(name)), tmp_path / "out")
    assert names_in(tmp_path) == ["archive.zip"]


def test_folder_that_is_itself_a_link_is_fine(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    unpack(make_zip(tmp_path, *GOOD), tmp_path / "out")
    assert_unpacked(tmp_path / "disk")


def test_only_members_that_are_missing_or_of_another_size_are_written(tmp_path):
    archive, out = make_zip(tmp_path, *GOOD), tmp_path / "out"
    unpack(archive, out)
    whole, cut, missing = (out / member.name for member in GOOD)
    before = whole.stat().st_mtime_ns, whole.stat().st_ino
    cut.write_bytes(b"1")
    missing.unlink()
    unpack(archive, out)
    assert_unpacked(out)
    assert (whole.stat().st_mtime_ns, whole.stat().st_ino) == before


def test_interrupted_unpacking_leaves_whole_files_only_and_continues(tmp_path, monkeypatch):
    archive, out = make_zip(tmp_path, *GOOD), tmp_path / "out"
    write, calls = archives.write_chunk, []

    def interrupt_at_the_third_chunk(file, chunk):
        calls.append(chunk)
        if len(calls) == 3:  # the second half of the second member
            raise KeyboardInterrupt
        write(file, chunk)

    monkeypatch.setattr(archives, "write_chunk", interrupt_at_the_third_chunk)
    with pytest.raises(KeyboardInterrupt):
        unpack(archive, out)
    assert names_in(out) == ["0.jpg"]
    unpack(archive, out)
    assert_unpacked(out)
    assert len(calls) == 3 + 2  # the first member was not written again


def test_archive_that_was_cut_off_is_refused(tmp_path):
    archive = make_zip(tmp_path, *GOOD)
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(ValueError, match=r"archive\.zip: not a readable zip archive"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_damaged_member_is_refused_and_does_not_get_its_name(tmp_path, compression):
    archive = make_zip(
        tmp_path, Member("good", b"good"), Member("bad", random.Random(0).randbytes(3000)), compression=compression
    )
    content = bytearray(archive.read_bytes())
    content[1500] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(ValueError, match=r"archive\.zip: not a readable zip archive"):
        unpack(archive, tmp_path / "out")
    assert names_in(tmp_path / "out") == ["good"]


def test_archive_with_a_password_is_refused(tmp_path):
    archive = make_zip(tmp_path, Member("secret"))
    content = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):  # the flags in the local and the central header
        content[content.index(signature) + offset] |= 1
    archive.write_bytes(content)
    with pytest.raises(ValueError, match=r"archive\.zip: .*secret.*password"):
        unpack(archive, tmp_path / "out")


def test_archive_that_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.zip"):
        unpack(tmp_path / "absent.zip", tmp_path)


def test_disk_without_enough_space_is_told_before_unpacking(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=3000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    needed = sum(len(member.content) for member in GOOD)
    with pytest.raises(OSError, match=f"not enough space.* {needed} bytes are needed, 3000 are free"):
        unpack(make_zip(tmp_path, *GOOD), tmp_path / "out")
    assert names_in(tmp_path) == ["archive.zip"]


def test_folder_to_unpack_to_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match=r"expected a folder.*file"):
        unpack(make_zip(tmp_path, *GOOD), tmp_path / "file")
