# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Photometric distortion (Howard 2013, as in Liu et al. 2016), batched, for the training device.

As torchvision's RandomPhotometricDistort on PIL images (`distort`) and as amdegroot/ssd.pytorch's PhotometricDistort
(`distort_unclipped`). Both change brightness, contrast, saturation and hue and permute the channels, each for half of
all images. They do so before they zoom out; here it comes after, so what zoom-out filled keeps its colour.
"""

from typing import Literal, NamedTuple

import tensorflow as tf

from ssd_tf.data.color_jitter import blend, each, luma_of, turn_hue

# Brightness, contrast, saturation (factors) and hue (a fraction of the circle).
TORCHVISION_RANGES = ((0.875, 1.125), (0.5, 1.5), (0.5, 1.5), (-0.05, 0.05))
# The same, but brightness is added, in levels of 0..255.
AMDEGROOT_RANGES = ((-32.0, 32.0), (0.5, 1.5), (0.5, 1.5), (-0.05, 0.05))
_PERMUTATIONS = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
# What OpenCV adds to divisors: FLT_EPSILON.
_EPSILON = 1.1920929e-7


class Distortion(NamedTuple):
    """Parameters of one image, or of a batch with a leading B.

    Attributes:
      factors: float32 [4] of brightness, contrast, saturation and hue.
      applied: bool [4], which of these are changed at all.
      contrast_first: bool []: contrast comes before saturation and hue instead of after them.
      channels: int32 [3], a permutation: the channel that each channel is taken from.
      image_area: float32 [4], [ymin, xmin, ymax, xmax], where the image lies; pixels outside keep their colour.
    """

    factors: tf.Tensor
    applied: tf.Tensor
    contrast_first: tf.Tensor
    channels: tf.Tensor
    image_area: tf.Tensor


def random_distortion(seed: tf.Tensor, rule: Literal["torchvision", "amdegroot"], image_area: tf.Tensor) -> Distortion:
    """The parameters that belong to a seed, int32 [2]."""
    factor_seed, coin_seed, channel_seed = tf.unstack(tf.random.split(seed, 3))
    low, high = tf.unstack(tf.constant(TORCHVISION_RANGES if rule == "torchvision" else AMDEGROOT_RANGES), axis=1)
    factors = low + (high - low) * tf.random.stateless_uniform([4], factor_seed)
    coins = tf.random.stateless_uniform([6], coin_seed) < 0.5
    permutation = tf.random.stateless_uniform([], channel_seed, 0, len(_PERMUTATIONS), tf.int32)
    channels = tf.gather(tf.constant(_PERMUTATIONS), tf.where(coins[5], permutation, 0))
    return Distortion(factors, coins[:4], coins[4], channels, image_area)


def distort(images: tf.Tensor, parameters: Distortion) -> tf.Tensor:
    """As torchvision on PIL images: whole levels after each operation. Contrast turns about the mean of the image area.

    Args:
      images: RGB [B, H, W, 3] in 0..255, uint8 or float.
      parameters: [B, ...] each.

    Returns:
      float32 [B, H, W, 3], whole numbers in 0..255.
    """
    original = tf.cast(images, tf.float32)
    seen = _seen(images, parameters.image_area)
    factors = [each(x) for x in tf.unstack(parameters.factors, axis=1)]
    applied = [each(x) for x in tf.unstack(parameters.applied, axis=1)]
    contrast_first = each(parameters.contrast_first)

    def contrast(images, when):
        mean = tf.floor(_mean(luma_of(images), seen) + 0.5)
        return tf.where(applied[1] & when, blend(images, mean, factors[1]), images)

    images = tf.where(applied[0], blend(original, 0.0, factors[0]), original)
    images = contrast(images, contrast_first)
    images = tf.where(applied[2], blend(images, luma_of(images), factors[2]), images)
    images = tf.where(applied[3], turn_hue(images, factors[3]), images)
    images = contrast(images, ~contrast_first)
    return tf.where(seen, tf.gather(images, parameters.channels, axis=3, batch_dims=1), original)


def distort_unclipped(images: tf.Tensor, parameters: Distortion) -> tf.Tensor:
    """As amdegroot: nothing is rounded or clipped, so levels below 0 and above 255 occur; arguments as `distort`.

    Saturation and hue change in OpenCV's HSV of float numbers, which goes there and back even where neither changes.
    """
    original = tf.cast(images, tf.float32)
    neutral = tf.constant([0.0, 1.0, 1.0, 0.0])
    factors = tf.where(parameters.applied, parameters.factors, neutral)
    brightness, contrast, saturation, turn = (each(x) for x in tf.unstack(factors, axis=1))
    contrast_first = each(parameters.contrast_first)

    images = (original + brightness) * tf.where(contrast_first, contrast, 1.0)
    hue, chroma, value = rgb_to_hsv(images)
    images = hsv_to_rgb(tf.math.floormod(hue + 360.0 * turn, 360.0), chroma * saturation, value)
    images *= tf.where(contrast_first, 1.0, contrast)
    images = tf.gather(images, parameters.channels, axis=3, batch_dims=1)
    return tf.where(_seen(images, parameters.image_area), images, original)


def rgb_to_hsv(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """OpenCV's HSV of float RGB [..., 3]: hue in degrees, saturation from 0 to 1, value in the pixels' levels.

    [..., 1] each. Of a pixel with levels below 0 the saturation is above 1, and the way back gives another pixel.
    """
    red, green, blue = tf.split(images, 3, axis=-1)
    value = tf.reduce_max(images, axis=-1, keepdims=True)
    spread = value - tf.reduce_min(images, axis=-1, keepdims=True)
    turn = 60.0 / (spread + _EPSILON)
    hue = tf.where(
        value == red,
        (green - blue) * turn,
        tf.where(value == green, (blue - red) * turn + 120.0, (red - green) * turn + 240.0),
    )
    return tf.where(hue < 0.0, hue + 360.0, hue), spread / (tf.abs(value) + _EPSILON), value


def hsv_to_rgb(hue: tf.Tensor, saturation: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    """The way back: [..., 3]. A saturation above 1 gives pixels of the other sign than the value's."""

    def channel(offset):
        # The distance from the channel's own colour, in sectors of 60 degrees: 0 to 1 is full, 2 to 3 is none.
        distance = tf.abs(tf.math.floormod(hue / 60.0 + offset, 6.0) - 3.0)
        return value * (1.0 - saturation * (1.0 - tf.clip_by_value(distance - 1.0, 0.0, 1.0)))

    return tf.concat([channel(0.0), channel(4.0), channel(2.0)], axis=-1)


def _seen(images: tf.Tensor, area: tf.Tensor) -> tf.Tensor:
    """bool [B, H, W, 1]: the pixels whose centre lies in the area."""
    height, width = images.shape[1], images.shape[2]
    ymin, xmin, ymax, xmax = tf.unstack(area[..., None], axis=1)
    y = (tf.range(height, dtype=tf.float32) + 0.5) / height
    x = (tf.range(width, dtype=tf.float32) + 0.5) / width
    rows, columns = (y >= ymin) & (y <= ymax), (x >= xmin) & (x <= xmax)
    return (rows[:, :, None] & columns[:, None, :])[..., None]


def _mean(levels: tf.Tensor, seen: tf.Tensor) -> tf.Tensor:
    """Of the seen pixels of each image, [B, 1, 1, 1]."""
    weight = tf.cast(seen, tf.float32)
    total = tf.reduce_sum(levels * weight, axis=(1, 2, 3), keepdims=True)
    return total / tf.maximum(tf.reduce_sum(weight, axis=(1, 2, 3), keepdims=True), 1.0)
