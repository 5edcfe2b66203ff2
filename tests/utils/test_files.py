# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A file written through atomic_path is the old one or the new one, never something between and never two."""

import json
import pathlib
import subprocess
import sys

import pytest

from ssd_tf.utils.files import (
    atomic_path,
    files_like,
    json_lists,
    literal,
    require_file_target,
    without_system_files,
    write_atomically,
)


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_file_takes_its_place_when_the_block_ends(tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert _names(tmp_path) == ["file.bin"]


def test_temporary_file_is_hidden_and_beside_the_file(tmp_path):
    # os.replace is atomic within one file system only, and a "*.tfrecord" pattern must not find half a shard.
    with atomic_path(tmp_path / "train.tfrecord") as temporary:
        temporary.write_bytes(b"")
        assert temporary.parent == tmp_path
        assert list(tmp_path.glob("*.tfrecord")) == []
        assert temporary.name.startswith(".") and temporary.suffix == ".tmp"


def _write_half(path, error):
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"half")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_old_file_stays_and_no_temporary_is_left_when_the_block_raises(tmp_path, error):
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")
    with pytest.raises(error):
        _write_half(path, error)
    assert path.read_bytes() == b"old"
    assert _names(tmp_path) == ["file.bin"]


def test_no_file_appears_when_the_block_raises_before_writing(tmp_path):
    with pytest.raises(ValueError, match="stopped"), atomic_path(tmp_path / "new"):
        raise ValueError("stopped")
    assert _names(tmp_path) == []


def test_where_there_is_no_room_the_error_names_the_file(tmp_path):
    expected = f"No space left on device: '{tmp_path}/new'"
    full = pathlib.Path("/dev/full")
    with pytest.raises(OSError, match=expected), atomic_path(tmp_path / "new"), full.open("wb", buffering=0) as file:
        file.write(b"more than there is room for")
    assert _names(tmp_path) == []


def test_an_error_that_is_not_about_room_stays_as_it_is(tmp_path):
    with pytest.raises(OSError, match=r"^\[Errno 5\] broken$"), atomic_path(tmp_path / "new"):
        raise OSError(5, "broken")


def test_text_is_written_as_utf8(tmp_path):
    write_atomically(str(tmp_path / "text"), "Überzug 猫\n")
    assert (tmp_path / "text").read_bytes() == "Überzug 猫\n".encode()
    assert _names(tmp_path) == ["text"]


def test_lists_are_json_whatever_their_length(tmp_path):
    entries = [{"name": "Äpfel\n"}, [1, None], "x"]
    for count in range(4):
        with json_lists(tmp_path / "lists.json", {"info": 1}, ("few", "many")) as (few, many):
            for entry in entries[:count]:
                many(entry)
                few(0)
        expected = {"info": 1, "few": [0] * count, "many": entries[:count]}
        assert json.loads((tmp_path / "lists.json").read_text()) == expected


def test_lists_appear_when_they_are_whole(tmp_path):
    path = tmp_path / "lists.json"
    path.write_text("old")
    with json_lists(path, {"info": 1}, ("all",)) as (add,):
        add(1)
        assert path.read_text() == "old"
    with pytest.raises(TypeError), json_lists(path, {"info": 1}, ("all",)) as (add,):
        add(object())
    assert json.loads(path.read_text())["all"] == [1]
    assert _names(tmp_path) == ["lists.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files as Unix does")
@pytest.mark.parametrize(("entries", "named"), [(3, "image.jpg"), (300, "lists.json")])
def test_full_disk_is_told_of_the_file_that_it_stopped(tmp_path, entries, named):
    # No file of this process can be larger than 10 bytes; three entries stay in the buffer until the end.
    code = (
        "import resource, sys\nfrom ssd_tf.utils.files import json_lists\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
        "with json_lists(sys.argv[1], {'info': 1}, ('all',)) as (add,):\n"
        f"    for _ in range({entries}):\n        add('x' * 100)\n"
        "    raise OSError(28, 'No space left on device', 'image.jpg')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "lists.json")], capture_output=True, text=True, check=False
    )
    assert named in done.stderr.splitlines()[-1]
    assert _names(tmp_path) == []


@pytest.mark.parametrize("name", ["plain", "a b", "~", "]"])
def test_path_without_a_pattern_is_its_own_name(tmp_path, name):
    assert literal(tmp_path / name) == str(tmp_path / name)


@pytest.mark.parametrize("name", ["[1]", "*", "a?", "back\\slash"])
def test_path_with_a_pattern_gets_a_name_without_one(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    (folder / "file").write_text("here")
    assert pathlib.Path(literal(folder)).samefile(folder)
    assert pathlib.Path(literal(folder / "file")).read_text() == "here"
    assert not set(literal(folder / "later")) & set("[*?\\")


@pytest.mark.parametrize(
    "name",
    [
        "._a.jpg",
        ".DS_Store",
        ".hidden.jpg",
        "Thumbs.db",
        "thumbs.DB",
        "desktop.ini",
        "@eaDir/a.jpg",
        "__MACOSX/b/c.jpg",
    ],
)
def test_files_of_systems_are_told_from_the_users(name):
    folder = pathlib.Path("/home/.cache/@eaDir")  # a user may keep a data set there
    users = [folder / "a.jpg", folder / "b" / "_c.jpg"]
    assert without_system_files([*users, folder / name], folder) == (users, [folder / name])


def test_files_like_a_pattern_are_the_users(tmp_path):
    for name in ("b.json", "a.JSON", "._b.json", "c.yaml", "a.json"):
        (tmp_path / name).touch()
    (tmp_path / "d.json").mkdir()
    assert [path.name for path in files_like(tmp_path, "*.json", "*.yaml")] == ["a.json", "b.json", "c.yaml"]


def test_a_folder_that_takes_no_files_is_told_before_the_work(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="expected a folder to write to"):
        require_file_target(tmp_path / "file" / "x.html")
    require_file_target(tmp_path / "new" / "x.html")
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.skipif(
    not pathlib.Path("/proc/self").is_dir(), reason="needs Linux' /proc, which takes no files of root's"
)
def test_a_folder_that_takes_no_files_of_anyone_is_told():
    with pytest.raises(PermissionError, match=r"^/proc: this folder cannot be written to"):
        require_file_target(pathlib.Path("/proc/x.html"))
