# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What is in a data set, counted: classes by split, boxes of an image, sizes and shapes of boxes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ssd_tf.data.annotations import count_classes
from ssd_tf.inspection.splits import Split


class ClassRow(NamedTuple):
    """How often a class occurs in each split: images that have it, and boxes."""

    name: str
    images: tuple[int, ...]
    boxes: tuple[int, ...]


def class_rows(splits: Sequence[Split]) -> list[ClassRow]:
    """The classes by name, in the order of the first split that has them; crowds are counted too."""
    counted = []
    for split in splits:
        counts: dict[str, tuple[int, int]] = {}
        for count in count_classes(split.categories, split.images):
            images, boxes = counts.get(count.category.name, (0, 0))
            counts[count.category.name] = (images + count.images, boxes + count.boxes)
        counted.append(counts)
    names = dict.fromkeys(name for counts in counted for name in counts)
    of_split = {name: [counts.get(name, (0, 0)) for counts in counted] for name in names}
    return [ClassRow(name, tuple(i for i, _ in pairs), tuple(b for _, b in pairs)) for name, pairs in of_split.items()]


def without_boxes(rows: Sequence[ClassRow]) -> list[str]:
    """The classes that have no box in any split."""
    return [row.name for row in rows if not any(row.boxes)]


def lacking_classes(rows: Sequence[ClassRow], splits: Sequence[Split]) -> dict[str, list[str]]:
    """The classes that have boxes in some splits and none in others, by words that say where: "no box in val"."""
    found: dict[str, list[str]] = {}
    for row in rows:
        lacking = [split.name for split, boxes in zip(splits, row.boxes, strict=True) if not boxes]
        if lacking and len(lacking) < len(splits):
            found.setdefault(f"no box in {' and '.join(lacking)}", []).append(row.name)
    return found


def boxes_of_images(split: Split) -> np.ndarray:
    """int [N]: boxes of each image, crowds included."""
    return np.array([len(image.boxes) for image in split.images], int)


def objects(splits: Sequence[Split]) -> np.ndarray:
    """float64 [N, 4], [ymin, xmin, ymax, xmax] as fractions of their images: all boxes that are no crowds.

    Those of shards have float32, in which the thinnest of all have no extent any more, and are left out.
    """
    boxes_n4 = np.concatenate(
        [np.zeros((0, 4)), *(image.boxes[~image.is_crowd] for split in splits for image in split.images)]
    )
    return boxes_n4[(boxes_n4[:, 2:] > boxes_n4[:, :2]).all(axis=1)]
