# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Colour jitter as torchvision's ColorJitter does on PIL images, batched, for the training device.

Pixels are kept as PIL keeps them: whole numbers 0..255, truncated after each operation. The parameters of each image
are drawn on the host from the example's seed (`random_jitter`); the operations themselves are pure (`jitter`).
"""

from typing import NamedTuple

import tensorflow as tf

# MLPerf ssd-v1 utils.py: ColorJitter(brightness=0.125, contrast=0.5, saturation=0.5, hue=0.05).
BRIGHTNESS = (0.875, 1.125)
CONTRAST = (0.5, 1.5)
SATURATION = (0.5, 1.5)
HUE = (-0.05, 0.05)
_RANGES = (BRIGHTNESS, CONTRAST, SATURATION, HUE)
# Numbers of the operations in Jitter.order.
_BRIGHTNESS, _CONTRAST, _SATURATION, _HUE = range(4)


class Jitter(NamedTuple):
    """Parameters of one image, or of a batch with a leading B.

    Attributes:
      order: int32 [4], a permutation: 0 brightness, 1 contrast, 2 saturation, 3 hue.
      factors: float32 [4] of brightness, contrast, saturation and hue; the hue's is a fraction of the circle.
    """

    order: tf.Tensor
    factors: tf.Tensor


def random_jitter(seed: tf.Tensor) -> Jitter:
    """The parameters that belong to a seed, int32 [2]."""
    order_seed, factor_seed = tf.unstack(tf.random.split(seed, 2))
    order = tf.random.experimental.stateless_shuffle(tf.range(4), order_seed)
    low, high = tf.constant(_RANGES)[:, 0], tf.constant(_RANGES)[:, 1]
    return Jitter(order, low + (high - low) * tf.random.stateless_uniform([4], factor_seed))


def jitter(images: tf.Tensor, parameters: Jitter) -> tf.Tensor:
    """All four operations on each image, in that image's order.

    Args:
      images: RGB [B, H, W, 3] in 0..255, uint8 or float.
      parameters: order [B, 4] and factors [B, 4].

    Returns:
      float32 [B, H, W, 3], whole numbers in 0..255.
    """
    images = tf.cast(images, tf.float32)
    # Hue takes ten times as long as a blend: once for all images, between the blends before it and those after it.
    hue_place = tf.argmax(parameters.order == _HUE, axis=1, output_type=tf.int32)
    for place in range(3):
        images = _blend_at(images, parameters, place, place < hue_place)
    images = turn_hue(images, each(parameters.factors[:, _HUE]))
    for place in range(1, 4):
        images = _blend_at(images, parameters, place, place > hue_place)
    return images


def _blend_at(images, parameters: Jitter, place: int, which):
    """The operation at a place of the order, which is not hue, on the images of `which`, bool [B]."""
    operation = parameters.order[:, place]
    factor = tf.gather(parameters.factors, operation, batch_dims=1)
    return tf.where(each(which), _blend_by(images, each(operation), each(factor)), images)


def _blend_by(images, operation, factor):
    """Brightness, contrast or saturation, one operation an image, [B, 1, 1, 1] each."""
    luma = luma_of(images)
    mean = tf.floor(tf.reduce_mean(luma, axis=(1, 2, 3), keepdims=True) + 0.5)
    degenerate = tf.where(operation == _CONTRAST, mean, tf.where(operation == _SATURATION, luma, 0.0))
    return blend(images, degenerate, factor)


def each(values: tf.Tensor) -> tf.Tensor:
    """[B] -> [B, 1, 1, 1]: a value for each of a batch of images."""
    return values[:, None, None, None]


def blend(images: tf.Tensor, degenerate: tf.Tensor | float, factor: tf.Tensor) -> tf.Tensor:
    """PIL's way from a degenerate image (black, the mean, the luma) by `factor` to the image and beyond."""
    return tf.floor(tf.clip_by_value(degenerate + factor * (images - degenerate), 0.0, 255.0))


def luma_of(images: tf.Tensor) -> tf.Tensor:
    """PIL's "L", ITU-R 601 in 16-bit fixed point: [B, H, W, 1]. The sums fit in int32, so they are exact."""
    red, green, blue = tf.split(tf.cast(images, tf.int32), 3, axis=-1)
    return tf.cast((19595 * red + 38470 * green + 7471 * blue + 32768) // 65536, tf.float32)


def turn_hue(images: tf.Tensor, turn: tf.Tensor) -> tf.Tensor:
    """Adds a fraction of the circle to the hue, in PIL's 8-bit HSV."""
    hue, saturation, value = _rgb_to_hsv(images)
    hue = tf.math.floormod(hue + tf.cast(tf.cast(turn * 255.0, tf.int32), tf.float32), 256.0)
    return _hsv_to_rgb(hue, saturation, value)


def _rgb_to_hsv(images):
    """Whole numbers 0..255, float32 [B, H, W, 1] each.

    PIL's C code mixes float and double; a hue on the edge of two whole numbers depends on where it rounds, and one unit
    of hue is up to 6 grey levels. So do these two functions.
    """
    red, green, blue = tf.split(images, 3, axis=-1)
    value = tf.reduce_max(images, axis=-1, keepdims=True)
    spread = value - tf.reduce_min(images, axis=-1, keepdims=True)
    safe = tf.maximum(spread, 1.0)
    red_c, green_c, blue_c = ((value - x) / safe for x in (red, green, blue))
    sector = tf.where(
        red == value,
        blue_c - green_c,
        tf.where(
            green == value,
            _single(2.0 + _double(red_c) - _double(blue_c)),
            _single(4.0 + _double(green_c) - _double(red_c)),
        ),
    )
    hue = _single(tf.math.floormod(_double(sector) / 6.0 + 1.0, 1.0))
    hue = tf.floor(_double(hue) * 255.0)
    saturation = tf.floor(_double(spread / tf.maximum(value, 1.0)) * 255.0)
    grey = spread == 0.0
    return tf.where(grey, 0.0, _single(hue)), tf.where(grey, 0.0, _single(saturation)), value


def _hsv_to_rgb(hue, saturation, value):
    sector = _double(hue) * 6.0 / 255.0
    index = tf.floor(sector)
    fraction = _single(sector - index)
    saturation = _single(_double(saturation) / 255.0)
    value64, saturation64 = _double(value), _double(saturation)
    low = _single(tf.floor(value64 * (1.0 - saturation64) + 0.5))
    falling = _single(tf.floor(value64 * (1.0 - _double(saturation * fraction)) + 0.5))
    rising = _single(tf.floor(value64 * (1.0 - saturation64 * (1.0 - _double(fraction))) + 0.5))
    index = tf.math.floormod(index, 6.0)
    red = _pick(index, (value, falling, low, low, rising, value))
    green = _pick(index, (rising, value, value, falling, low, low))
    blue = _pick(index, (low, low, rising, value, value, falling))
    return tf.concat([red, green, blue], axis=-1)


def _single(x):
    return tf.cast(x, tf.float32)


def _double(x):
    return tf.cast(x, tf.float64)


def _pick(index, choices):
    result = choices[-1]
    for k in range(len(choices) - 1):
        result = tf.where(index == k, choices[k], result)
    return result
