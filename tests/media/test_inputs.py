# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A file, a folder or a pattern becomes a sorted list of files."""

import pathlib
import re
import subprocess
import sys

import pytest

from ssd_tf.media.inputs import find_images, find_images_and_videos, is_video, root_of


def test_droppings_and_other_kinds_are_left_out_and_counted(tmp_path, caplog):
    for name in ("a.jpg", "._a.jpg", "._b.jpg", "c.webp", "notes", ".hidden"):
        (tmp_path / name).touch()
    with caplog.at_level("INFO"):
        assert find_images(str(tmp_path)) == [tmp_path / "a.jpg"]
    assert caplog.messages == [
        "2 files whose names begin with ._ are left out",
        f"{tmp_path}: 2 files of other kinds are left out: .webp, without ending",
    ]


@pytest.mark.parametrize(
    ("given", "root"), [("in", "in"), ("in/a.jpg", "in"), ("in/*/b.jpg", "in"), ("in/[1]/*.jpg", "in/[1]")]
)
def test_names_start_from_the_folder_that_is_meant(tmp_path, given, root):
    for path in (tmp_path / "in" / "a.jpg", tmp_path / "in" / "[1]" / "b.jpg"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert root_of(str(tmp_path / given)) == tmp_path / root
    assert all(path.is_relative_to(tmp_path / root) for path in find_images(str(tmp_path / given)))


def test_file_is_found_whatever_its_name(tmp_path):
    for name in ("a.jpg", "a[1].jpg", "no suffix", "a.txt"):
        (tmp_path / name).touch()
        assert find_images(str(tmp_path / name)) == [tmp_path / name]


def test_images_of_a_folder_are_found_by_suffix_sorted(tmp_path):
    for name in ("c.jpg", "a.PNG", "b.jpeg", "d.bmp", "e.gif", "notes.txt", "data.json"):
        (tmp_path / name).touch()
    (tmp_path / "folder.jpg").mkdir()
    assert [path.name for path in find_images(str(tmp_path))] == ["a.PNG", "b.jpeg", "c.jpg", "d.bmp", "e.gif"]


def test_pattern_finds_files_in_several_folders(tmp_path):
    for name in ("x/1.jpg", "x/2.png", "y/1.jpg", "y/z/1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert find_images(str(tmp_path / "*" / "*.jpg")) == [tmp_path / "x/1.jpg", tmp_path / "y/1.jpg"]
    assert find_images(str(tmp_path / "**" / "1.jpg")) == [tmp_path / k / "1.jpg" for k in ("x", "y", "y/z")]


def test_folder_without_images_is_refused_by_name(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FileNotFoundError, match=rf"no image in folder {tmp_path}.*\.jpg"):
        find_images(str(tmp_path))


@pytest.mark.parametrize("name", ["nowhere.jpg", "*.jpg", "nowhere/"])
def test_nothing_found_is_refused_with_what_was_asked_for(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=f"^no file, folder or match: {re.escape(str(tmp_path / name))}$"):
        find_images(str(tmp_path / name))


def test_videos_of_a_folder_are_found_among_the_images_where_they_are_wanted(tmp_path):
    for name in ("c.jpg", "a.MP4", "b.mkv", "notes.txt", "d.webm"):
        (tmp_path / name).touch()
    assert [path.name for path in find_images_and_videos(str(tmp_path))] == ["a.MP4", "b.mkv", "c.jpg", "d.webm"]
    assert [path.name for path in find_images(str(tmp_path))] == ["c.jpg"]


def test_folder_without_images_and_videos_is_refused_by_name(tmp_path):
    with pytest.raises(FileNotFoundError, match=rf"no image or video in folder {tmp_path}.*\.jpg.*\.mp4"):
        find_images_and_videos(str(tmp_path))


def test_name_says_what_is_a_video():
    names = ("a.mp4", "a.MOV", "a.jpg", "mp4", "a.gif", "a.mp4.png", "no suffix")
    assert [is_video(pathlib.Path(name)) for name in names] == [True, True, False, False, False, False, False]


def test_looking_for_files_does_not_start_tensorflow():
    code = "import sys, ssd_tf.media.inputs; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
