# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What a field of an annotation file holds, checked. A mistake is told by file, entry, field and value.

`where` is the file and the entry, such as "labels/a.txt, line 3"; the readers share these functions.
"""

import pathlib
from collections.abc import Iterable
from typing import Any

from ssd_tf.data.images import file_size
from ssd_tf.utils.errors import UserError

# The subset that is everything, where a data set lists none of that name.
ALL = "all"
IMAGE_SUFFIXES = frozenset([".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".gif"])


def number(value: Any, field: str, where: str) -> float:
    """A number, also one that is written as text.

    Raises:
      ValueError: it is none.
    """
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    raise UserError(f"{where}: {field}: expected a number. Received: {value!r}")


def whole(value: Any, field: str, where: str, least: int | None = None) -> int:
    """A whole number, also one that is written as text or with a fraction of zero.

    Raises:
      ValueError: it is none, or less than `least`.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        found = value
    else:
        as_float = number(value, field, where)
        if not as_float.is_integer():
            raise UserError(f"{where}: {field}: expected a whole number. Received: {value!r}")
        found = int(as_float)
    if least is not None and found < least:
        raise UserError(f"{where}: {field}: expected at least {least}. Received: {value!r}")
    return found


def text(value: Any, field: str, where: str) -> str:
    """Text that is not empty, without space around it.

    Raises:
      ValueError: there is none.
    """
    found = value.strip() if isinstance(value, str) else ""
    if not found:
        raise UserError(f"{where}: {field}: expected text. Received: {value!r}")
    return found


def read_lines(path: pathlib.Path) -> list[str]:
    """The lines of a text file, without a byte order mark.

    Raises:
      ValueError: it is not text.
    """
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: expected text as UTF-8. Received: {error}") from error


def size_of(path: pathlib.Path) -> tuple[int, int]:
    """Height and width of an image file. 1x1 where it cannot be read: preparation will say so, or leave it out."""
    return file_size(path) or (1, 1)


def images_below(folder: pathlib.Path) -> list[pathlib.Path]:
    """The image files of a folder and the folders in it, sorted."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file())


def first_file(paths: Iterable[pathlib.Path]) -> pathlib.Path | None:
    """The first that is there."""
    return next((path for path in paths if path.is_file()), None)


def image_path(folder: pathlib.Path, name: str) -> pathlib.Path:
    """folder / name; or the name alone in the folder, for files whose names carry folders of another machine."""
    path = folder / name
    if path.is_file():
        return path
    beside = folder / pathlib.PureWindowsPath(name).name  # parted by "/" and "\\"
    return beside if beside.is_file() else path
