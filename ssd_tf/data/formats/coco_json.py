# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""COCO's JSON as COCO and as labelling tools write it: ids of either type, boxes that are only a segmentation."""

import importlib
import json
import pathlib
from typing import Any

import numpy as np

from ssd_tf.utils.errors import UserError

Content = dict[str, Any]

# What is read. The rest, above all the polygons, takes four times the memory of all this and is dropped while parsing.
_KEYS = frozenset(
    [
        *("images", "annotations", "categories", "id", "name", "supercategory", "file_name", "height", "width"),
        *("image_id", "category_id", "bbox", "area", "iscrowd", "difficult"),
    ]
)
# Marks an entry whose bbox was made of its segmentation.
_FROM_SEGMENTATION = "bbox of segmentation"


def load_coco_json(path: pathlib.Path) -> Content:
    """The parsed file, with the three lists that COCO instances have, and of their entries what `read_coco` reads.

    An annotation without a bbox gets that of its segmentation.

    Raises:
      FileNotFoundError: the file is missing.
      ValueError: it is not JSON, or not COCO instances.
    """
    if not path.is_file():
        raise FileNotFoundError(f"annotations file not found: {path}")
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_wanted)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not JSON: {error}") from error
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    wanted = ("images", "annotations", "categories")
    if not isinstance(content, dict) or any(not isinstance(content.get(key), list) for key in wanted):
        found = sorted(content) if isinstance(content, dict) else type(content).__name__
        raise UserError(f"{path}: not COCO instances: expected lists {wanted}. Received: {found}")
    return content


def id_key(value: Any) -> int | str:
    """What an id and the references to it have in common: VIA writes 7 here and "7" there.

    Raises:
      ValueError: it is neither a whole number nor text.
    """
    if isinstance(value, str) and value.strip():
        return int(value) if value.strip().lstrip("-").isdecimal() else value
    if not isinstance(value, int) or isinstance(value, bool):
        raise UserError(f"expected whole numbers or text as ids. Received: {value!r}")
    return value


def number_ids(entries: list[Content], what: str) -> tuple[dict[int | str, int], list[str]]:
    """A number for each id, by `id_key`, in the order of the entries; and what was done, as messages.

    Numbers stay. Where an id is text, all get the numbers from 1 on.

    Args:
      entries: images or categories.
      what: "image" or "category", for messages.

    Raises:
      ValueError: an id is listed twice, or is neither a number nor text.
    """
    numbers: dict[int | str, int] = {}
    for k, entry in enumerate(entries, start=1):
        key = id_key(entry["id"])
        if key in numbers:
            raise UserError(f"{what} id {key} is listed twice")
        numbers[key] = k
    words = [key for key in numbers if isinstance(key, str)]
    if not words:
        return {key: int(key) for key in numbers}, []
    return numbers, [
        f"{what} ids that are text got the numbers from 1 on; the first: {words[0]!r} is {numbers[words[0]]}"
    ]


def told_of_segmentations(content: Content) -> list[str]:
    """The finding about boxes that were made of segmentations, if there are any."""
    made = [entry.get("id") for entry in content["annotations"] if _FROM_SEGMENTATION in entry]
    return [f"{len(made)} boxes are those around a segmentation; the first: annotation {made[0]}"] if made else []


def _wanted(pairs: list[tuple[str, Any]]) -> Content:
    """An object of the file without what is not read; one that has nothing to read stays whole, for error messages."""
    value = {key: value for key, value in pairs if key in _KEYS} or dict(pairs)
    if "image_id" in value and not value.get("bbox"):
        segmentation = dict(pairs).get("segmentation")
        if segmentation:
            value["bbox"] = _box_of(segmentation, f"annotation {value.get('id')}")
            value[_FROM_SEGMENTATION] = True
    return value


def _box_of(segmentation: Any, where: str) -> list[float]:
    """[x, y, w, h] around polygons, each x, y, x, y, ...; or around a run-length mask."""
    if isinstance(segmentation, dict):
        return _box_of_mask(segmentation, where)
    polygons = segmentation if isinstance(segmentation, list) else [segmentation]
    if all(isinstance(value, (int, float)) for value in polygons):
        polygons = [polygons]
    try:
        points = np.concatenate([np.asarray(polygon, np.float64).reshape(-1, 2) for polygon in polygons])
        x, y = points.min(axis=0)
        w, h = points.max(axis=0) - (x, y)
    except (ValueError, TypeError) as error:
        raise UserError(f"{where}: segmentation: expected lists of x, y, x, y, .... Received: {error}") from error
    return [float(x), float(y), float(w), float(h)]


def _box_of_mask(mask: Content, where: str) -> list[float]:
    # Imported when it is needed, which is rare; its stubs want types of their own.
    masks: Any = importlib.import_module("pycocotools.mask")
    size, counts = mask.get("size"), mask.get("counts")
    is_size = isinstance(size, list) and len(size) == 2 and all(isinstance(n, int) and n > 0 for n in size)
    if not is_size or not isinstance(counts, (list, str)):
        raise UserError(f"{where}: segmentation: expected a mask's size [h, w] and counts. Received: {sorted(mask)}")
    height, width = mask["size"]
    if isinstance(counts, str):
        return masks.toBbox({"size": [height, width], "counts": counts.encode()}).tolist()
    if not all(isinstance(n, int) and n >= 0 for n in counts) or sum(counts) != height * width:
        raise UserError(f"{where}: segmentation: expected run lengths of {height} * {width} pixels in all")
    return masks.toBbox(masks.frPyObjects({"size": [height, width], "counts": counts}, height, width)).tolist()
