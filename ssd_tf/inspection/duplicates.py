# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Images that are there twice, or nearly: the same one encoded anew, smaller, brighter, or the next of a series.

An image of one split that is in another makes a score that no other image would get. Images are compared by the
difference hash: 64 bits that say where the image, shrunk to 9x8, gets brighter to the right.
"""

from typing import NamedTuple

import cv2
import numpy as np

from ssd_tf.utils.errors import UserError

# Measured on 360 images of COCO: of copies with JPEG quality 20, or a quarter as large with quality 75, 99.7 and 100 %
# are within 4 bits, of those with 2 % cut off 88 %; of 64,620 pairs of different images none is within 10.
MOST_BITS = 4
_WIDTH, _HEIGHT = 9, 8
_BITS = (_WIDTH - 1) * _HEIGHT
# Levels of 255: less is noise, of which flat images would get bits.
_BRIGHTER = 0.25
# Hashes that are compared with all others at a time: 16 rows of 100,000 fit in a core's cache.
_ROWS = 16


class Pair(NamedTuple):
    """Two images that look alike: their places, and in how many bits their hashes differ."""

    a: int
    b: int
    bits: int


def difference_hash(pixels: np.ndarray) -> np.uint64:
    """64 bits, row by row: whether the grey image, shrunk to 9x8, gets brighter to the right.

    Args:
      pixels: uint8 RGB [H, W, 3], at least one pixel, upright as all images are read.

    Raises:
      ValueError: it is of another form.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise UserError(f"pixels: expected uint8 [H, W, 3]. Received: {pixels.dtype} {list(pixels.shape)}")
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey.astype(np.float32), (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA)
    return np.packbits(small[:, 1:] - small[:, :-1] > _BRIGHTER).view(">u8")[0].astype(np.uint64)


def near_duplicates(hashes_a: np.ndarray, hashes_b: np.ndarray) -> list[Pair]:
    """The images of b that look like one of a, in their order, each with the one that it is most like.

    Flat images, and those that get brighter or darker all along, are left out: their hashes are alike by chance.

    Args:
      hashes_a, hashes_b: uint64 [A] and [B], as `difference_hash` gives them.
    """
    places_a, places_b = (np.flatnonzero(_tells_something(hashes)) for hashes in (hashes_a, hashes_b))
    known_a, known_b = np.asarray(hashes_a, np.uint64)[places_a], np.asarray(hashes_b, np.uint64)[places_b]
    pairs = []
    for start in range(0, len(known_b), _ROWS):
        bits_ra = np.bitwise_count(known_b[start : start + _ROWS, None] ^ known_a)
        pairs += _nearest(bits_ra, places_a, places_b[start : start + _ROWS])
    return pairs


def near_duplicates_within(hashes: np.ndarray) -> list[Pair]:
    """The images that look like an earlier one: `b` of a pair, with the one before it that it is most like as `a`."""
    places = np.flatnonzero(_tells_something(hashes))
    known, pairs = np.asarray(hashes, np.uint64)[places], []
    for start in range(0, len(known), _ROWS):
        rows = known[start : start + _ROWS]
        bits_ra = np.bitwise_count(rows[:, None] ^ known[: start + len(rows)])
        bits_ra[:, start:][np.triu_indices(len(rows))] = _BITS  # itself, and later ones
        pairs += _nearest(bits_ra, places, places[start : start + _ROWS])
    return pairs


def _nearest(bits_ra: np.ndarray, places_a: np.ndarray, places_r: np.ndarray) -> list[Pair]:
    """The rows whose nearest column is near enough; `places` are those of the columns and of the rows."""
    if not bits_ra.shape[1]:
        return []
    nearest_r = bits_ra.argmin(axis=1)
    bits_r = bits_ra[np.arange(len(bits_ra)), nearest_r]
    return [
        Pair(int(places_a[nearest]), int(row), int(bits))
        for row, nearest, bits in zip(places_r, nearest_r, bits_r, strict=True)
        if bits <= MOST_BITS
    ]


def _tells_something(hashes: np.ndarray) -> np.ndarray:
    """bool [N]: more than so few bits differ from those of a flat image, and from those of one that gets brighter."""
    set_bits = np.bitwise_count(np.asarray(hashes, np.uint64))
    return (set_bits > MOST_BITS) & (set_bits < _BITS - MOST_BITS)
