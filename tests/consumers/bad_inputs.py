# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Writes images as the world sends them, most of them broken or odd, to throw at a model.

python bad_inputs.py FOLDER [COUNT] [SEED]

manifest.json in the folder says of each file what it is, and who must read it: `tensorflow` (JPEG, PNG, GIF and BMP
without palette, up to 64 megapixels) and `pillow`; true: must be read, false: must be refused, null: either, but
without a crash.
"""

import io
import json
import pathlib
import struct
import sys
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

# What a maker of an image returns: content, ending, and whether TensorFlow and Pillow must read it.
Made = tuple[bytes, str, bool | None, bool | None]


def write_bad_inputs(folder: pathlib.Path, count: int = 300, seed: int = 0) -> dict[str, dict]:
    """Writes `count` images, of all kinds in turn; returns the manifest: kind, tensorflow and pillow by file name."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = {}
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        kind = list(KINDS)[index % len(KINDS)] if index >= len(ONCE) else list(ONCE)[index]
        content, ending, tensorflow, pillow = {**KINDS, **ONCE}[kind](rng)
        name = f"{index:03d}_{kind}.{ending}"
        (folder / name).write_bytes(content)
        manifest[name] = {"kind": kind, "tensorflow": tensorflow, "pillow": pillow}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))
    return manifest


def image(rng: np.random.Generator, height: int = 0, width: int = 0) -> np.ndarray:
    """uint8 RGB [height, width, 3]: soft blots, of a random size if none is given."""
    height, width = height or int(rng.integers(40, 200)), width or int(rng.integers(40, 200))
    small = Image.fromarray(rng.integers(0, 256, (5, 7, 3), dtype=np.uint8))
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


def encode(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def of_mode(mode: str, kind: str, **options) -> Callable[[np.random.Generator], Made]:
    """A maker of whole images in one of Pillow's modes."""

    def make(rng):
        return encode(Image.fromarray(image(rng)).convert(mode), kind, **options), kind.lower(), True, True

    return make


def whole_jpeg(rng: np.random.Generator) -> bytes:
    return encode(Image.fromarray(image(rng)), "JPEG", quality=int(rng.integers(50, 96)))


def truncated_jpeg(rng) -> Made:
    content = whole_jpeg(rng)
    return content[: int(len(content) * rng.uniform(0.0, 0.95))], "jpg", False, False


def truncated_png(rng) -> Made:
    content = encode(Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)), "PNG")
    return content[: int(len(content) * rng.uniform(0.01, 0.9))], "png", False, False


def truncated_gif(rng) -> Made:
    # A decoder may keep the rows that it has.
    content = encode(Image.fromarray(image(rng)).convert("P"), "GIF")
    return content[: int(len(content) * rng.uniform(0.0, 0.95))], "gif", None, None


def truncated_bmp(rng) -> Made:
    content = encode(Image.fromarray(image(rng)), "BMP")
    return content[: int(len(content) * rng.uniform(0.0, 0.9))], "bmp", False, False


def flipped_bytes(rng) -> Made:
    kind = ("JPEG", "PNG", "GIF", "BMP")[rng.integers(4)]
    content = bytearray(encode(Image.fromarray(image(rng)), kind))
    for place in rng.integers(0, len(content), int(rng.integers(1, 20))):
        content[place] ^= int(rng.integers(1, 256))
    return bytes(content), kind.lower(), None, None


def random_bytes(rng) -> Made:
    # A zero in front, so that no run of luck makes an image of it.
    return b"\0" + rng.bytes(int(rng.integers(1, 5000))), "jpg", False, False


def magic_and_noise(rng) -> Made:
    magic = (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM")[rng.integers(4)]
    return magic + rng.bytes(int(rng.integers(0, 3000))), "jpg", None, None


def header_alone(rng) -> Made:
    magic = (b"\xff\xd8", b"\x89PNG", b"GIF8", b"BM")[rng.integers(4)]
    return magic, "jpg", False, False


def empty(rng) -> Made:
    del rng
    return b"", "jpg", False, False


def text(rng) -> Made:
    return b"<html>" + b"not found " * int(rng.integers(1, 90)), "png", False, False


def one_pixel(rng) -> Made:
    kind = ("JPEG", "PNG", "GIF", "BMP")[rng.integers(4)]
    return encode(Image.fromarray(image(rng, 1, 1)), kind), kind.lower(), True, True


def sixteen_bits(rng) -> Made:
    high = image(rng)[..., 0].astype(np.uint16)
    gray = high * 256 + rng.integers(0, 256, high.shape, dtype=np.uint16)
    return encode(Image.fromarray(gray), "PNG"), "png", True, True


def animated(kind: str, by_tensorflow: bool) -> Callable[[np.random.Generator], Made]:
    """A maker of animations whose frames differ."""

    def make(rng):
        first, *others = [Image.fromarray(image(rng, 50, 60)) for _ in range(3)]
        content = encode(first, kind, save_all=True, append_images=others, duration=40)
        return content, kind.lower(), by_tensorflow, True

    return make


def webp(rng) -> Made:
    return encode(Image.fromarray(image(rng)), "WEBP"), "webp", False, True


def palette_bmp(rng) -> Made:
    return encode(Image.fromarray(image(rng)).convert("P"), "BMP"), "bmp", False, True


def wrong_ending(rng) -> Made:
    return whole_jpeg(rng), "png", True, True


def bomb_by_header(rng) -> Made:
    """A PNG of some bytes that says it has 900 megapixels."""
    del rng
    return png_of(30000, 30000, zlib.compress(b"\0" * 1000)), "png", False, False


def negative_size(rng) -> Made:
    del rng
    return png_of(0xFFFFFF00, 40, zlib.compress(b"\0" * 1000)), "png", False, False


def no_size(rng) -> Made:
    del rng
    return png_of(0, 0, zlib.compress(b"")), "png", False, False


def wide(rng) -> Made:
    return encode(Image.fromarray(image(rng, 10, 12000)), "JPEG"), "jpg", True, True


def tall(rng) -> Made:
    return encode(Image.fromarray(image(rng, 12000, 10)), "PNG"), "png", True, True


def over_64_megapixels(rng) -> Made:
    """A whole image, white, of 72 megapixels and few bytes."""
    del rng
    return encode(Image.new("1", (9000, 8000), 1), "PNG"), "png", False, True


def png_of(width: int, height: int, pixels: bytes) -> bytes:
    """A PNG file, gray, with any size in its header and any bytes as its compressed pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


# These cost time, so there is one of each.
ONCE = {"wide": wide, "tall": tall, "over_64_megapixels": over_64_megapixels}
KINDS = {
    "jpeg": of_mode("RGB", "JPEG"),
    "progressive": of_mode("RGB", "JPEG", progressive=True),
    "cmyk": of_mode("CMYK", "JPEG"),
    "gray_jpeg": of_mode("L", "JPEG"),
    "png": of_mode("RGB", "PNG"),
    "gray_png": of_mode("L", "PNG"),
    "palette_png": of_mode("P", "PNG"),
    "one_bit_png": of_mode("1", "PNG"),
    "alpha": of_mode("RGBA", "PNG"),
    "gray_alpha": of_mode("LA", "PNG"),
    "bmp": of_mode("RGB", "BMP"),
    "gif": of_mode("P", "GIF"),
    "sixteen_bits": sixteen_bits,
    "animated_gif": animated("GIF", True),
    "animated_png": animated("PNG", True),
    "animated_webp": animated("WEBP", False),
    "webp": webp,
    "palette_bmp": palette_bmp,
    "wrong_ending": wrong_ending,
    "one_pixel": one_pixel,
    "truncated_jpeg": truncated_jpeg,
    "truncated_png": truncated_png,
    "truncated_gif": truncated_gif,
    "truncated_bmp": truncated_bmp,
    "flipped_bytes": flipped_bytes,
    "random_bytes": random_bytes,
    "magic_and_noise": magic_and_noise,
    "header_alone": header_alone,
    "empty": empty,
    "text": text,
    "bomb_by_header": bomb_by_header,
    "negative_size": negative_size,
    "no_size": no_size,
}

if __name__ == "__main__":
    folder, *numbers = sys.argv[1:]
    write_bad_inputs(pathlib.Path(folder), *map(int, numbers))
