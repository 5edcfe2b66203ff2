# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""EXIF orientation: how the pixels of a JPEG or PNG are to be turned, so that the image is shown as it was taken.

Phones store what the sensor saw and note how they were held; every viewer turns the image by that note. After the Exif
2.32 specification (JEITA CP-3451X: APP1 in JPEG, orientation is tag 0x0112 of the 0th IFD), TIFF 6.0 and PNG's chunk
eXIf. Here it is read in the graph, for exported models; image_files.py has it from Pillow.
"""

import tensorflow as tf

from ssd_tf.data.image_files import MIRRORED, TRANSPOSED, UPSIDE_DOWN

# The tag lies in the first segments of a file; what is behind so many bytes is not looked at.
_HEAD_BYTES = 2**18
# Reads behind the end give zeros.
_PADDING = 16
_JPEG, _PNG = b"\xff\xd8", b"\x89PNG"
_APP1, _START_OF_SCAN = 0xE1, 0xDA
_EXIF, _EXIF_CHUNK = b"Exif\0\0", b"eXIf"
_ORIENTATION, _SHORT, _TIFF = 0x0112, 3, 42
# Entries of an IFD that are looked at; cameras write about a dozen.
_MOST_ENTRIES = 256


def orientation(encoded: tf.Tensor) -> tf.Tensor:
    """int64, 1 to 8, of an image in a scalar string; 1, as it is, where a file does not say it, or says nonsense."""
    text = tf.strings.join([tf.strings.substr(encoded, 0, _HEAD_BYTES), bytes(_PADDING)])
    data = tf.cast(tf.io.decode_raw(text, tf.uint8), tf.int64)
    last = tf.size(data, tf.int64) - 1
    end = last - _PADDING + 1
    one = tf.constant(1, tf.int64)

    def number(at, size: int, little: tf.Tensor | bool = False):
        found = tf.gather(data, tf.minimum(at + tf.range(size, dtype=tf.int64), last))
        found = tf.where(little, found[::-1], found)
        return tf.reduce_sum(found * tf.constant([256**k for k in reversed(range(size))], tf.int64))

    def holds(at, words: bytes):
        return tf.equal(tf.strings.substr(text, tf.minimum(tf.cast(at, tf.int64), end), len(words)), words)

    def in_jpeg():
        def is_exif(at):
            return (number(at, 2) == 0xFF00 + _APP1) & holds(at + 4, _EXIF)

        def goes_on(at):
            is_header = (number(at, 1) == 0xFF) & (number(at + 1, 1) != _START_OF_SCAN)
            return (at < end) & is_header & ~is_exif(at)

        def next_segment(at):
            is_filling = number(at + 1, 1) == 0xFF
            return [at + tf.where(is_filling, one, 2 + number(at + 2, 2))]

        (at,) = tf.while_loop(goes_on, next_segment, [tf.constant(len(_JPEG), tf.int64)])
        return tf.where(is_exif(at), at + 4 + len(_EXIF), end)

    def in_png():
        def goes_on(at):
            return (at < end) & ~holds(at + 4, _EXIF_CHUNK) & ~holds(at + 4, b"IDAT")

        (at,) = tf.while_loop(goes_on, lambda at: [at + 12 + number(at, 4)], [tf.constant(8, tf.int64)])
        return tf.where(holds(at + 4, _EXIF_CHUNK), at + 8, end)

    start = tf.case([(holds(0, _JPEG), in_jpeg), (holds(0, _PNG), in_png)], default=lambda: end)
    little = holds(start, b"II")
    is_tiff = (little | holds(start, b"MM")) & (number(start + 2, 2, little) == _TIFF)
    directory = start + number(start + 4, 4, little)
    behind = directory + 2 + 12 * tf.minimum(number(directory, 2, little), _MOST_ENTRIES)
    (entry,) = tf.while_loop(
        lambda at: is_tiff & (at < behind) & (number(at, 2, little) != _ORIENTATION),
        lambda at: [at + 12],
        [directory + 2],
    )
    is_there = is_tiff & (entry < behind) & (number(entry + 2, 2, little) == _SHORT)
    value = number(entry + 8, 2, little)
    return tf.where(is_there & (value >= 1) & (value <= 8), value, one)


def turned(image: tf.Tensor, how: tf.Tensor | int) -> tf.Tensor:
    """The upright image of [H, W, 3] that is stored with an orientation: [W, H, 3] from 5 on."""
    how = tf.cast(how, tf.int64)
    image = tf.cond(how >= TRANSPOSED, lambda: tf.transpose(image, [1, 0, 2]), lambda: image)
    for axis, ways in enumerate((UPSIDE_DOWN, MIRRORED)):
        is_reversed = tf.reduce_any(how == tf.constant(ways, tf.int64))
        image = tf.cond(
            is_reversed, lambda image=image, axis=axis: tf.reverse(image, [axis]), lambda image=image: image
        )
    return image
