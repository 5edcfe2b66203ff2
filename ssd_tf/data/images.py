# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Encoded images -> RGB pixels -> the square that the model sees. All programs read images through this decoder.

Images are upright, as viewers show them. Those in our shards were turned when these were written, so `decode`, which
reads them, does not look for an orientation. Of kinds that TensorFlow does not decode there are none in shards.
"""

import pathlib
from typing import IO, NamedTuple

import numpy as np
import PIL.Image
import tensorflow as tf

from ssd_tf.data.exif import HEAD_BYTES, TRANSPOSED, orientation, orientation_of, turned
from ssd_tf.data.gif import first_frame
from ssd_tf.data.kinds import EXPECTED, TENSORFLOW_KINDS, image_kind
from ssd_tf.data.pillow_images import decode_with_pillow, exif_orientation, open_image
from ssd_tf.utils.errors import UserError, first_line
from ssd_tf.utils.files import is_text, printable

# Of a JPEG that is written here, without loss of colour resolution.
_JPEG_QUALITY = 95


class Upright(NamedTuple):
    """The image of a file: uint8 RGB [H, W, 3]; what the file is, of kinds.py; the EXIF orientation by which the image
    was turned, 1 where it was not; and whether the file has it without loss."""

    pixels: tf.Tensor | np.ndarray
    kind: str
    orientation: int
    is_lossless: bool


def read_image(path: pathlib.Path) -> np.ndarray:
    """uint8 RGB [H, W, 3] of a file, upright.

    Raises:
      ValueError: it cannot be read, is no image, or its name is no UTF-8; the message names the file.
    """
    if not is_text(str(path)):
        raise UserError(f"{printable(str(path))}: expected a name in UTF-8")
    try:
        return np.asarray(decode_file(path.read_bytes()).pixels)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except UserError as error:
        raise UserError(f"{path}: not readable as an image ({error})") from error


def decode_file(encoded: bytes) -> Upright:
    """The image that a file holds, whatever kind of image it is.

    Raises:
      ValueError: it holds none, or it is damaged, or its decoder is not installed.
    """
    kind = image_kind(encoded)
    if not kind:
        raise UserError(f"expected a {EXPECTED} file")
    if kind not in TENSORFLOW_KINDS:
        decoded = decode_with_pillow(encoded, kind)
        return Upright(decoded.pixels, kind, decoded.orientation, decoded.is_lossless)
    try:
        pixels = decode(tf.constant(encoded))
    except tf.errors.InvalidArgumentError as error:
        raise UserError(first_line(error)[:120]) from error
    how = orientation_of(encoded)
    return Upright(pixels if how == 1 else turned(pixels, how), kind, how, kind != "JPEG")


def encode_file(pixels: tf.Tensor | np.ndarray, is_lossless: bool) -> bytes:
    """A PNG, or a JPEG of quality 95 without chroma subsampling, of uint8 RGB [H, W, 3]."""
    if is_lossless:
        return tf.io.encode_png(pixels).numpy()
    return tf.io.encode_jpeg(pixels, quality=_JPEG_QUALITY, chroma_downsampling=False).numpy()


def file_size(file: pathlib.Path | IO[bytes]) -> tuple[int, int] | None:
    """Height and width in pixels of the upright image, from its header; None where it is no image."""
    try:
        with open_image(file) as image:
            height, width = image.height, image.width
            is_transposed = "exif" in image.info and _orientation_of(image, file) >= TRANSPOSED
    except (OSError, ValueError, PIL.Image.DecompressionBombError):
        return None
    return (width, height) if is_transposed else (height, width)


def _orientation_of(image: PIL.Image.Image, file: pathlib.Path | IO[bytes]) -> int:
    if image.format in ("WEBP", "AVIF"):
        return exif_orientation(image)
    if isinstance(file, pathlib.Path):
        with file.open("rb") as opened:
            return orientation_of(opened.read(HEAD_BYTES))
    file.seek(0)
    return orientation_of(file.read(HEAD_BYTES))


def image_format(encoded: bytes) -> str:
    """What a file of a shard is: jpeg, png, gif or bmp.

    Raises:
      ValueError: it is none of these, or a BMP that TensorFlow decodes to wrong colours.
    """
    kind = image_kind(encoded)
    if kind not in TENSORFLOW_KINDS:
        raise UserError(f"expected one of {', '.join(TENSORFLOW_KINDS)}. Received: {kind or 'another file'}")
    return kind.lower()


def decode_upright(encoded: tf.Tensor) -> tf.Tensor:
    """As `decode`, turned as the file says, for images of strangers in a graph."""
    return turned(decode(encoded), orientation(encoded))


def decode(encoded: tf.Tensor) -> tf.Tensor:
    """uint8 RGB [H, W, 3] of a JPEG, PNG, BMP or GIF (its first frame), given as a scalar string, as it is stored.

    Raises:
      tf.errors.InvalidArgumentError: the bytes are no such image.
    """
    # Accurate inverse DCT: what PIL and libjpeg use, and the golden values assume.
    image = tf.cond(
        tf.io.is_jpeg(encoded),
        lambda: tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_image(encoded, channels=3, expand_animations=False),
    )
    image.set_shape([None, None, 3])
    return image


def bounded(encoded: tf.Tensor, max_pixels: int) -> tf.Tensor:
    """An image that can be decoded without taking more memory than so many pixels need; of a GIF the first frame.

    An image of some kilobytes can hold gigabytes of pixels: look before you decode what strangers send.

    Raises:
      tf.errors.InvalidArgumentError: it has more pixels or none, or is no image, as `encoded_size` says.
    """
    encoded, height, width = tf.cond(
        _starts_with(encoded, b"GIF8"), lambda: first_frame(encoded), lambda: (encoded, *encoded_size(encoded))
    )
    fits = (height > 0) & (width > 0) & (height * width <= max_pixels)
    with tf.control_dependencies([tf.debugging.Assert(fits, ["an image of", height, "x", width])]):
        return tf.identity(encoded)


def encoded_size(encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """int64 height and width in pixels that a JPEG, PNG or BMP says it has; missing bytes count as zero.

    Raises:
      tf.errors.InvalidArgumentError: the bytes are no such image, or a BMP with a palette, which TensorFlow decodes
        to wrong colours.
    """

    head = tf.strings.join([tf.strings.substr(encoded, 0, 30), bytes(30)])

    def number(start, dtype, little_endian=True):
        digits = tf.strings.substr(head, start, dtype.size)
        return tf.cast(tf.io.decode_raw(digits, dtype, little_endian)[0], tf.int64)

    def bmp():
        check = tf.debugging.Assert(number(28, tf.uint16) > 8, ["a BMP with a palette"])
        with tf.control_dependencies([check]):
            return tf.abs(number(22, tf.int32)), number(18, tf.int32)  # a negative height: rows from top to bottom

    def unknown():
        with tf.control_dependencies([tf.debugging.Assert(False, ["expected a JPEG, PNG or BMP file"])]):
            return tf.constant(0, tf.int64), tf.constant(0, tf.int64)

    return tf.case(
        [
            (tf.io.is_jpeg(encoded), lambda: tuple(tf.unstack(tf.io.extract_jpeg_shape(encoded, tf.int64)[:2]))),
            (_starts_with(encoded, b"\x89PNG"), lambda: (number(20, tf.int32, False), number(16, tf.int32, False))),
            (_starts_with(encoded, b"BM"), bmp),
        ],
        default=unknown,
    )


def _starts_with(encoded: tf.Tensor, magic: bytes) -> tf.Tensor:
    return tf.equal(tf.strings.substr(encoded, 0, len(magic)), magic)


def resize(image: tf.Tensor, size: int, antialias: bool = True) -> tf.Tensor:
    """uint8 [..., H, W, 3] -> uint8 [..., size, size, 3]; bilinear, aspect is not kept. With antialias as PIL's."""
    resized = tf.image.resize(image, (size, size), method="bilinear", antialias=antialias)
    resized = tf.cast(tf.clip_by_value(tf.round(resized), 0.0, 255.0), tf.uint8)
    return tf.ensure_shape(resized, [*image.shape[:-3], size, size, 3])
