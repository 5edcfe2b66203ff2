# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Images of a data set with their boxes drawn: a few of all of it, and those that a finding is about."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ssd_tf.data.previews import shrunk
from ssd_tf.drawing.detections import draw_detections
from ssd_tf.drawing.marks import mark_box
from ssd_tf.inspection.examples import Example
from ssd_tf.inspection.splits import Split, read_pixels

SAMPLES = 24
_SEED = 0
# Their longer side in pixels: sharp where an image fills a window, and the page stays small.
_MAX_SIDE = 480
# They are shown at about half of that size.
_TEXT_SCALE = 1.4


class Sample(NamedTuple):
    """An image of a split: its place there, and uint8 RGB with its boxes."""

    split: Split
    place: int
    drawn: np.ndarray


def choose_samples(splits: Sequence[Split], count: int = SAMPLES, seed: int = _SEED) -> list[tuple[int, int]]:
    """Readable images, as (split, place in it), in that order: such that every class is seen, then by chance.

    In an order drawn with the seed, images with a class that none before them has come first.
    """
    readable = [(s, int(place)) for s, split in enumerate(splits) for place in np.flatnonzero(split.readable)]
    order = [readable[k] for k in np.random.default_rng(seed).permutation(len(readable))]
    seen: set[str] = set()
    needed, others = [], []
    for s, place in order:
        names = {splits[s].names[i] for i in splits[s].images[place].category_ids.tolist()}
        (others if names <= seen else needed).append((s, place))
        seen |= names
    return sorted([*needed, *others][:count])


def draw_sample(split: Split, place: int) -> Sample:
    """The image with all its boxes."""
    image = split.images[place]
    classes = [split.class_of[i] for i in image.category_ids.tolist()]
    names = {k: split.names[i] for i, k in split.class_of.items()}
    pixels = shrunk(read_pixels(split, place), _MAX_SIDE)
    drawn = draw_detections(pixels, image.boxes, np.array(classes, int), None, names, text_scale=_TEXT_SCALE)
    return Sample(split, place, drawn)


def draw_example(split: Split, example: Example) -> np.ndarray:
    """The image of a finding, uint8 RGB: the box that it is about is marked, or else all its boxes are drawn."""
    if example.box is None:
        return draw_sample(split, example.place).drawn
    return mark_box(shrunk(read_pixels(split, example.place), _MAX_SIDE), example.box)
