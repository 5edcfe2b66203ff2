# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Names of another machine are found by one rule for all of them, one to one, and never by a guess for one of them."""

import pathlib
import unicodedata

import pytest

from ssd_tf.data.formats.image_names import find_files


def made(folder: pathlib.Path, *files: str) -> pathlib.Path:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def found(folder: pathlib.Path, *names: str) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in find_files(folder, names)[0]]


def test_names_that_are_there_stay_as_they_are(tmp_path):
    folder = made(tmp_path, "a.png", "sub/a.png", "50%25.png")
    assert find_files(folder, ["sub/a.png", "a.png", "50%25.png", "a.png"]) == (
        [folder / "sub/a.png", folder / "a.png", folder / "50%25.png", folder / "a.png"],
        [],
    )


@pytest.mark.parametrize(
    ("files", "names", "rule"),
    [
        (["a.png", "b.png"], ["val2017/a.png", "val2017/b.png"], "without their first folder"),
        (["a.png", "b.png"], ["/home/me/a.png", "gs://bucket/x/y/b.png"], "without their first 4 folders"),
        (["a/1.png", "b/1.png"], ["data/a/1.png", "data/b/1.png"], "without their first folder"),
        (["a/1.png", "b/2.png"], ["a\\1.png", "b\\2.png"], "with / for \\"),
        (["1.png"], ["C:\\photos\\1.png"], "with / for \\, without their first 2 folders"),
        (["a b.png", "ü.png"], ["a%20b.png", "%C3%BC.png"], "with %20 and the like decoded"),
        (["a b.png", "c.png"], ["up%2Fa%20b.png", "up/c.png"], "with %20 and the like decoded, without their first"),
    ],
)
def test_one_rule_finds_all(tmp_path, files, names, rule):
    folder = made(tmp_path, *files)
    paths, told = find_files(folder, names)
    assert [path.relative_to(folder).as_posix() for path in paths] == files
    assert len(told) == 1 and told[0].startswith(f"file names are taken {rule}")
    count = f"{len(names)} of {len(names)} names are found so"
    assert told[0].endswith(f"; {count}, the first: {names[0]} is {files[0]}")


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_accents_are_found_in_either_form(tmp_path, form):
    other = "NFD" if form == "NFC" else "NFC"
    folder = made(tmp_path, unicodedata.normalize(form, "é/ü.png"), "plain.png")
    paths, (told,) = find_files(folder, [unicodedata.normalize(other, "é/ü.png"), "plain.png"])
    assert [path.is_file() for path in paths] == [True, True]
    assert told.startswith("file names are taken in another form of Unicode; 2 of 2 names")


def test_a_file_of_the_same_name_is_not_taken_for_one_of_another_folder(tmp_path):
    folder = made(tmp_path, "taskA/frame_0.png", "frame_0.png")
    assert found(folder, "taskA/frame_0.png", "taskB/frame_0.png") == ["taskA/frame_0.png", "taskB/frame_0.png"]


def test_no_two_names_get_one_file(tmp_path):
    folder = made(tmp_path, "frame_0.png")
    assert find_files(folder, ["taskA/frame_0.png", "taskB/frame_0.png"])[1] == []
    assert found(folder, "taskA/frame_0.png", "taskB/frame_0.png") == ["taskA/frame_0.png", "taskB/frame_0.png"]
    paths, _ = find_files(folder, ["taskA/frame_0.png", "taskA/frame_0.png"])  # one name, twice in the file
    assert paths == [folder / "frame_0.png"] * 2


def test_two_files_that_differ_in_the_form_of_their_accents_are_not_guessed_between(tmp_path):
    folder = made(tmp_path, unicodedata.normalize("NFC", "é.png"), unicodedata.normalize("NFD", "é.png"))
    assert find_files(folder, ["x/é.png"])[1] == []


def test_names_that_no_rule_finds_stay_and_the_others_are_found(tmp_path):
    folder = made(tmp_path, "a.png", "b.png")
    paths, (told,) = find_files(folder, ["x/a.png", "x/gone.png", "x/b.png"])
    assert [path.relative_to(folder).as_posix() for path in paths] == ["a.png", "x/gone.png", "b.png"]
    assert "2 of 3 names are found so" in told


def test_nothing_is_there(tmp_path):
    assert find_files(tmp_path / "nowhere", ["a.png", "x/b%20c.png", "", ".", "/", "y" * 5000, "a\0b"])[1] == []
