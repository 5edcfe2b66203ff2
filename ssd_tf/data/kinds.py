# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What kind of image a file is, by its first bytes: names lie. Imports no TensorFlow, which takes seconds.

After the formats' own specifications: RIFF (WebP), TIFF 6.0, ISO 14496-12 (the brands of AVIF and HEIC), JPEG 2000.
"""

import pathlib

# Enough of a file for all of them.
HEAD_BYTES = 512
# What TensorFlow decodes, so what shards hold; and what Pillow does. An odd BMP is one that TensorFlow would take for
# other colours: with a palette, compressed, of 16 bits, or older than Windows 3.
TENSORFLOW_KINDS = ("JPEG", "PNG", "GIF", "BMP")
PILLOW_KINDS = ("odd BMP", "WebP", "TIFF", "AVIF", "HEIC", "JPEG 2000")
EXPECTED = f"{', '.join([*TENSORFLOW_KINDS, *PILLOW_KINDS[1:-1]])} or {PILLOW_KINDS[-1]}"
# How the names of such files end. They count only where the first bytes say nothing: of a file that is damaged.
IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".gif"),
    *(".webp", ".tif", ".tiff", ".avif", ".heic", ".heif", ".jp2"),
)

_MAGIC = (
    (b"\xff\xd8", "JPEG"),
    (b"\x89PNG", "PNG"),
    (b"GIF8", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),  # BigTIFF
    (b"MM\0+", "TIFF"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
)
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_WINDOWS_3_HEADER = 40


def image_kind(head: bytes) -> str:
    """One of TENSORFLOW_KINDS or PILLOW_KINDS; "" where it is none, or the raw file of a camera that says so here.

    Args:
      head: the first HEAD_BYTES of a file, or all of it.
    """
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return "" if head[8:10] == b"CR" else kind  # Canon's raw files are TIFF otherwise
    if head.startswith(b"RIFF"):
        return "WebP" if head[8:12] == b"WEBP" else ""
    if head.startswith(b"BM"):
        return "BMP" if _is_plain_bmp(head) else "odd BMP"
    brands = brands_of(head)
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIC" if brands & _HEIC_BRANDS else ""


def brands_of(head: bytes) -> set[bytes]:
    """What the first box of an ISO media file (MP4, AVIF, HEIC) says that it is; empty for other files."""
    if head[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[8:12], *(head[k : k + 4] for k in range(16, end, 4))}


def head_of(path: pathlib.Path) -> bytes:
    """The first HEAD_BYTES of a file; nothing of one that cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return b""


def _is_plain_bmp(head: bytes) -> bool:
    """Of 24 or 32 bits a pixel, uncompressed; the rest may be missing, and is then found out by the decoder."""
    header, bits, compression = (
        int.from_bytes(head[start:end], "little") for start, end in ((14, 18), (28, 30), (30, 34))
    )
    return header >= _WINDOWS_3_HEADER and bits in (24, 32) and compression in (0, 3)
