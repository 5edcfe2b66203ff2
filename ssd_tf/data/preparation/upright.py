# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Turns images and their annotations upright, where a file's EXIF orientation says that it is shown in another way.

Some tools annotate the image as it is shown, others as it is stored. The size in the annotations tells which, where it
fits one of the two only. Where it fits both (images that are mirrored, upside down or square), and where the
annotations say no size, the choice of the user decides.
"""

import dataclasses

import numpy as np

from ssd_tf.data.annotations import PIXELS, AnnotatedImage
from ssd_tf.data.image_files import MIRRORED, TRANSPOSED, UPSIDE_DOWN
from ssd_tf.data.manifest import LOOK

# What the boxes are of, where the size does not tell: the image as it is shown, or as it is stored.
UPRIGHT, RAW = "upright", "raw"
CHOICES = (UPRIGHT, RAW)
# Kinds of findings.
TURNED, CHOSEN = f"{LOOK}turned upright", f"{LOOK}turned upright, boxes by --exif"


def upright_annotations(
    image: AnnotatedImage, orientation: int, stored: tuple[int, int], choice: str
) -> tuple[AnnotatedImage, str]:
    """The annotations of the upright image, and what was found out: TURNED or CHOSEN.

    Args:
      image: its size fits the file as it is stored or as it is shown; one that fits neither is returned as it is.
      orientation: 2 to 8.
      stored: height and width of the file's pixels as they are stored.
      choice: of CHOICES.
    """
    shown = stored[::-1] if orientation >= TRANSPOSED else stored
    said = (image.height, image.width)
    if image.without_size == PIXELS and choice == RAW:  # they were divided by the size of the upright image
        image = dataclasses.replace(image, boxes=image.boxes * [*said, *said] / np.array([*stored, *stored]))
    is_open = bool(image.without_size) or (said == stored == shown)
    is_raw = choice == RAW if is_open else said == stored
    if is_raw:
        boxes = turned_boxes(image.boxes, orientation)
        image = dataclasses.replace(image, boxes=boxes, height=shown[0], width=shown[1])
    return image, CHOSEN if is_open else TURNED


def turned_boxes(boxes_n4: np.ndarray, orientation: int) -> np.ndarray:
    """Normalised boxes of an image as it is stored -> those of the upright one, float64 [N, 4]."""
    ymin, xmin, ymax, xmax = np.moveaxis(boxes_n4, -1, 0)
    if orientation >= TRANSPOSED:
        ymin, xmin, ymax, xmax = xmin, ymin, xmax, ymax
    if orientation in UPSIDE_DOWN:
        ymin, ymax = 1 - ymax, 1 - ymin
    if orientation in MIRRORED:
        xmin, xmax = 1 - xmax, 1 - xmin
    return np.stack([ymin, xmin, ymax, xmax], axis=-1)
