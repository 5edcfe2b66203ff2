# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""An image file -> the bytes that a shard has of it: its own, or upright pixels as a JPEG or PNG."""

import tensorflow as tf

from ssd_tf.data import images as image_ops
from ssd_tf.data.image_files import Upright, decode_file, orientation_of
from ssd_tf.data.kinds import TENSORFLOW_KINDS, image_kind
from ssd_tf.utils.errors import UserError, first_line

# Of a JPEG that is written here, without loss of colour resolution.
_JPEG_QUALITY = 95


def decode_as_training(encoded: bytes) -> Upright:
    """`decode_file`; but what a shard gets as it is, is decoded by TensorFlow, as training will.

    Raises:
      ValueError: it cannot be decoded, or has more pixels than `decode_file` takes, whichever decoder it is for: such
        an image is never one that training reads and `predict` refuses.
    """
    kind = image_kind(encoded)
    if kind not in TENSORFLOW_KINDS or orientation_of(encoded) != 1:
        return decode_file(encoded)
    try:
        return Upright(image_ops.decode(tf.constant(encoded)).numpy(), kind, 1, kind != "JPEG")
    except tf.errors.InvalidArgumentError as error:
        raise UserError(first_line(error)[:120]) from error


def bytes_of(file: Upright, encoded: bytes) -> bytes:
    """What a shard gets of a file: `encoded`, which it was decoded from, where that is upright and of a kind that
    TensorFlow decodes; else a PNG, or a JPEG of quality 95 without chroma subsampling."""
    if file.kind in TENSORFLOW_KINDS and file.orientation == 1:
        return encoded
    if file.is_lossless:
        return tf.io.encode_png(file.pixels).numpy()
    return tf.io.encode_jpeg(file.pixels, quality=_JPEG_QUALITY, chroma_downsampling=False).numpy()
