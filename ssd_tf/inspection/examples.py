# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""From a finding's message back to what it is about: which image, and which box of it.

A manifest keeps findings as messages alone, so these are what is read, of prepared and of other data alike: they begin
with the name of a file, and give a box as it stands in the annotations.
"""

import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ssd_tf.geometry import boxes as box_ops
from ssd_tf.inspection.splits import Split

_NUMBERS = r"\[([^\[\]]*)\]"
_XYWH = re.compile(r"\[x, y, w, h\] = " + _NUMBERS)
_XYXY = re.compile(r"\[xmin, ymin, xmax, ymax\] = " + _NUMBERS)
_POINT = re.compile(r"a box at " + _NUMBERS)


class Example(NamedTuple):
    """A message, and what it is about.

    Attributes:
      place: of the image in its split.
      box: float64 [4], [ymin, xmin, ymax, xmax] as fractions of the image, which it may leave; None where the message
        is about the image as a whole.
    """

    message: str
    place: int
    box: np.ndarray | None


def find_examples(split: Split, messages: Sequence[str], most: int) -> list[Example]:
    """Up to `most` of the messages that are about a readable image, spread evenly over them; one of each image."""
    places = _places_by_name(split)
    found: dict[int, Example] = {}
    for message in messages:
        place = _place_of(message, places)
        if place is not None and split.readable[place] and place not in found:
            image = split.images[place]
            found[place] = Example(message, place, box_in(message, image.height, image.width))
    examples = list(found.values())
    chosen = np.linspace(0, len(examples) - 1, min(most, len(examples))).round().astype(int)
    return [examples[k] for k in chosen]


def box_in(message: str, height: int, width: int) -> np.ndarray | None:
    """The first box that the message gives, as fractions of an image of that size; None where it gives none."""
    for pattern, convert in ((_XYWH, box_ops.from_coco_xywh), (_XYXY, box_ops.from_pixels_xyxy), (_POINT, _point)):
        if match := pattern.search(message):
            numbers = _numbers(match[1])
            box = convert(np.array(numbers), height, width)[0]
            return box if np.isfinite(box).all() else None
    return None


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]


def _point(xy: np.ndarray, height: int, width: int) -> np.ndarray:
    return box_ops.from_pixels_xyxy(np.array([*xy, *xy]), height, width)


def _places_by_name(split: Split) -> Mapping[str, int]:
    """Where each image is, by its path, and by its name with and without its ending where no other has it."""
    paths: dict[str, int] = {}
    names: dict[str, list[int]] = {}
    for place, image in enumerate(split.images):
        if image.stored is None:
            paths.setdefault(str(image.path), place)
        # VOC's messages name the XML file.
        for name in {image.name, pathlib.PurePath(image.name).stem}:
            names.setdefault(name, []).append(place)
    return {name: places[0] for name, places in names.items() if len(places) == 1} | paths


def _place_of(message: str, places: Mapping[str, int]) -> int | None:
    """The image whose name the message begins with. A name may have a ": " in it."""
    end = message.find(": ")
    while end >= 0:
        path = pathlib.PurePath(message[:end])
        for name in (message[:end], path.name, path.stem):
            if name in places:
                return places[name]
        end = message.find(": ", end + 1)
    return None
