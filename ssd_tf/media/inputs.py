# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Which files a user means by a name, a folder or a pattern. Imports no TensorFlow, which takes seconds."""

import glob
import pathlib
from collections.abc import Callable, Iterable

from absl import logging

from ssd_tf.data.image_files import is_image
from ssd_tf.data.kinds import EXPECTED, brands_of, head_of, image_kind
from ssd_tf.utils.files import without_system_files
from ssd_tf.utils.text import printable

# Videos that FFmpeg, which comes with OpenCV, reads: how such files begin; and names, for those that begin otherwise.
_VIDEO_MAGIC = (
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"\0\0\1\xba",  # MPEG program stream
    b"\0\0\1\xb3",
    b"FLV\1",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # WMV
)
_VIDEO_BRANDS = (b"iso", b"mp4", b"avc1", b"qt", b"M4V", b"3g", b"dash", b"MSNV", b"mmp4", b"f4v")
_TRANSPORT_PACKET = 188  # bytes; each begins with a G
VIDEO_EXTENSIONS = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".ts", ".3gp")


def find_images(pattern: str) -> list[pathlib.Path]:
    """The files that a user means, sorted: a file, the images in a folder, or what a pattern matches.

    Raises:
      FileNotFoundError: there is none.
    """
    return _find(pattern, f"image in folder {{}}: looked for {EXPECTED}", is_image)


def find_images_and_videos(pattern: str) -> list[pathlib.Path]:
    """The same, with the videos of a folder too."""
    wanted = f"image or video in folder {{}}: looked for {EXPECTED}, and {', '.join(VIDEO_EXTENSIONS)}"
    return _find(pattern, wanted, lambda path: is_image(path) or is_video(path))


def is_video(path: pathlib.Path) -> bool:
    """Whether a file is to be read as a video: by its content, or else by its name."""
    head = head_of(path)
    if image_kind(head):
        return False
    is_stream = len(head) > _TRANSPORT_PACKET and head[0] == head[_TRANSPORT_PACKET] == ord("G")
    is_avi = head.startswith(b"RIFF") and head[8:12] == b"AVI "
    is_mp4 = any(brand.startswith(_VIDEO_BRANDS) for brand in brands_of(head))
    return is_stream or is_avi or is_mp4 or head.startswith(_VIDEO_MAGIC) or path.suffix.lower() in VIDEO_EXTENSIONS


def root_of(pattern: str) -> pathlib.Path:
    """The folder that is meant, or that the file is in, or that the pattern starts from."""
    path = pathlib.Path(pattern)
    return next((folder for folder in (path, *path.parents) if folder.is_dir()), pathlib.Path())


def matches(pattern: str) -> list[pathlib.Path]:
    """What a pattern matches; ** is any number of folders. Folders at its head that are there are no pattern, so
    nothing in their names has to be escaped."""
    folder = root_of(pattern)
    rest = str(pathlib.Path(pattern).relative_to(folder))
    return [folder / found for found in glob.glob(rest, root_dir=folder, recursive=True)]  # noqa: PTH207


def _find(pattern: str, what: str, is_wanted: Callable[[pathlib.Path], bool]) -> list[pathlib.Path]:
    path = pathlib.Path(pattern)
    if path.is_file():
        return [path]
    if path.is_dir():
        files = _users_files(path.iterdir(), path)
        found = [p for p in files if is_wanted(p)]
        if others := {*files} - {*found}:
            kinds = ", ".join(sorted({p.suffix.lower() or "without ending" for p in others}))
            logging.info("%s: %d files of other kinds are left out: %s", path, len(others), printable(kinds))
        if not found:
            raise FileNotFoundError(f"no {what.format(path)}")
    else:
        found = _users_files(matches(pattern), root_of(pattern))
        if not found:
            raise FileNotFoundError(f"no file, folder or match: {pattern}")
    return sorted(found)


def _users_files(paths: Iterable[pathlib.Path], folder: pathlib.Path) -> list[pathlib.Path]:
    kept, left_out = without_system_files([path for path in paths if path.is_file()], folder)
    if left_out:
        first = min(path.name for path in left_out)
        logging.info(
            "%s: hidden and system files are left out: %d, such as %s", folder, len(left_out), printable(first)
        )
    return kept
