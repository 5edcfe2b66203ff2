# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""COCO's JSON as COCO and as labelling tools write it: ids of either type, boxes that are only a segmentation."""

import pathlib
from typing import Any

from ssd_tf.data.formats import fields
from ssd_tf.data.formats.segmentations import box_of_segmentation
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import parse_json

Content = dict[str, Any]

# What is read. The rest, above all the polygons, takes four times the memory of all this and is dropped while parsing.
_KEYS = frozenset(
    [
        *("images", "annotations", "categories", "id", "name", "supercategory", "file_name", "height", "width"),
        *("image_id", "category_id", "bbox", "area", "iscrowd", "difficult"),
    ]
)
# Its lists, and what an entry of each is called in messages.
ENTRIES = {"images": "image", "annotations": "annotation", "categories": "category"}
# Marks an entry whose bbox was made of its segmentation.
_FROM_SEGMENTATION = "bbox of segmentation"
# And the size [h, w] of the mask, where it was one.
_MASK_SIZE = "size of mask"


def load_coco_json(path: pathlib.Path) -> Content:
    """The parsed file, with the three lists that COCO instances have, and of their entries what `read_coco` reads.

    An annotation without a bbox gets that of its segmentation.

    Raises:
      FileNotFoundError: the file is missing.
      ValueError: it is not JSON, or not COCO instances; or the mask that a box is made of is not of its image's size.
    """
    if not path.is_file():
        raise FileNotFoundError(f"annotations file not found: {path}")
    try:
        content = parse_json(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_wanted)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except ValueError as error:
        raise UserError(f"{path}: not JSON: {error}") from error
    if not isinstance(content, dict) or any(not isinstance(content.get(key), list) for key in ENTRIES):
        found = sorted(content) if isinstance(content, dict) else type(content).__name__
        raise UserError(f"{path}: not COCO instances: expected lists {tuple(ENTRIES)}. Received: {found}")
    for key, what in ENTRIES.items():
        for k, entry in enumerate(content[key], start=1):
            if not isinstance(entry, dict):
                raise UserError(
                    f"{path}: not COCO instances: {what} number {k}: expected an object. "
                    f"Received: {fields.shown(entry)}"
                )
    _require_masks_fit(content, path)
    return content


def name_of(entry: Content, what: str, k: int) -> str:
    """What messages call an entry: by its id, or by its number in its list, from 1, where that is none."""
    number = entry.get("id")
    is_id = (isinstance(number, str) and number.strip()) or (isinstance(number, int) and not isinstance(number, bool))
    return f"{what} {fields.shown(number).strip(chr(39))}" if is_id else f"{what} number {k}"


def number_ids(entries: list[Content], what: str) -> tuple[dict[int | str, int], list[str]]:
    """A number for each id, by `fields.id_key`, in the order of the entries; and what was done, as messages.

    Numbers stay. Where an id is text, or a number of more than 64 bits, all get the numbers from 1 on.

    Args:
      entries: images or categories.
      what: "image" or "category", for messages.

    Raises:
      ValueError: an id is listed twice, or is neither a number nor text.
    """
    numbers: dict[int | str, int] = {}
    for k, entry in enumerate(entries, start=1):
        key = fields.id_key(entry.get("id"), "id", name_of(entry, what, k))
        if key in numbers:
            raise UserError(f"{what} id {fields.shown(key)} is listed twice")
        numbers[key] = k
    odd = [key for key in numbers if not fields.is_whole(key)]
    if not odd:
        return {key: int(key) for key in numbers}, []
    kind = "that are text" if isinstance(odd[0], str) else "of more than 64 bits"
    first = f"the first: {fields.shown(odd[0])} is {numbers[odd[0]]}"
    return numbers, [f"{what} ids {kind} got the numbers from 1 on; {first}"]


def segmentation_notes(content: Content) -> list[str]:
    """The finding about boxes that were made of segmentations, if there are any."""
    made = [entry.get("id") for entry in content["annotations"] if _FROM_SEGMENTATION in entry]
    return [f"{len(made)} boxes are those around a segmentation; the first: annotation {made[0]}"] if made else []


def _wanted(pairs: list[tuple[str, Any]]) -> Content:
    """An object of the file without what is not read; one that has nothing to read stays whole, for error messages."""
    value = {key: value for key, value in pairs if key in _KEYS} or dict(pairs)
    if "image_id" in value and not value.get("bbox"):
        segmentation = dict(pairs).get("segmentation")
        if segmentation:
            value["bbox"] = box_of_segmentation(segmentation, f"annotation {value.get('id')}")
            value[_FROM_SEGMENTATION] = True
            if isinstance(segmentation, dict):
                value[_MASK_SIZE] = segmentation["size"]
    return value


def _require_masks_fit(content: Content, path: pathlib.Path) -> None:
    """A mask of another size than its image has a box in another frame."""
    masked = [entry for entry in content["annotations"] if _MASK_SIZE in entry]
    if not masked:
        return
    size_of = {str(entry.get("id")): [entry.get("height"), entry.get("width")] for entry in content["images"]}
    for entry in masked:
        said = size_of.get(str(entry["image_id"]), [None])
        is_said = all(isinstance(n, int) and n > 0 for n in said)
        if is_said and said != entry[_MASK_SIZE]:
            raise UserError(
                f"{path}: annotation {fields.shown(entry.get('id'))}: segmentation: expected a mask of the image's "
                f"size, [h, w] = {said}. Received: {entry[_MASK_SIZE]}"
            )
