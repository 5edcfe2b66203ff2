# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What a field of an annotation file holds, checked. A mistake names file, entry, field and value.

`where` is the file and the entry, such as "labels/a.txt, line 3"; the readers share these functions.
"""

import codecs
import math
import pathlib
import re
from collections.abc import Iterable
from typing import Any

from ssd_tf.data.image_files import file_size, is_image
from ssd_tf.data.kinds import IMAGE_SUFFIXES
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import is_file, without_system_files
from ssd_tf.utils.text import is_text

# The subset that is everything, where a data set lists none of that name.
ALL = "all"
# Files of labels, which are as many as the images beside them: these are not looked into.
LABELS = ".txt"
# A kind of finding: hidden files, and those that systems leave in folders.
SYSTEM_FILES = "system files left out"

# What tools write for "no" and "yes" where they do not write 0 and 1.
_FLAGS = {"": False, "0": False, "false": False, "unspecified": False, "1": True, "true": True}
# Ids and sizes are kept in so many bits.
_WHOLE = range(-(2**63), 2**63)
# Longer ones are beyond 64 bits anyway.
_DIGITS = re.compile(r"-?\d{1,30}")
# What ends a line. Python's splitlines also takes characters that names and fields of tables may have, as U+2028.
_LINE_END = re.compile("\r\n|\r|\n")
# Characters of a value in a message.
_SHOWN = 80


class NoSubsetError(UserError):
    """A data set lists subsets, and none of the name that was asked for."""


def shown(value: Any) -> str:
    """A value as messages show it, cut off where it is long."""
    try:
        text = repr(value)
    except ValueError:  # a whole number of more than 4,300 digits
        return "a number without end"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def number(value: Any, field: str, where: str) -> float:
    """A number, also one that is written as text, but not as Python's 1_0, which elsewhere is none. It may be NaN or
    infinite: boxes are checked later, as they are used.

    Raises:
      ValueError: it is none.
    """
    is_one = isinstance(value, (int, float)) or (isinstance(value, str) and "_" not in value)
    if is_one and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    raise UserError(f"{where}: {field}: expected a number. Received: {shown(value)}")


def is_number(value: str | bytes) -> bool:
    """Whether a word of a file is a number, to tell what kind of line it is in; `number` is stricter."""
    try:
        float(value)
    except ValueError:
        return False
    return True


def area(value: Any, field: str, where: str) -> float:
    """A finite number of at least 0.

    Raises:
      ValueError: it is none.
    """
    found = number(value, field, where)
    if not 0 <= found < math.inf:
        raise UserError(f"{where}: {field}: expected a number of at least 0. Received: {shown(value)}")
    return found


def xywh(value: Any, where: str, instead: str = "") -> list[float]:
    """COCO's bbox, [x, y, w, h].

    Args:
      instead: what the message names as another way to give the box.

    Raises:
      ValueError: it is none.
    """
    if not isinstance(value, list) or len(value) != 4:
        raise UserError(f"{where}: bbox: expected [x, y, w, h]{instead}. Received: {shown(value)}")
    return [number(one, "bbox", where) for one in value]


def flag(value: Any, field: str, where: str) -> bool:
    """Whether a flag is set: 0 or 1, false or true, also as text; nothing is no.

    Raises:
      ValueError: it is something else.
    """
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, (int, float)) and value in (0, 1):
        return value == 1
    found = _FLAGS.get(value.strip().lower()) if isinstance(value, str) else None
    if found is None:
        raise UserError(f"{where}: {field}: expected 0 or 1. Received: {shown(value)}")
    return found


def whole(value: Any, field: str, where: str, least: int | None = None) -> int:
    """A whole number of 64 bits, also one that is written as text or with a fraction of zero.

    Raises:
      ValueError: it is none, or less than `least`.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        found = value
    else:
        as_float = number(value, field, where)
        if not as_float.is_integer():
            raise UserError(f"{where}: {field}: expected a whole number. Received: {shown(value)}")
        found = int(as_float)
    if found not in _WHOLE:
        raise UserError(f"{where}: {field}: expected a whole number of at most 64 bits. Received: {shown(value)}")
    if least is not None and found < least:
        raise UserError(f"{where}: {field}: expected at least {least}. Received: {shown(value)}")
    return found


def text(value: Any, field: str, where: str, strip: bool = True) -> str:
    """Text that is not empty, without space around it unless that is to stay.

    Raises:
      ValueError: there is none.
    """
    found = value.strip() if isinstance(value, str) else ""
    if not found or not is_text(found):
        raise UserError(f"{where}: {field}: expected text. Received: {shown(value)}")
    return found if strip else value


def file_name(value: Any, field: str, where: str) -> str:
    """A name as it is. One that is no UTF-8 is taken: preparation leaves out that image alone.

    Raises:
      ValueError: there is none.
    """
    return value if isinstance(value, str) and value.strip() else text(value, field, where)


def class_name(value: Any, field: str, where: str) -> str:
    """A name as it is written, of classes that are called 0, 1, 2 too.

    Raises:
      ValueError: there is none.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return str(value) if is_number else text(value, field, where, strip=False)


def id_key(value: Any, field: str, where: str) -> int | str:
    """What an id and the references to it have in common: VIA writes 7 here and "7" there, pandas 7.0.

    Raises:
      ValueError: it is neither a whole number nor text.
    """
    if isinstance(value, str) and value.strip():
        return int(value) if _DIGITS.fullmatch(value.strip()) else value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise UserError(f"{where}: {field}: expected a whole number, or text. Received: {shown(value)}")
    return value


def is_whole(key: int | str) -> bool:
    """Whether an id can stay as it is: a number of 64 bits."""
    return isinstance(key, int) and key in _WHOLE


def read_lines(path: pathlib.Path, of_names: bool = False) -> list[str]:
    """The lines of a text file, without a byte order mark.

    Args:
      path: the file.
      of_names: it names files, whose names may be no UTF-8; these are as Python has such names.

    Raises:
      ValueError: it is not text.
    """
    content = path.read_bytes()
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UserError(f"{path}: expected text as UTF-8. Received: UTF-16")
    try:
        lines = _LINE_END.split(content.decode("utf-8-sig", "surrogateescape" if of_names else "strict"))
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: expected text as UTF-8. Received: {error}") from error
    return lines if lines[-1] else lines[:-1]


def size_of(path: pathlib.Path) -> tuple[int, int]:
    """Height and width of an image file. 1x1 where it cannot be read: preparation will say so, or leave it out."""
    return file_size(path) or (1, 1)


def images_below(folder: pathlib.Path) -> tuple[list[pathlib.Path], list[pathlib.Path]]:
    """The image files of a folder and the folders in it, sorted; and the files of systems that are left out.

    A link to an image that is not there is one of them: it is missing, and to be reported.
    """
    files = sorted(
        path for path in folder.rglob("*") if path.suffix.lower() != LABELS and (path.is_file() or _is_broken(path))
    )
    kept, left_out = without_system_files(files, folder)
    return [path for path in kept if _is_broken(path) or is_image(path)], left_out


def _is_broken(path: pathlib.Path) -> bool:
    """Whether it is a link with an image's name to nothing."""
    return path.is_symlink() and path.suffix.lower() in IMAGE_SUFFIXES and not path.exists()


def first_file(paths: Iterable[pathlib.Path]) -> pathlib.Path | None:
    """The first that is there."""
    return next((path for path in paths if is_file(path)), None)
