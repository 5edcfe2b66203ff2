# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Which files a user means by a name, a folder or a pattern. Imports no TensorFlow, which takes seconds."""

import glob
import pathlib
from collections.abc import Sequence

from absl import logging

from ssd_tf.utils.files import DROPPING, is_dropping

# What images.decode reads.
IMAGE_EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".gif")
# What FFmpeg, which comes with OpenCV, is asked to read.
VIDEO_EXTENSIONS = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".ts", ".3gp")


def find_images(pattern: str) -> list[pathlib.Path]:
    """The files that a user means, sorted: a file, the images in a folder, or what a pattern matches.

    Raises:
      FileNotFoundError: there is none.
    """
    return _find(pattern, "image", IMAGE_EXTENSIONS)


def find_images_and_videos(pattern: str) -> list[pathlib.Path]:
    """The same, with the videos of a folder too."""
    return _find(pattern, "image or video", (*IMAGE_EXTENSIONS, *VIDEO_EXTENSIONS))


def is_video(path: pathlib.Path) -> bool:
    """Whether a file is to be read as a video, which its name decides."""
    return path.suffix.lower() in VIDEO_EXTENSIONS


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


def _wanted(files: list[pathlib.Path]) -> list[pathlib.Path]:
    kept = [path for path in files if not is_dropping(path)]
    if len(kept) < len(files):
        logging.info("%d files whose names begin with %s are left out", len(files) - len(kept), DROPPING)
    return kept


def _find(pattern: str, what: str, extensions: Sequence[str]) -> list[pathlib.Path]:
    path = pathlib.Path(pattern)
    if path.is_file():
        return [path]
    if path.is_dir():
        files = [p for p in path.iterdir() if p.is_file()]
        found = _wanted([p for p in files if p.suffix.lower() in extensions])
        if others := {p for p in files if p.suffix.lower() not in extensions and not p.name.startswith(".")}:
            kinds = ", ".join(sorted({p.suffix.lower() or "without ending" for p in others}))
            logging.info("%s: %d files of other kinds are left out: %s", path, len(others), kinds)
        if not found:
            raise FileNotFoundError(f"no {what} in folder {path}: looked for {', '.join(extensions)}")
    else:
        found = _wanted([p for p in matches(pattern) if p.is_file()])
        if not found:
            raise FileNotFoundError(f"no file, folder or match: {pattern}")
    return sorted(found)
