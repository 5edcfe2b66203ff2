# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Encoded pictures -> RGB pixels -> the square that the model sees. All programs read pictures through this decoder."""

import tensorflow as tf

# What `decode` reads; used to find pictures in a folder.
EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".gif")


def picture_format(encoded: bytes) -> str:
    """What a file is by its first bytes: jpeg, png, gif or bmp.

    Raises:
      ValueError: it is none of these, or a BMP with a palette, which TensorFlow decodes to wrong colours.
    """
    for magic, name in ((b"\xff\xd8", "jpeg"), (b"\x89PNG", "png"), (b"GIF8", "gif"), (b"BM", "bmp")):
        if encoded.startswith(magic):
            if name == "bmp" and int.from_bytes(encoded[28:30], "little") <= 8:
                raise ValueError("a BMP with a palette; expected 24 or 32 bits a pixel")
            return name
    raise ValueError("expected a JPEG, PNG, GIF or BMP file")


def decode(encoded: tf.Tensor) -> tf.Tensor:
    """uint8 RGB [H, W, 3] of a JPEG, PNG, BMP or GIF (its first frame), given as a scalar string.

    Raises:
      tf.errors.InvalidArgumentError: the bytes are no such picture.
    """
    # Accurate inverse DCT: what PIL and libjpeg use, and the golden values assume.
    image = tf.cond(
        tf.io.is_jpeg(encoded),
        lambda: tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_image(encoded, channels=3, expand_animations=False),
    )
    image.set_shape([None, None, 3])
    return image


def resize(image: tf.Tensor, size: int) -> tf.Tensor:
    """uint8 [H, W, 3] -> uint8 [size, size, 3]; antialiased bilinear, as PIL's BILINEAR; aspect is not kept."""
    resized = tf.image.resize(image, (size, size), method="bilinear", antialias=True)
    resized = tf.cast(tf.clip_by_value(tf.round(resized), 0.0, 255.0), tf.uint8)
    resized.set_shape([size, size, 3])
    return resized
