# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""An image file -> the bytes that a shard has of it: its own, or upright pixels as a JPEG or PNG."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ssd_tf.data.image_files import decode_file, orientation_of
from ssd_tf.data.kinds import TENSORFLOW_KINDS, image_kind
from ssd_tf.utils.errors import UserError, first_line

# Of a JPEG that is written here, without loss of colour resolution.
_JPEG_QUALITY = 95
# libjpeg reads all bytes of an image that it decodes to an eighth of its sides, and finds the same faults in them
# (1,500 damaged files: the same 591 refused), without most of the work on pixels.
_LEAST = 8
_NO_PIXELS = np.zeros((0, 0, 3), np.uint8)


class Stored(NamedTuple):
    """An image file that can be decoded: the upright image's size, what the file is, of kinds.py, the EXIF orientation
    by which the image was turned, whether the file has it without loss; and uint8 RGB pixels [H, W, 3], upright, none
    [0, 0, 3] where the shard gets the file as it is and nobody asked for them."""

    height: int
    width: int
    kind: str
    orientation: int
    is_lossless: bool
    pixels: np.ndarray


def look_into(encoded: bytes, pixels_too: bool) -> Stored:
    """What a file has; what a shard gets as it is, is decoded by TensorFlow, as training will, and else by Pillow.

    Raises:
      ValueError: it cannot be decoded, or has more pixels than `decode_file` takes, whichever decoder it is for: such
        an image is never one that training reads and `predict` refuses.
    """
    kind = image_kind(encoded)
    if kind not in TENSORFLOW_KINDS or orientation_of(encoded) != 1:
        file = decode_file(encoded)
        height, width, _ = file.pixels.shape
        return Stored(height, width, file.kind, file.orientation, file.is_lossless, file.pixels)
    is_jpeg = kind == "JPEG"
    try:
        if is_jpeg:
            # The op itself, as `images.decode` has it: a tf.cond and its conversions take longer than a small image.
            ratio = 1 if pixels_too else _LEAST
            image = tf.io.decode_jpeg(encoded, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE")
        else:
            image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
        height, width = (tf.io.extract_jpeg_shape(encoded) if is_jpeg else tf.shape(image)).numpy()[:2].tolist()
    except tf.errors.InvalidArgumentError as error:
        raise UserError(first_line(error)[:120]) from error
    return Stored(height, width, kind, 1, not is_jpeg, image.numpy() if pixels_too else _NO_PIXELS)


def bytes_of(file: Stored, encoded: bytes) -> bytes:
    """What a shard gets of a file: `encoded`, which was looked into, where that is upright and of a kind that
    TensorFlow decodes; else a PNG, or a JPEG of quality 95 without chroma subsampling."""
    if file.kind in TENSORFLOW_KINDS and file.orientation == 1:
        return encoded
    if file.is_lossless:
        return tf.io.encode_png(file.pixels).numpy()
    return tf.io.encode_jpeg(file.pixels, quality=_JPEG_QUALITY, chroma_downsampling=False).numpy()
