# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The first frame of a GIF, found in the graph and without decoding: a decoder would unpack all frames to give one.

After the GIF89a specification (W3C): a header, then blocks, each of which is a chain of pieces of up to 255 bytes.
"""

import tensorflow as tf

_HEADER = 13  # signature, screen descriptor
_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_IMAGE_DESCRIPTOR = 10  # with its introducing byte; then a colour table, if it has one, and the code size


def first_frame(encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """A GIF of the first frame alone, and the height and width in pixels that its screen and this frame need.

    Args:
      encoded: a GIF, scalar string.

    Returns:
      string; int64 height and width.

    Raises:
      tf.errors.InvalidArgumentError: it ends before its first frame does, or has none.
    """
    data = tf.cast(tf.io.decode_raw(encoded, tf.uint8), tf.int32)

    def pair(start):
        return data[start] + 256 * data[start + 1]

    def after_pieces(start):
        return tf.while_loop(lambda at: data[at] > 0, lambda at: [at + data[at] + 1], [start])[0] + 1

    start = _HEADER + _color_table(data[10])
    # An extension is its introducing byte, a label, and a chain.
    (start,) = tf.while_loop(lambda at: data[at] == _EXTENSION, lambda at: [after_pieces(at + 2)], [start])
    # All that follows reads behind `start`, and must not fail before this does.
    with tf.control_dependencies([tf.debugging.Assert(data[start] == _IMAGE, ["a GIF without a frame"])]):
        start = tf.identity(start)
    end = after_pieces(start + _IMAGE_DESCRIPTOR + _color_table(data[start + 9]) + 1)
    height = tf.maximum(pair(8), pair(start + 3) + pair(start + 7))
    width = tf.maximum(pair(6), pair(start + 1) + pair(start + 5))
    alone = tf.strings.join([tf.strings.substr(encoded, 0, end), bytes([_TRAILER])])
    return alone, tf.cast(height, tf.int64), tf.cast(width, tf.int64)


def _color_table(flags: tf.Tensor) -> tf.Tensor:
    """Bytes of the colour table that these flags announce."""
    return tf.where(flags >= 128, 3 * tf.bitwise.left_shift(2, flags & 7), 0)
