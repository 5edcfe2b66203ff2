# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Mosaic and mixup: one training image of several, with the boxes of all of them. Stateless.

Mosaic is of Bochkovskiy et al. 2020 (arXiv 2004.10934, section 3.3): four images, each in a corner. Mixup for detection
is of Zhang et al. 2019 (arXiv 1902.04103, section 3.1): two images, one shining through the other. Every draw is a
function of a seed, int32 [2]. Letters: G boxes, padded.
"""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from ssd_tf.data import iou_crop
from ssd_tf.data.images import resize_by_means
from ssd_tf.geometry import box_ops

MOSAIC_IMAGES = 4
# The place at which the four meet lies in the middle half of the mosaic, so that each has a quarter of a side at least.
_MEETING = (0.25, 0.75)
# Of the Beta distribution that mixup draws its ratio from: 0.5, give or take 0.06. So all objects stay visible, and can
# count in full. Zhang et al. draw from Beta(1.5, 1.5), and weight the loss of each image by its share.
_CONCENTRATION = 32.0


class Labelled(NamedTuple):
    """An image with its boxes.

    Attributes:
      image: uint8 [H, W, 3].
      boxes: float32 [G, 4], normalised; 0 pads.
      classes: int32 [G]; 0 pads.
    """

    image: tf.Tensor
    boxes: tf.Tensor
    classes: tf.Tensor


def mosaic(parts: Sequence[Labelled], side: int, seed: tf.Tensor) -> Labelled:
    """Four images as one, uint8 [side, side, 3] with boxes [4 G, 4].

    The four corners meet at a random place. Each shows a window of its image: as much of it as the corner is of the
    mosaic, up to the largest of the same shape that the image has, at a random place in it. So objects keep their
    shape, as the model sees it, and are up to four times smaller. A box is kept where its centre is in the window, and
    cut off at its edges, as by SSD's crops: no slivers are left, but halves at least.
    """
    place_seed, *seeds = tf.unstack(tf.random.split(seed, 1 + MOSAIC_IMAGES))
    low, high = (round(side * fraction) for fraction in _MEETING)
    y, x = tf.unstack(tf.random.stateless_uniform([2], place_seed, low, high + 1, tf.int32))
    tops, heights, lefts, widths = (0, y), (y, side - y), (0, x), (x, side - x)
    corners = [(i, j) for i in range(2) for j in range(2)]
    images, boxes, classes = [], [], []
    for part, (i, j), part_seed in zip(parts, corners, seeds, strict=True):
        corner = tf.stack([tops[i], lefts[j], tops[i] + heights[i], lefts[j] + widths[j]])
        shown = _window(part, corner, side, part_seed)
        images.append(shown.image)
        boxes.append(shown.boxes)
        classes.append(shown.classes)
    rows = [tf.concat(images[row : row + 2], axis=1) for row in (0, 2)]
    image = tf.ensure_shape(tf.concat(rows, axis=0), [side, side, 3])
    return Labelled(image, tf.concat(boxes, axis=0), tf.concat(classes, axis=0))


def mixup(one: Labelled, other: Labelled, seed: tf.Tensor) -> Labelled:
    """Two images of the same size as one, level by level, with all boxes of both [G + G', 4].

    The share of the first is drawn from Beta(32, 32).
    """
    gammas = tf.random.stateless_gamma([2], seed, _CONCENTRATION)
    share = gammas[0] / tf.reduce_sum(gammas)
    mixed = share * tf.cast(one.image, tf.float32) + (1.0 - share) * tf.cast(other.image, tf.float32)
    image = tf.cast(tf.clip_by_value(tf.round(mixed), 0.0, 255.0), tf.uint8)
    return Labelled(image, tf.concat([one.boxes, other.boxes], axis=0), tf.concat([one.classes, other.classes], axis=0))


def _window(part: Labelled, corner: tf.Tensor, side: int, seed: tf.Tensor) -> Labelled:
    """What a corner of the mosaic, int32 [4] in its pixels, shows of an image: pixels, and boxes of the mosaic."""
    zoom, *place = tf.unstack(tf.random.stateless_uniform([3], seed))
    fractions = tf.cast(corner[2:] - corner[:2], tf.float32) / side
    fractions *= 1.0 + zoom * (1.0 / tf.reduce_max(fractions) - 1.0)
    size = tf.shape(part.image)[:2]
    pixels = tf.cast(size, tf.float32)
    sides = tf.clip_by_value(tf.cast(tf.round(pixels * fractions), tf.int32), 1, size)
    low = tf.cast(tf.cast(size - sides + 1, tf.float32) * tf.stack(place), tf.int32)
    low = tf.minimum(low, size - sides)
    window = tf.concat([low, low + sides], axis=0)
    in_pixels = part.boxes * tf.tile(pixels, [2])
    kept = box_ops.center_inside(in_pixels, tf.cast(window, tf.float32)) & (part.classes > 0)
    boxes = iou_crop.relative_boxes(in_pixels, iou_crop.Crop(window, kept))
    position = tf.cast(corner, tf.float32) / side
    boxes = tf.tile(position[:2], [2]) + boxes * tf.tile(position[2:] - position[:2], [2])
    image = part.image[window[0] : window[2], window[1] : window[3]]
    image = resize_by_means(image[None], *tf.unstack(corner[2:] - corner[:2]))[0]
    return Labelled(
        tf.cast(tf.round(image), tf.uint8), tf.where(kept[:, None], boxes, 0.0), tf.where(kept, part.classes, 0)
    )
