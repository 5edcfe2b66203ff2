# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Zoom-out and crop of the paper (Liu et al. 2016, sections 2.2 and 3.6) in whole pixels, stateless.

As torchvision's references/detection (RandomZoomOut, RandomIoUCrop) and as amdegroot/ssd.pytorch (Expand,
RandomSampleCrop). A window is int32 [4], [top, left, bottom, right] in pixels of the image; what lies outside of the
image is filled with a colour. Every draw is a function of a seed, int32 [2]. Letters: G boxes, padded; T tries.
"""

from typing import Literal, NamedTuple

import tensorflow as tf

from ssd_tf.geometry import box_ops

# Of the height and width of the image together.
MAX_ZOOM = 4.0
# For each mode but the whole image, the IoU that a crop must have with one of the boxes that it keeps. amdegroot draws
# from .1, .3, .7, .9 and "any", and means to ask for that IoU, but its test refuses nothing.
TORCHVISION_MIN_IOUS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9)
AMDEGROOT_MIN_IOUS = (0.0,) * 5
# Windows tried before a new mode is drawn.
TORCHVISION_TRIES, AMDEGROOT_TRIES = 40, 50
# Sides of a crop as fractions of the image's, and their ratio in pixels.
MIN_SIDE, MAX_SIDE = 0.3, 1.0
MIN_ASPECT, MAX_ASPECT = 0.5, 2.0
# The references draw modes until one succeeds. The whole image always does, with probability 1/7 or 1/6: of so many
# modes all others fail with probability 3e-9, and then too the image stays whole.
_MODES = 128


class Crop(NamedTuple):
    """A window, int32 [4], and which of the boxes it keeps, bool [G]."""

    window: tf.Tensor
    kept: tf.Tensor


def whole(size: tf.Tensor) -> tf.Tensor:
    """The window that is the image itself, of int32 [2], its height and width in pixels."""
    return tf.concat([tf.zeros([2], tf.int32), size], axis=0)


def random_zoom_out(size: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """For half of all seeds a window 1 to 4 times as large as the image, with the image somewhere in it.

    Args:
      size: int32 [2], height and width of the image in pixels.
      seed: int32 [2].
    """
    coin, ratio, *offsets = tf.unstack(tf.random.stateless_uniform([4], seed))
    larger = zoom_out(size, 1.0 + (MAX_ZOOM - 1.0) * ratio, tf.stack(offsets))
    return tf.where(coin < 0.5, larger, whole(size))


def zoom_out(size: tf.Tensor, ratio: tf.Tensor, offsets: tf.Tensor) -> tf.Tensor:
    """The window that is `ratio` times as large, with the image at fractions `offsets` (y, x) of the room that it has.

    As torchvision. amdegroot cuts to whole pixels later, so that its image lies less than a pixel apart.
    """
    canvas = tf.cast(tf.cast(size, tf.float32) * ratio, tf.int32)
    corner = tf.cast(tf.cast(canvas - size, tf.float32) * offsets, tf.int32)
    return tf.concat([-corner, canvas - corner], axis=0)


def random_crop(
    boxes: tf.Tensor, real: tf.Tensor, within: tf.Tensor, seed: tf.Tensor, rule: Literal["torchvision", "amdegroot"]
) -> Crop:
    """Draws a crop of a window that suits the boxes.

    A mode is drawn evenly from the whole window and the minimum IoUs of the rule, and then windows of random size and
    place until one suits: one that has an allowed shape, keeps a box, and has the minimum IoU with one of the boxes
    that it keeps. Where none of the tries suits, a new mode is drawn. A box is kept where its centre is inside.

    Args:
      boxes: float32 [G, 4] in pixels of the image.
      real: bool [G]; False is padding.
      within: the window to crop, int32 [4].
      seed: int32 [2].
      rule: whose minimum IoUs, tries and windows.
    """
    draw, min_ious = (
        (_torchvision_windows, TORCHVISION_MIN_IOUS)
        if rule == "torchvision"
        else (_amdegroot_windows, AMDEGROOT_MIN_IOUS)
    )

    def draw_a_mode(number, _, before):
        mode_seed, window_seed = tf.unstack(tf.random.split(tf.random.experimental.stateless_fold_in(seed, number), 2))
        mode = tf.random.stateless_uniform([], mode_seed, 0, len(min_ious) + 1, tf.int32)
        windows_t4, valid_t = draw(window_seed, within[2:] - within[:2])
        windows_t4 += tf.tile(within[:2], [2])
        kept_tg, suits_t = judge(boxes, real, windows_t4, tf.gather([*min_ious, 0.0], mode))
        suits_t &= valid_t & (mode < len(min_ious))
        first = tf.argmax(tf.cast(suits_t, tf.int32), output_type=tf.int32)
        found = tf.reduce_any(suits_t)
        crop = Crop(tf.where(found, windows_t4[first], before.window), tf.where(found, kept_tg[first], before.kept))
        return number + 1, found | (mode == len(min_ious)), crop

    _, _, crop = tf.while_loop(
        lambda number, done, _: ~done & (number < _MODES), draw_a_mode, (0, tf.constant(False), Crop(within, real))
    )
    return crop


def judge(
    boxes: tf.Tensor, real: tf.Tensor, windows: tf.Tensor, min_iou: tf.Tensor | float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Which boxes each window keeps, bool [T, G], and whether it keeps one with which it has the IoU, bool [T]."""
    windows_t4 = tf.cast(windows, tf.float32)
    kept_tg = box_ops.center_inside(boxes, windows_t4[:, None]) & real
    return kept_tg, tf.reduce_any(kept_tg & (box_ops.iou(windows_t4, boxes) >= min_iou), axis=-1)


def relative_boxes(boxes: tf.Tensor, crop: Crop) -> tf.Tensor:
    """The boxes [G, 4] in pixels -> those kept, clipped to the window and normalised to it; 0 where not kept."""
    return tf.where(crop.kept[:, None], box_ops.relative_to(boxes, tf.cast(crop.window, tf.float32)), 0.0)


def relative_area(size: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
    """Where the image, of int32 [2] pixels, lies in a window: float32 [4], normalised to it."""
    return box_ops.relative_to(tf.cast(whole(size), tf.float32), tf.cast(window, tf.float32))


def cut(image: tf.Tensor, window: tf.Tensor, fill: tuple[int, int, int]) -> tf.Tensor:
    """The window of an image, uint8 [H, W, 3], with the colour `fill` where it has no image."""
    size = tf.shape(image)[:2]
    low, high = tf.clip_by_value(window[:2], 0, size), tf.clip_by_value(window[2:], 0, size)
    piece = image[low[0] : high[0], low[1] : high[1]]
    (top, left), (bottom, right) = tf.unstack(low - window[:2]), tf.unstack(window[2:] - high)

    # Pixels in a row, side by side: tf.pad takes one number for all channels, and is slow where the last axis is short.
    def filled(rows, columns):
        return tf.broadcast_to(tf.tile(tf.constant(fill, tf.uint8), [columns]), [rows, 3 * columns])

    height, width = tf.unstack(tf.shape(piece)[:2])
    middle = [filled(height, left), tf.reshape(piece, [height, 3 * width]), filled(height, right)]
    columns = left + width + right
    rows = tf.concat([filled(top, columns), tf.concat(middle, axis=1), filled(bottom, columns)], axis=0)
    return tf.reshape(rows, [-1, columns, 3])


def _torchvision_windows(seed: tf.Tensor, size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Windows int32 [T, 4] within an image of height and width `size`, and whether each has an allowed aspect [T].

    Sides and offsets are cut to whole pixels.
    """
    side_seed, place_seed = tf.unstack(tf.random.split(seed, 2))
    pixels = tf.cast(size, tf.float32)
    sides = tf.random.stateless_uniform([TORCHVISION_TRIES, 2], side_seed, MIN_SIDE, MAX_SIDE)
    sides = tf.maximum(tf.cast(pixels * sides, tf.int32), 1)
    room = tf.cast(size - sides, tf.float32)
    corners = tf.cast(room * tf.random.stateless_uniform([TORCHVISION_TRIES, 2], place_seed), tf.int32)
    return tf.concat([corners, corners + sides], axis=-1), _allowed(tf.cast(sides, tf.float32))


def _amdegroot_windows(seed: tf.Tensor, size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """As `_torchvision_windows`; offsets run from 1 to the room there is, and edges are cut to whole pixels last.

    They are drawn as uniform(width - w), where NumPy takes the only number for the lower limit and 1 for the upper.
    """
    side_seed, place_seed = tf.unstack(tf.random.split(seed, 2))
    pixels = tf.cast(size, tf.float32)
    sides = pixels * tf.random.stateless_uniform([AMDEGROOT_TRIES, 2], side_seed, MIN_SIDE, MAX_SIDE)
    room = pixels - sides
    corners = room + (1.0 - room) * tf.random.stateless_uniform([AMDEGROOT_TRIES, 2], place_seed)
    low, high = tf.cast(corners, tf.int32), tf.cast(corners + sides, tf.int32)
    high = tf.minimum(high, size)
    low = tf.minimum(low, size - 1)
    return tf.concat([low, tf.maximum(high, low + 1)], axis=-1), _allowed(sides)


def _allowed(sides: tf.Tensor) -> tf.Tensor:
    aspect = sides[:, 1] / sides[:, 0]
    return (aspect >= MIN_ASPECT) & (aspect <= MAX_ASPECT)
