# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A mark in the files that `predict` and `stream` write, so that they replace these alone, and no file of the user's.

It is a comment where each format has a place for one, and moves with the file: COM in JPEG, tEXt in PNG, a free box in
MP4. predictions.json has it as its description.
"""

import pathlib
import struct
import zlib
from collections.abc import Iterable

from ssd_tf.utils.errors import UserError

MARK = "Detections by ssd_tf"
# The mark is within so many bytes of the beginning or of the end.
_NEAR = 256
_PNG_HEAD = 33  # signature and IHDR


def marked_image(encoded: bytes) -> bytes:
    """A JPEG or PNG file, as OpenCV writes it, with the mark; any other file as it is."""
    if encoded.startswith(b"\xff\xd8\xff\xe0"):  # JPEG: after the segment that says JFIF, which comes first
        place = 4 + int.from_bytes(encoded[4:6], "big")
        segment = b"\xff\xfe" + struct.pack(">H", 2 + len(MARK)) + MARK.encode()
    elif encoded.startswith(b"\x89PNG"):
        place = _PNG_HEAD
        content = b"tEXtSoftware\0" + MARK.encode()
        segment = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    else:
        return encoded
    return encoded[:place] + segment + encoded[place:]


def mark_video(path: pathlib.Path) -> None:
    """Puts the mark at the end of an MP4 file."""
    with path.open("ab") as file:
        file.write(struct.pack(">I", 8 + len(MARK)) + b"free" + MARK.encode())


def is_marked(path: pathlib.Path) -> bool:
    """Whether the file was written here."""
    with path.open("rb") as file:
        beginning = file.read(_NEAR)
        file.seek(max(0, path.stat().st_size - _NEAR))
        return MARK.encode() in beginning or MARK.encode() in file.read()


def require_own(paths: Iterable[pathlib.Path], flag: str) -> None:
    """Sees that no file of the user's is in the way of those that are going to be written.

    Raises:
      ValueError: one is there that was not written here; the message begins with the flag that names it.
    """
    for path in paths:
        if path.is_file() and not is_marked(path):
            raise UserError(
                f"{flag}: expected no {path.name} there but of ssd_tf's own. Received: {path}. --overwrite replaces it"
            )
