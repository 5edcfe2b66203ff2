# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Divides the images of a data set, stratified by class.

As "On the Stratification of Multi-label Data" (Sechidis et al. 2011): the class that is left in the fewest images goes
first, and each of its images goes to the part that lacks most of it. Images are divided, never the boxes of one.
"""

import collections
import math
from collections.abc import Sequence

import numpy as np

from ssd_tf.data.annotations import AnnotatedImage
from ssd_tf.utils.errors import UserError

# Stands for "no box" among the classes of an image: backgrounds are shared out too.
_NOTHING = None


def split_images(images: Sequence[AnnotatedImage], fractions: Sequence[float], seed: int) -> list[list[int]]:
    """The images of each part, as ascending places in `images`. A function of the arguments alone.

    Args:
      images: at least one for each part.
      fractions: of each part, above 0; 1 in all. The parts have so many images to within one.
      seed: at least 0; decides which of the images that are alike goes where.

    Raises:
      ValueError: the fractions are no division, or a part would be empty.
    """
    if not fractions or min(fractions) <= 0 or not math.isclose(sum(fractions), 1, abs_tol=1e-6):
        raise UserError(f"fractions: expected numbers above 0 that are 1 in all. Received: {list(fractions)}")
    if seed < 0:
        raise UserError(f"seed: expected at least 0. Received: {seed}")
    room = _sizes(len(images), fractions)
    if min(room) < 1:
        raise UserError(
            f"fractions: expected at least one image in each part. Received: {room} of {len(images)} images"
        )
    classes = [set(image.category_ids.tolist()) or {_NOTHING} for image in images]
    count = collections.Counter(name for of_image in classes for name in of_image)
    lacking = [{name: fraction * count[name] for name in count} for fraction in fractions]
    parts: list[list[int]] = [[] for _ in fractions]
    waiting = np.random.default_rng(seed).permutation(len(images)).tolist()
    while waiting:
        rarest = min(count, key=lambda name: (count[name], str(name)))
        for index in [index for index in waiting if rarest in classes[index]]:
            open_parts = [k for k in range(len(parts)) if room[k]]
            part = max(open_parts, key=lambda k: (lacking[k][rarest], room[k], -k))
            parts[part].append(index)
            room[part] -= 1
            for name in classes[index]:
                lacking[part][name] -= 1
                if name != rarest:
                    count[name] -= 1
        waiting = [index for index in waiting if rarest not in classes[index]]
        count = collections.Counter({name: left for name, left in count.items() if left > 0 and name != rarest})
    return [sorted(part) for part in parts]


def _sizes(total: int, fractions: Sequence[float]) -> list[int]:
    """Whole numbers that are `total` in all, by largest remainder."""
    exact = [total * fraction for fraction in fractions]
    sizes = [math.floor(value + 1e-9) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda k: sizes[k] - exact[k])
    for k in by_remainder[: total - sum(sizes)]:
        sizes[k] += 1
    return sizes
