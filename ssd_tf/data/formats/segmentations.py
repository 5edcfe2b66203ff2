# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The box around a segmentation of COCO's: polygons, or a mask as run lengths, compressed or not.

Masks after COCO's own description (https://cocodataset.org/#format-data and the comments of maskApi.h): columns one
after another, lengths of zeros and ones in turn. Compressed, each length is a word of 5 bits a character, least first,
and from the fourth on the difference to the one before the last.
"""

from typing import Any

import numpy as np

from ssd_tf.data.formats import fields
from ssd_tf.utils.errors import UserError

_MOST_PIXELS = 2**31


def box_of_segmentation(segmentation: Any, where: str) -> list[float]:
    """[x, y, w, h] around polygons, each x, y, x, y, ...; or around a mask.

    Args:
      segmentation: as the file has it.
      where: the entry, for messages.

    Raises:
      ValueError: it is neither.
    """
    if isinstance(segmentation, dict):
        return _box_of_mask(segmentation, where)
    polygons = segmentation if isinstance(segmentation, list) else [segmentation]
    if all(isinstance(value, (int, float)) for value in polygons):
        polygons = [polygons]
    points = []
    for polygon in polygons:
        if not isinstance(polygon, list) or not polygon or len(polygon) % 2:
            raise UserError(
                f"{where}: segmentation: expected lists of x, y, x, y, .... Received: {fields.shown(polygon)}"
            )
        points += [fields.number(value, "segmentation", where) for value in polygon]
    if not points:
        raise UserError(f"{where}: segmentation: expected lists of x, y, x, y, .... Received: none")
    x, y = np.array(points[0::2]), np.array(points[1::2])
    return [float(x.min()), float(y.min()), float(x.max() - x.min()), float(y.max() - y.min())]


def _box_of_mask(mask: dict[str, Any], where: str) -> list[float]:
    size, counts = mask.get("size"), mask.get("counts")
    is_size = isinstance(size, list) and len(size) == 2 and all(isinstance(n, int) and n > 0 for n in size)
    if not is_size or not isinstance(counts, (list, str)) or mask["size"][0] * mask["size"][1] > _MOST_PIXELS:
        raise UserError(
            f"{where}: segmentation: expected a mask's size [h, w] and counts. Received: {fields.shown(mask)}"
        )
    height, width = mask["size"]
    lengths = _uncompressed(counts) if isinstance(counts, str) else counts
    if not all(isinstance(n, int) and n >= 0 for n in lengths) or sum(lengths) != height * width:
        raise UserError(f"{where}: segmentation: expected run lengths of {height} * {width} pixels in all")
    ends = np.cumsum(lengths)[1::2]
    starts = ends - np.array(lengths[1::2], np.int64)
    first, last = starts[starts < ends], ends[starts < ends] - 1
    if not first.size:
        return [0.0, 0.0, 0.0, 0.0]
    x, right = first.min() // height, last.max() // height
    # A run that goes on in the next column has been at the bottom of one and at the top of another.
    is_whole: bool = bool(np.any(first // height != last // height))
    y, bottom = (0, height - 1) if is_whole else ((first % height).min(), (last % height).max())
    return [float(x), float(y), float(right - x + 1), float(bottom - y + 1)]


def _uncompressed(counts: str) -> list[int]:
    """The run lengths; of text that is no such thing, lengths that do not fit the mask."""
    lengths: list[int] = []
    value, shift = 0, 0
    for character in counts:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            return [-1]
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:  # the sign
            value -= 1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value, shift = 0, 0
    return lengths if shift == 0 else [-1]
