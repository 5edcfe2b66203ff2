# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Images that are nearly the same: in two splits, where they spoil the evaluation, and in one."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ssd_tf.inspection.duplicates import near_duplicates, near_duplicates_within
from ssd_tf.inspection.splits import Split


class Place(NamedTuple):
    """Where an image is: in which split, and where in it."""

    split: int
    place: int


class Copies(NamedTuple):
    """Images that look like another one: each as the other one and itself.

    Attributes:
      between: images that look like one of an earlier split.
      within: images that look like an earlier one of their own split.
    """

    between: list[tuple[Place, Place]]
    within: list[tuple[Place, Place]]

    def images_of(self, split: int) -> int:
        """How many images of a split look like one of an earlier split."""
        return len({image for _, image in self.between if image.split == split})


def find_copies(splits: Sequence[Split]) -> Copies:
    """The near-duplicates among the readable images."""
    places = [np.flatnonzero(split.readable) for split in splits]
    hashes = [split.hashes[readable] for split, readable in zip(splits, places, strict=True)]
    between = [
        (Place(a, int(places[a][pair.a])), Place(b, int(places[b][pair.b])))
        for a, b in itertools.combinations(range(len(splits)), 2)
        for pair in near_duplicates(hashes[a], hashes[b])
    ]
    within = [
        (Place(s, int(places[s][pair.a])), Place(s, int(places[s][pair.b])))
        for s in range(len(splits))
        for pair in near_duplicates_within(hashes[s])
    ]
    return Copies(between, within)
