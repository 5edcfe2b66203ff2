# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Image files of every kind are decoded by Pillow: upright, the first of several, with 8 bits."""

import io
import sys

import numpy as np
import pytest
from PIL import Image, ImageFile

from ssd_tf.data.image_files import decode_file, is_image, rgb
from ssd_tf.data.kinds import image_kind
from ssd_tf.utils.errors import UserError
from tests.fixtures.turned import stored, tiff

# Smooth, so that lossy kinds change little.
_Y, _X = np.mgrid[:24, :40]
PIXELS = np.stack([_Y * 8, _X * 5, _X + _Y], axis=-1).astype(np.uint8)


def encode(kind: str, pixels: np.ndarray = PIXELS, mode: str = "RGB", **options) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("kind", "options", "is_lossless"),
    [
        ("TIFF", {}, True),
        ("TIFF", {"compression": "tiff_lzw"}, True),
        ("TIFF", {"compression": "jpeg", "quality": 95}, False),
        ("WEBP", {"quality": 95}, False),
        ("WEBP", {"lossless": True}, True),
        ("WEBP", {"lossless": True, "exif": b"Exif\0\0" + tiff(1)}, True),  # in a file with several chunks
        ("AVIF", {"quality": 95}, False),
        ("JPEG2000", {}, False),
    ],
)
def test_pixels_are_those_of_the_file_and_what_is_lossless_is_known(kind, options, is_lossless):
    found = decode_file(encode(kind, **options))
    assert found.pixels.dtype == np.uint8 and (found.orientation, found.is_lossless) == (1, is_lossless)
    # Lossy ones at quality 95: colours at half resolution move by up to 8 levels where this was written.
    difference = np.abs(found.pixels.astype(int) - PIXELS)
    assert difference.max() <= (0 if is_lossless else 12) and difference.mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["TIFF", "WEBP", "AVIF"])
def test_images_are_upright(kind, orientation):
    exif = {"tiffinfo": {0x0112: orientation}} if kind == "TIFF" else {"exif": b"Exif\0\0" + tiff(orientation)}
    quality = {} if kind == "TIFF" else {"quality": 95}
    found = decode_file(encode(kind, stored(PIXELS, orientation), **exif, **quality))
    assert found.orientation == orientation
    assert np.abs(found.pixels.astype(int) - PIXELS).mean() < 3  # of another orientation it is 40 and more


@pytest.mark.parametrize("mode", ["L", "P", "1"])
def test_bmp_with_a_palette_has_its_colours(mode):
    encoded = encode("BMP", mode=mode)
    with Image.open(io.BytesIO(encoded)) as image:
        np.testing.assert_array_equal(decode_file(encoded).pixels, np.asarray(image.convert("RGB")))
    assert decode_file(encoded).is_lossless


def test_sixteen_bits_of_grey_become_eight():
    deep = PIXELS[..., 0].astype(np.uint16) * 257  # 0..65535; the high byte is the image
    stream = io.BytesIO()
    Image.fromarray(deep).save(stream, "TIFF")
    np.testing.assert_array_equal(decode_file(stream.getvalue()).pixels, np.repeat(PIXELS[..., :1], 3, axis=-1))


def test_what_is_transparent_keeps_its_colour_and_cmyk_becomes_rgb():
    seen = np.concatenate([PIXELS, np.full((*PIXELS.shape[:2], 1), 128, np.uint8)], axis=-1)
    np.testing.assert_array_equal(decode_file(encode("TIFF", seen, "RGBA")).pixels, PIXELS)
    assert np.abs(decode_file(encode("TIFF", mode="CMYK")).pixels.astype(int) - PIXELS).max() <= 1


@pytest.mark.parametrize("kind", ["TIFF", "WEBP"])
def test_first_of_several_images_is_taken(kind):
    frames = [Image.new("RGB", (8, 6), color) for color in ((250, 0, 0), (0, 250, 0))]
    stream = io.BytesIO()
    frames[0].save(stream, kind, save_all=True, append_images=frames[1:])
    found = decode_file(stream.getvalue()).pixels
    assert found.shape == (6, 8, 3) and np.abs(found.astype(int) - [250, 0, 0]).max() <= 6


@pytest.mark.parametrize(("mode", "named"), [("F", "F"), ("I", "I"), ("LAB", "LAB")])
def test_pixels_of_another_kind_are_refused(mode, named):
    stream = io.BytesIO()
    Image.new(mode, (4, 4)).save(stream, "TIFF")
    with pytest.raises(UserError, match=f"expected grey or RGB of 8 or 16 bits. Received: pixels .* calls {named}$"):
        decode_file(stream.getvalue())


@pytest.mark.parametrize("kind", ["TIFF", "WEBP", "AVIF", "JPEG2000", "BMP"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_truncated_image_is_refused_in_one_line(kind, part):
    encoded = encode(kind, mode="P" if kind == "BMP" else "RGB")
    with pytest.raises(UserError, match=r"^(TIFF|WebP|AVIF|JPEG 2000|odd BMP)\b.{5,}$"):
        decode_file(encoded[: int(part * len(encoded))])


@pytest.mark.parametrize("mode", ["RGB", "I;16"])
def test_whatever_a_decoder_raises_is_a_refusal(monkeypatch, mode):
    encoded = encode("PNG", mode=mode) if mode == "RGB" else encode("PNG", np.zeros([4, 4], np.uint16), mode)

    def load(self):
        raise AttributeError("of a damaged table")  # which NumPy takes for a sign that this is no array

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(UserError, match="of a damaged table"):
        decode_file(encoded)


def test_more_pixels_than_pillow_decodes_are_refused():
    head = encode("BMP", mode="L")
    huge = head[:18] + (60_000).to_bytes(4, "little") * 2 + head[26:]
    with pytest.raises(UserError, match=r"odd BMP: Image size .* exceeds limit"):
        decode_file(huge)


def test_raw_files_of_cameras_are_no_images(tmp_path):
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, "TIFF", tiffinfo={254: 1})  # as NEF and ARW begin: with a thumbnail
    with pytest.raises(UserError, match="the raw file of a camera"):
        decode_file(stream.getvalue())
    (tmp_path / "a.nef").write_bytes(stream.getvalue())
    assert not is_image(tmp_path / "a.nef")


def test_content_decides_and_the_name_where_content_says_nothing(tmp_path):
    files = {
        "a.tif": b"words",  # damaged, and to be reported
        "b.dat": encode("WEBP"),
        "c": encode("TIFF"),
        "d.mp4": encode("PNG"),
        "e.txt": b"words",
        "f.JPG": b"",
        "g.tif": encode("TIFF")[:20],
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    assert {name for name in files if is_image(tmp_path / name)} == {*files} - {"e.txt"}


def test_heic_without_its_decoder_names_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as if it were not installed
    head = b"\0\0\0\x18ftypheic" + bytes(4) + b"mif1heic"
    with pytest.raises(UserError, match=r"needs pillow_heif, which is not installed: pip install 'ssd_tf\[heic\]'"):
        decode_file(head)


def test_heic_is_decoded_and_upright():
    heif = pytest.importorskip("pillow_heif", reason="of the extra `heic`")
    heif.register_heif_opener()
    for orientation in (1, 3, 6):
        encoded = encode("HEIF", stored(PIXELS, orientation), exif=b"Exif\0\0" + tiff(orientation), quality=95)
        assert image_kind(encoded) == "HEIC"
        found = decode_file(encoded)
        assert (found.pixels.shape, found.is_lossless) == (PIXELS.shape, False)
        assert np.abs(found.pixels.astype(int) - PIXELS).mean() < 3


def test_grey_of_32_bits_in_memory_counts_as_16():
    image = Image.fromarray(PIXELS[..., 0].astype(np.int32) * 257)
    np.testing.assert_array_equal(rgb(image), np.repeat(PIXELS[..., :1], 3, axis=-1))
