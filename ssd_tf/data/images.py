# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Encoded images -> RGB pixels -> the square that the model sees, in TensorFlow's graphs: of shards, and of strangers.

Pixels are those of image_files.py. Images in our shards were turned upright when these were written, so `decode`, which
reads them, does not look for an orientation. Of kinds that TensorFlow does not decode there are none in shards.
"""

import tensorflow as tf

from ssd_tf.data.exif import orientation, turned
from ssd_tf.data.gif import first_frame
from ssd_tf.data.kinds import TENSORFLOW_KINDS, image_kind
from ssd_tf.utils.errors import UserError


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


def resize(image: tf.Tensor, size: int | tuple[int, int], antialias: bool = True) -> tf.Tensor:
    """uint8 [..., H, W, 3] -> uint8 of this side, or height and width; bilinear, aspect is not kept.

    With antialias as PIL resizes: where an image is made smaller, a pixel is a mean over all that it covers.
    """
    height, width = (size, size) if isinstance(size, int) else size
    images = tf.reshape(image, tf.concat([[-1], tf.shape(image)[-3:]], axis=0))
    resized = resize_by_means(images, height, width) if antialias else tf.image.resize(images, (height, width))
    pixels = tf.cast(tf.clip_by_value(tf.round(resized), 0.0, 255.0), tf.uint8)
    pixels = tf.reshape(pixels, tf.concat([tf.shape(image)[:-3], [height, width, 3]], axis=0))
    return tf.ensure_shape(pixels, [*image.shape[:-3], height, width, 3])


def resize_by_means(images: tf.Tensor, height: int | tf.Tensor, width: int | tf.Tensor) -> tf.Tensor:
    """[B, H, W, 3] -> float32 of this height and width, bit for bit what tf.image.resize with antialias gives.

    Its kernel goes over a pixel's three numbers in its innermost loop. Here that loop goes over a whole row, and over a
    whole column once these lie as rows, which takes a third of the time (docs/benchmarks.md).
    """
    with tf.device("/cpu:0"):  # the kernel is for CPUs alone: on a GPU each of the other ops would copy the images
        count, old_height, old_width = tf.unstack(tf.shape(images)[:3])
        rows = _weigh_rows(tf.reshape(images, [count, old_height, old_width * 3]), height)
        columns = tf.transpose(tf.reshape(rows, [count, height, old_width, 3]), [0, 2, 1, 3])
        resized = _weigh_rows(tf.reshape(columns, [count, old_width, height * 3]), width)
        return tf.transpose(tf.reshape(resized, [count, width, height, 3]), [0, 2, 1, 3])


def _weigh_rows(images: tf.Tensor, height: int | tf.Tensor) -> tf.Tensor:
    """[B, H, N] -> float32 [B, height, N]."""
    scale = tf.cast(height, tf.float32) / tf.cast(tf.shape(images)[1], tf.float32)
    return tf.raw_ops.ScaleAndTranslate(
        images=images[:, :, None],
        size=[height, 1],
        scale=tf.stack([scale, 1.0]),
        translation=[0.0, 0.0],
        kernel_type="triangle",
        antialias=True,
    )[:, :, 0]
