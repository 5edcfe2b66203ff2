# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What is kept, but worth a look: what no check can decide, and a bad AP would be the first to tell.

Findings are messages by kind; these kinds begin with LOOK. What was changed or left out has kinds of its own.
"""

import collections
import functools
import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ssd_tf.data.annotations import AnnotatedImage, ClassCount
from ssd_tf.data.manifest import LOOK, NOTHING_COUNTS
from ssd_tf.geometry.boxes import to_coco_xywh

# The input of most detectors; a box of under 2 pixels there is less than any default box.
_INPUT, _LEAST_PIXELS = 300, 2
# An area of a mask is at most that of its box. Files round to whole pixels, and may give a polygon that leaves the box.
_MOST_OF_BOX, _LEAST_OF_BOX, _ROUNDING_PIXELS = 1.05, 0.001, 4


def of_image(given: AnnotatedImage, cleaned: AnnotatedImage) -> list[tuple[str, str]]:
    """Kinds and messages about the boxes of an image, before and after `clean_boxes`; at most one of a kind."""
    found = []
    if not len(cleaned.boxes):
        found.append(("without objects", "train leaves it out without --keep_background_images"))
    xywh = to_coco_xywh(given.boxes, given.height, given.width)
    has_extent = np.isfinite(xywh).all(axis=1) & (xywh[:, 2:] > 0).all(axis=1)
    in_one_pixel = has_extent & (xywh[:, :2] >= 0).all(axis=1) & (xywh[:, :2] + xywh[:, 2:] <= 1).all(axis=1)
    found += _finding(
        "boxes in 0..1", in_one_pixel, xywh, "inside the first pixel: are these parts of the image's sides?"
    )
    with np.errstate(over="ignore", invalid="ignore"):  # of boxes that are dropped
        box_areas = xywh[:, 2:].prod(axis=1)
    wrong = has_extent & (
        (given.areas > _MOST_OF_BOX * box_areas + _ROUNDING_PIXELS) | (given.areas < _LEAST_OF_BOX * box_areas)
    )
    areas = f"of area {given.areas[wrong.argmax()]:g}" if wrong.any() else ""
    found += _finding("areas that contradict their boxes", wrong, xywh, areas)
    extent = cleaned.boxes[:, 2:] - cleaned.boxes[:, :2]
    pixels = to_coco_xywh(cleaned.boxes, cleaned.height, cleaned.width)
    small = (extent * _INPUT < _LEAST_PIXELS).any(axis=1)
    kind = f"boxes under {_LEAST_PIXELS} pixels at an input of {_INPUT}x{_INPUT}"
    found += _finding(kind, small, pixels, f"of {cleaned.width}x{cleaned.height}")
    found += _finding("boxes that are there twice", _again(cleaned), pixels, "of one class")
    return [(LOOK + kind, message) for kind, message in found]


def of_dataset(
    images: Sequence[AnnotatedImage], classes: Sequence[ClassCount], boxes_that_count: int
) -> dict[str, list[str]]:
    """Messages by kind about the data set as a whole: `classes` and `boxes_that_count` of what was prepared."""
    found: dict[str, list[str]] = {}
    images_of_file: dict[tuple, list[AnnotatedImage]] = collections.defaultdict(list)
    real_folder = functools.cache(_real_folder)
    for image in images:
        folder, name = os.path.split(image.path)
        images_of_file[real_folder(folder), name, image.stored].append(image)
    found["one file for several images"] = [
        f"{same[0].stored.name if same[0].stored else same[0].path}: "
        f"image ids {', '.join(str(image.image_id) for image in same)}"
        for same in images_of_file.values()
        if len(same) > 1
    ]
    found["classes without a box"] = [
        f"{count.category.name} (id {count.category.id})" for count in classes if not count.boxes
    ]
    ids_of_name: dict[str, list[int]] = collections.defaultdict(list)
    for count in classes:
        ids_of_name[count.category.name].append(count.category.id)
    found["one name for several classes"] = [
        f"{name}: ids {', '.join(map(str, ids))}" for name, ids in ids_of_name.items() if len(ids) > 1
    ]
    found = {LOOK + kind: messages for kind, messages in found.items()}
    if not boxes_that_count:
        found[NOTHING_COUNTS] = ["no image has a box that is not a crowd: AP is not defined"]
    return {kind: messages for kind, messages in found.items() if messages}


def _real_folder(folder: str) -> str:
    """One name for a folder, which annotations may name in several ways, as img and ../img."""
    try:
        return os.path.realpath(folder)
    except (OSError, ValueError):  # a name that no file system takes
        return folder


def _finding(kind: str, which: npt.ArrayLike, xywh: np.ndarray, what: str) -> list[tuple[str, str]]:
    which = np.asarray(which)
    if not which.any():
        return []
    first = ", ".join(f"{value:g}" for value in xywh[which.argmax()])
    return [(kind, f"{int(which.sum())} of {len(which)}, such as [x, y, w, h] = [{first}] {what}")]


def _again(image: AnnotatedImage) -> np.ndarray:
    """bool [N]: the same box of the same class was there before."""
    rows = np.column_stack([image.category_ids, image.is_crowd, image.boxes])
    _, first = np.unique(rows, axis=0, return_index=True)
    again = np.ones(len(rows), bool)
    again[first] = False
    return again
