# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The random crop of MLPerf ssd-v1 (utils.py: SSDCropping), stateless: every draw is a function of a seed, int32 [2].

Letters: G boxes of an image, padded; N modes, T tries of each.
"""

from typing import NamedTuple

import tensorflow as tf

from ssd_tf.geometry import box_ops

# Liu et al. section 2.2: keep the whole image, or ask for a crop whose IoU with every object is above one of these.
# The last mode takes any crop that keeps an object.
MIN_IOUS = (0.1, 0.3, 0.5, 0.7, 0.9, -1.0)
# Sides of a crop, as fractions of the image's.
MIN_SIDE, MAX_SIDE = 0.3, 1.0
# Of these fractions, so that the shape of the image itself does not count.
MIN_ASPECT, MAX_ASPECT = 0.5, 2.0
# The reference draws modes until one succeeds. "Whole image" always does, with probability 1/7, so that 128 modes all
# fail with probability (6/7)**128 = 3e-9; the whole image is taken then.
_MODES = 128


class Crop(NamedTuple):
    """A crop and what it keeps.

    Attributes:
      window: float32 [4], [ymin, xmin, ymax, xmax] of the crop in the image; [0, 0, 1, 1] is the whole image.
      boxes: float32 [G, 4], clipped to the window and relative to it; 0 where nothing is kept.
      kept: bool [G].
    """

    window: tf.Tensor
    boxes: tf.Tensor
    kept: tf.Tensor


def random_crop(boxes: tf.Tensor, real: tf.Tensor, seed: tf.Tensor, tries: int = 1) -> Crop:
    """Draws a crop that suits the boxes.

    A mode is drawn evenly from the whole image, five minimum IoUs and "any". A mode other than the whole image gets
    `tries` random windows; one suits where every box has at least the IoU with it and one box has its centre inside.
    Where none suits, a new mode is drawn. Boxes stay where their centre is inside the window.

    Args:
      boxes: float32 [G, 4], [ymin, xmin, ymax, xmax] in [0, 1].
      real: bool [G]; False is padding.
      seed: int32 [2].
      tries: windows for each mode; the reference has 1 (and 50 in a comment).
    """
    mode_seed, window_seed = tf.unstack(tf.random.split(seed, 2))
    modes_n = tf.random.stateless_uniform([_MODES], mode_seed, 0, len(MIN_IOUS) + 1, tf.int32)
    whole_n = modes_n == len(MIN_IOUS)
    min_iou_n = tf.gather([*MIN_IOUS, 0.0], modes_n)

    windows_nt4, valid_nt = _random_windows(window_seed, tries)
    iou_ntg = box_ops.iou(windows_nt4, boxes[None])
    overlaps_nt = tf.reduce_all((iou_ntg > min_iou_n[:, None, None]) | ~real, axis=-1)
    inside_ntg = box_ops.center_inside(boxes, windows_nt4[..., None, :]) & real
    suits_nt = valid_nt & overlaps_nt & tf.reduce_any(inside_ntg, axis=-1)

    # Padded with True, so that argmax finds the fallback where everything fails.
    ends_n = tf.concat([whole_n | tf.reduce_any(suits_nt, axis=1), [True]], axis=0)
    chosen = tf.argmax(tf.cast(ends_n, tf.int32), output_type=tf.int32)
    take_whole = tf.concat([whole_n, [True]], axis=0)[chosen]
    mode = tf.minimum(chosen, _MODES - 1)
    first_try = tf.argmax(tf.cast(suits_nt[mode], tf.int32), output_type=tf.int32)
    window = tf.where(take_whole, tf.constant([0.0, 0.0, 1.0, 1.0]), windows_nt4[mode, first_try])
    kept = tf.where(take_whole, real, inside_ntg[mode, first_try])
    return Crop(window, tf.where(kept[:, None], box_ops.relative_to(boxes, window), 0.0), kept)


def crop_pixels(image: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
    """The window of the image [H, W, 3]; its borders are cut to whole pixels, as int() does in the reference."""
    size = tf.cast(tf.tile(tf.shape(image)[:2], [2]), tf.float32)
    top, left, bottom, right = tf.unstack(tf.cast(window * size, tf.int32))
    return image[top : tf.maximum(bottom, top + 1), left : tf.maximum(right, left + 1)]


def _random_windows(seed: tf.Tensor, tries: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Windows [N, T, 4], and whether each has an allowed aspect [N, T]."""
    size_seed, place_seed = tf.unstack(tf.random.split(seed, 2))
    sizes = tf.random.stateless_uniform([_MODES, tries, 2], size_seed, MIN_SIDE, MAX_SIDE)
    corners = tf.random.stateless_uniform([_MODES, tries, 2], place_seed) * (1.0 - sizes)
    aspect = sizes[..., 1] / sizes[..., 0]
    return tf.concat([corners, corners + sizes], axis=-1), (aspect >= MIN_ASPECT) & (aspect <= MAX_ASPECT)
