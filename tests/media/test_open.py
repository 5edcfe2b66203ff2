# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What --source names is found out by its form, and what is not there is refused in one clear line."""

import subprocess
import sys

import pytest
from PIL import Image

from ssd_tf.media.open import find_source, open_source
from ssd_tf.media.opencv_source import VideoSource
from ssd_tf.media.source import SourceInfo
from tests.fixtures.live import FRAMES, HEIGHT, WIDTH, frame_number


def read_all(source) -> list:
    return list(iter(source.read, None))


def test_video_file_is_a_video(video):
    with open_source(str(video)) as source:
        assert source.info == SourceInfo("grey.mp4", "video", 25.0, FRAMES, WIDTH, HEIGHT, video)
        assert not source.info.is_live
        assert [frame_number(frame.image) for frame in read_all(source)] == list(range(FRAMES))


def test_folder_pattern_and_image_are_images(tmp_path):
    for k in range(3):
        Image.new("RGB", (20, 10), (k, k, k)).save(tmp_path / f"{k}.png")
    for text, count in ((tmp_path, 3), (tmp_path / "[12].png", 2), (tmp_path / "0.png", 1)):
        with open_source(str(text)) as source:
            assert source.info.kind == "images" and source.info.frames == count
            assert len(read_all(source)) == count


def test_file_that_looks_like_a_pattern_is_opened_as_it_is(video):
    odd = video.rename(video.with_name("film[1].mp4"))
    with open_source(str(odd)) as source:
        assert source.info.frames == FRAMES


@pytest.mark.parametrize("text", ["nowhere.mp4", "nowhere/*.jpg", "nowhere", ""])
def test_nothing_of_that_name_is_refused_with_what_was_asked_for(text):
    with pytest.raises(
        FileNotFoundError, match=f"^no camera, address, file, folder or match: '{text}'".replace("*", r"\*")
    ):
        open_source(text)


def test_folder_without_images_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no image in folder"):
        open_source(str(tmp_path))


@pytest.mark.parametrize("content", [b"", b"just words\n" * 100])
def test_text_named_mp4_is_refused_by_name(tmp_path, content):
    (tmp_path / "words.mp4").write_bytes(content)
    with pytest.raises(ValueError, match=r"words\.mp4: not readable as a video"):
        open_source(str(tmp_path / "words.mp4"))


def test_files_without_a_known_ending_are_tried_as_videos(video):
    bare = video.rename(video.with_name("film"))
    assert isinstance(find_source(str(bare)), VideoSource)


@pytest.mark.parametrize("text", ["97", "/dev/video97"])
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system is asked, in its own words")
def test_camera_that_is_not_there_is_refused_by_number(text):
    with pytest.raises(FileNotFoundError, match=r"^camera 97: there is no such camera$"):
        open_source(text)


def test_videos_are_read_and_folders_found_without_tensorflow(video):
    code = (
        "import sys; from ssd_tf.media.open import find_source, open_source; open_source(sys.argv[1]).read(); "
        "import ssd_tf.viewer.engine.engine, ssd_tf.media.cameras; "
        "find_source(sys.argv[2]); sys.exit('tensorflow' in sys.modules)"
    )
    Image.new("RGB", (2, 2)).save(video.with_name("a.png"))
    arguments = [sys.executable, "-c", code, str(video), str(video.parent)]
    done = subprocess.run(arguments, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
