# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A file, a folder or a pattern becomes a sorted list of files."""

import pathlib
import re
import subprocess
import sys

import pytest
from PIL import Image

from ssd_tf.data.kinds import image_kind
from ssd_tf.media.inputs import find_images, find_images_and_videos, is_video, root_of


def test_files_of_systems_and_other_kinds_are_left_out_and_counted(tmp_path, caplog):
    for name in ("a.jpg", "._a.jpg", "Thumbs.db", ".DS_Store", ".b.jpg", "c.svg", "notes"):
        (tmp_path / name).touch()
    with caplog.at_level("INFO"):
        assert find_images(str(tmp_path)) == [tmp_path / "a.jpg"]
    assert caplog.messages == [
        f"{tmp_path}: hidden and system files are left out: 4, such as .DS_Store",
        f"{tmp_path}: 2 files of other kinds are left out: .svg, without ending",
    ]


def test_files_of_systems_do_not_match_a_pattern(tmp_path, caplog):
    for name in ("x/a.jpg", "x/@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    with caplog.at_level("INFO"):
        assert find_images(str(tmp_path / "**" / "*.jpg")) == [tmp_path / "x" / "a.jpg"]
    assert caplog.messages == [f"{tmp_path}: hidden and system files are left out: 1, such as SYNOPHOTO_THUMB_XL.jpg"]


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


def test_images_of_a_folder_are_found_by_their_content_or_their_name_sorted(tmp_path):
    for name in ("c.jpg", "a.PNG", "b.jpeg", "d.webp", "notes.txt", "data.json"):
        (tmp_path / name).touch()
    Image.new("RGB", (4, 4)).save(tmp_path / "e", "WEBP")
    (tmp_path / "folder.jpg").mkdir()
    assert [path.name for path in find_images(str(tmp_path))] == ["a.PNG", "b.jpeg", "c.jpg", "d.webp", "e"]


def test_pattern_finds_files_in_several_folders(tmp_path):
    for name in ("x/1.jpg", "x/2.png", "y/1.jpg", "y/z/1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert find_images(str(tmp_path / "*" / "*.jpg")) == [tmp_path / "x/1.jpg", tmp_path / "y/1.jpg"]
    assert find_images(str(tmp_path / "**" / "1.jpg")) == [tmp_path / k / "1.jpg" for k in ("x", "y", "y/z")]


def test_folder_without_images_is_refused_by_name(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FileNotFoundError, match=rf"no image in folder {tmp_path}: looked for JPEG, .* JPEG 2000$"):
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
    with pytest.raises(
        FileNotFoundError, match=rf"no image or video in folder {tmp_path}: looked for JPEG, .*, and \.mp4, "
    ):
        find_images_and_videos(str(tmp_path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\0\0\0\x18ftypisom", True),
        (b"\0\0\0\x18ftypM4A ", False),  # sound alone
        (b"\0\0\0\x18ftypheic", False),
        (b"RIFF\0\0\0\0AVI LIST", True),
        (b"RIFF\0\0\0\0WEBPVP8 ", False),
        (b"\x1aE\xdf\xa3", True),
        ((b"G" + bytes(187)) * 3, True),
        (b"GIF89a", False),
        (b"\xff\xd8\xff", False),
    ],
)
def test_content_says_what_is_a_video_whatever_the_name(tmp_path, content, said):
    for name in ("a", "a.jpg"):
        (tmp_path / name).write_bytes(content)
        assert is_video(tmp_path / name) == said
    image = image_kind(content) != ""
    (tmp_path / "a.mp4").write_bytes(content)
    assert is_video(tmp_path / "a.mp4") == (not image)


def test_name_says_what_is_a_video_where_there_is_no_content():
    names = ("a.mp4", "a.MOV", "a.jpg", "mp4", "a.gif", "a.mp4.png", "no suffix")
    assert [is_video(pathlib.Path(name)) for name in names] == [True, True, False, False, False, False, False]


def test_looking_for_files_does_not_start_tensorflow():
    code = "import sys, ssd_tf.media.inputs; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
