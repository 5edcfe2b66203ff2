# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What a file is, its first bytes say."""

import io
import pathlib
import subprocess
import sys

import pytest
from PIL import Image

from ssd_tf.data.kinds import HEAD_BYTES, brands_of, head_of, image_kind


def encoded(kind: str, mode: str = "RGB") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 6), (200, 100, 50)).convert(mode).save(stream, kind)
    return stream.getvalue()


def ftyp(*brands: bytes) -> bytes:
    """The first box of an ISO media file: the major brand, a version, and the compatible ones."""
    major, *others = brands
    content = b"ftyp" + major + bytes(4) + b"".join(others)
    return (4 + len(content)).to_bytes(4, "big") + content + b"avif"  # what follows is no brand


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("JPEG", "JPEG"),
        ("PNG", "PNG"),
        ("GIF", "GIF"),
        ("BMP", "BMP"),
        ("WEBP", "WebP"),
        ("TIFF", "TIFF"),
        ("AVIF", "AVIF"),
        ("JPEG2000", "JPEG 2000"),
    ],
)
def test_kind_is_that_of_the_content(kind, found):
    assert image_kind(encoded(kind)[:HEAD_BYTES]) == found


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_bmp_with_a_palette_is_odd(mode):
    assert image_kind(encoded("BMP", mode)) == "odd BMP"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (ftyp(b"heic", b"mif1"), "HEIC"),
        (ftyp(b"mif1", b"heic"), "HEIC"),
        (ftyp(b"mif1", b"avif"), "AVIF"),
        (ftyp(b"avis"), "AVIF"),
        (ftyp(b"isom", b"mp42"), ""),
        (ftyp(b"crx "), ""),  # Canon's CR3
        (b"II*\0\x10\0\0\0CR\2\0", ""),  # Canon's CR2
        (b"II*\0\x10\0\0\0\0\0\2\0", "TIFF"),
        (b"MM\0*", "TIFF"),
        (b"RIFF\0\0\0\0AVI LIST", ""),
        (b"RIFF\0\0\0\0WEBPVP8 ", "WebP"),
        (b"BM", "odd BMP"),
        (b"words", ""),
        (b"", ""),
    ],
)
def test_head_tells_one_kind_from_another(head, kind):
    assert image_kind(head) == kind


def test_brands_end_with_their_box():
    assert brands_of(ftyp(b"mif1", b"heic")) == {b"mif1", b"heic"}
    assert brands_of(b"\0\0\0\x18moov") == set()


def test_head_of_what_cannot_be_read_is_empty(tmp_path):
    (tmp_path / "long").write_bytes(bytes(2 * HEAD_BYTES))
    assert [len(head_of(path)) for path in (tmp_path / "long", tmp_path / "gone", tmp_path)] == [HEAD_BYTES, 0, 0]


def test_looking_at_kinds_does_not_start_tensorflow():
    code = "import sys, ssd_tf.data.image_files; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=pathlib.Path.cwd(), check=False).returncode == 0
