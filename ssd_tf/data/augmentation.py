# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The augmentations by name, what each is made of, and the two halves of them: on the host and on the device.

The host crops and draws all parameters, one example at a time; colours change on the device, in batches.
"""

import dataclasses
from typing import Literal, NamedTuple

import tensorflow as tf

from ssd_tf.data import iou_crop, mlperf_crop
from ssd_tf.data.color_jitter import Jitter, jitter, random_jitter
from ssd_tf.data.distortion import Distortion, distort, distort_unclipped, random_distortion
from ssd_tf.settings import AugmentConfig
from ssd_tf.specs import Preprocessing

Rule = Literal["mlperf", "torchvision", "amdegroot"]
# An area, normalised.
_ALL = (0.0, 0.0, 1.0, 1.0)


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """What is done to training images, in this order, and whose rule each part follows.

    Attributes:
      colors: how colours change; None: they do not.
      zoom_out: half of the images become a part of a larger one of one colour.
      crop: how a part of the image is taken; None: the image stays whole.
      flip: half of the images are mirrored.
    """

    colors: Rule | None
    zoom_out: bool
    crop: Rule | None
    flip: bool


AUGMENTATIONS = {
    "mlperf": Augmentation(colors="mlperf", zoom_out=False, crop="mlperf", flip=True),
    "ssd": Augmentation(colors="torchvision", zoom_out=True, crop="torchvision", flip=True),
    "ssdlite": Augmentation(colors=None, zoom_out=False, crop="torchvision", flip=True),
    "amdegroot": Augmentation(colors="amdegroot", zoom_out=True, crop="amdegroot", flip=True),
    "none": Augmentation(colors=None, zoom_out=False, crop=None, flip=False),
}


def augmentation_of(config: AugmentConfig) -> Augmentation:
    """The augmentation that the settings name, without the parts that they turn off."""
    named = AUGMENTATIONS[config.augmentation]
    return Augmentation(
        colors=named.colors if config.color_jitter else None,
        zoom_out=named.zoom_out and config.zoom_out,
        crop=named.crop if config.random_crop else None,
        flip=named.flip and config.random_flip,
    )


class View(NamedTuple):
    """What the host makes of an image.

    Attributes:
      image: uint8 [H, W, 3], of any size.
      boxes: float32 [G, 4], normalised to it; 0 pads.
      classes: int32 [G]; 0 pads.
      image_area: float32 [4], [ymin, xmin, ymax, xmax], where it shows the image; zoom-out fills the rest.
    """

    image: tf.Tensor
    boxes: tf.Tensor
    classes: tf.Tensor
    image_area: tf.Tensor


def example_seed(seed: int, epoch: tf.Tensor, position: tf.Tensor) -> tf.Tensor:
    """Seed int32 [2] of one example: of the run's seed, the epoch, and the example's place in the epoch's order."""
    run_seed = tf.stack([tf.constant(seed, tf.int32), tf.cast(epoch, tf.int32)])
    return tf.random.experimental.stateless_fold_in(run_seed, tf.cast(position, tf.int32))


def random_view(
    image: tf.Tensor,
    boxes: tf.Tensor,
    classes: tf.Tensor,
    seed: tf.Tensor,
    config: AugmentConfig,
    fill: tuple[int, int, int],
) -> View:
    """Zooms out and crops, with the image's boxes [G, 4] and classes [G]; `fill` is the colour around the image."""
    parts, real = augmentation_of(config), classes > 0
    if parts.crop == "mlperf":
        crop = mlperf_crop.random_crop(boxes, real, seed, config.crop_tries)
        image = mlperf_crop.crop_pixels(image, crop.window)
        return View(image, crop.boxes, tf.where(crop.kept, classes, 0), tf.constant(_ALL))
    if not (parts.zoom_out or parts.crop):
        return View(image, boxes, classes, tf.constant(_ALL))
    zoom_seed, crop_seed = tf.unstack(tf.random.split(seed, 2))
    size = tf.shape(image)[:2]
    window = iou_crop.random_zoom_out(size, zoom_seed) if parts.zoom_out else iou_crop.whole(size)
    pixels = boxes * tf.cast(tf.tile(size, [2]), tf.float32)
    crop = iou_crop.Crop(window, real)
    if parts.crop:
        crop = iou_crop.random_crop(pixels, real, window, crop_seed, parts.crop)
    return View(
        iou_crop.cut(image, crop.window, fill),
        iou_crop.relative_boxes(pixels, crop),
        tf.where(crop.kept, classes, 0),
        iou_crop.relative_area(size, crop.window),
    )


def random_flip(seed: tf.Tensor) -> tf.Tensor:
    """True for half of all seeds."""
    return tf.random.stateless_uniform([], seed) < 0.5


def random_colors(seed: tf.Tensor, config: AugmentConfig, image_area: tf.Tensor) -> Jitter | Distortion:
    """The parameters that belong to a seed; where colours do not change, some that are not used."""
    rule = augmentation_of(config).colors
    if rule is None or rule == "mlperf":
        return random_jitter(seed)
    return random_distortion(seed, rule, image_area)


def change_colors(images: tf.Tensor, parameters: Jitter | Distortion, rule: Rule | None) -> tf.Tensor:
    """Images RGB [B, H, W, 3] in 0..255 -> float32 of the same shape, by the parameters [B, ...] drawn for `rule`."""
    if rule is None:
        return tf.cast(images, tf.float32)
    if isinstance(parameters, Jitter):
        return jitter(images, parameters)
    return distort(images, parameters) if rule == "torchvision" else distort_unclipped(images, parameters)


def mean_color(preprocessing: Preprocessing) -> tuple[int, int, int]:
    """The RGB levels that a detector's input has in its mean, which zoom-out fills with."""
    levels = [min(max(round(mean * preprocessing.divisor), 0), 255) for mean in preprocessing.mean]
    red, green, blue = levels if preprocessing.channels == "rgb" else reversed(levels)
    return red, green, blue
