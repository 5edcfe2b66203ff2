# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""COCO's formats (https://cocodataset.org/#format-data): instances are read, results are made of detections."""

import json
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from ssd_tf.data.annotations import AnnotatedDataset, AnnotatedImage, Category
from ssd_tf.data.formats import fields
from ssd_tf.geometry.boxes import from_coco_xywh, to_coco_xywh
from ssd_tf.geometry.detections import Detections
from ssd_tf.utils.errors import UserError

# What is read. The rest, above all the polygons, takes four times the memory of all this and is dropped while parsing.
_KEYS = frozenset(
    [
        *("images", "annotations", "categories", "id", "name", "file_name", "height", "width"),
        *("image_id", "category_id", "bbox", "area", "iscrowd"),
    ]
)
# The 80 classes, for weights that come without a list of theirs. Ids run from 1 to 90 and leave these out.
_UNUSED_IDS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
_CLASS_NAMES = """
    person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic_light, fire_hydrant, stop_sign,
    parking_meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella,
    handbag, tie, suitcase, frisbee, skis, snowboard, sports_ball, kite, baseball_bat, baseball_glove, skateboard,
    surfboard, tennis_racket, bottle, wine_glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange,
    broccoli, carrot, hot_dog, pizza, donut, cake, chair, couch, potted_plant, bed, dining_table, toilet, tv, laptop,
    mouse, remote, keyboard, cell_phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase, scissors,
    teddy_bear, hair_drier, toothbrush
"""

COCO_CATEGORIES = tuple(
    Category(number, name.strip().replace("_", " "))
    for number, name in zip(
        (number for number in range(1, 91) if number not in _UNUSED_IDS), _CLASS_NAMES.split(","), strict=True
    )
)


def read_coco(
    annotations: str | pathlib.Path, images: str | pathlib.Path = "", subset: str = "", classes: Sequence[str] = ()
) -> AnnotatedDataset:
    """Reads a COCO instances file.

    Args:
      annotations: the JSON file, or a folder with no other JSON file in it.
      images: the folder that its file names are relative to. A name that carries folders which are not there is
        looked for in the folder itself. Files are not opened here. "" takes the folder of the JSON file.
      subset, classes: as all readers take them; a file is one subset, and has its classes.

    Returns:
      Categories by ascending id, as the COCO tools number classes, and the images in the file's order.

    Raises:
      FileNotFoundError: the file is missing.
      ValueError: it is not JSON, not COCO instances, or contradicts itself: an annotation of an image or a category
        that is not listed, an id twice.
    """
    annotations = _json_file(pathlib.Path(annotations))
    images = pathlib.Path(images) if str(images) else annotations.parent
    content = load_coco_json(annotations)
    try:
        categories = _read_categories(content["categories"])
        boxes_of = _group_by_image(content, {category.id for category in categories})
        read = tuple(_read_image(entry, boxes_of[entry["id"]], images) for entry in content["images"])
    except ValueError as error:
        raise UserError(f"{annotations}: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{annotations}: not COCO instances: an entry lacks or misuses {error}") from error
    return AnnotatedDataset(categories, read)


def load_coco_json(path: pathlib.Path) -> dict[str, Any]:
    """The parsed file, with the three lists that COCO instances have, and of their entries what `read_coco` reads.

    Raises:
      FileNotFoundError, ValueError: as `read_coco`.
    """
    if not path.is_file():
        raise FileNotFoundError(f"annotations file not found: {path}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_wanted)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not JSON: {error}") from error
    wanted = ("images", "annotations", "categories")
    if not isinstance(content, dict) or any(not isinstance(content.get(key), list) for key in wanted):
        found = sorted(content) if isinstance(content, dict) else type(content).__name__
        raise UserError(f"{path}: not COCO instances: expected lists {wanted}. Received: {found}")
    return content


def coco_results(
    found: Detections, index: int, categories: tuple[Category, ...], image_id: int, height: int, width: int
) -> list[dict[str, Any]]:
    """Image `index` of a batch of detections (NumPy) as COCO results: sparse ids, [x, y, w, h] in pixels.

    Nothing is rounded: two scores that differ only in the seventh digit still rank one before the other.
    """
    count = int(found.count[index])
    xywh = to_coco_xywh(found.boxes[index, :count], height, width)
    return [
        {
            "image_id": image_id,
            "category_id": categories[int(label) - 1].id,
            "bbox": box.tolist(),
            "score": float(score),
        }
        for box, label, score in zip(xywh, found.classes[index, :count], found.scores[index, :count], strict=True)
    ]


def _json_file(path: pathlib.Path) -> pathlib.Path:
    if not path.is_dir():
        return path
    files = sorted(path.glob("*.json"))
    if len(files) != 1:
        there = ", ".join(file.name for file in files) or "none"
        raise UserError(f"{path}: expected a JSON file, or a folder with one. Received: a folder with {there}")
    return files[0]


def _wanted(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of the file without what is not read; one that has nothing to read stays whole, for error messages."""
    return {key: value for key, value in pairs if key in _KEYS} or dict(pairs)


def _read_categories(entries: list[dict[str, Any]]) -> tuple[Category, ...]:
    categories = sorted((Category(_int_id(e), str(e["name"])) for e in entries), key=lambda c: c.id)
    _require_unique([category.id for category in categories], "category id")
    if not categories:
        raise UserError("the list of categories is empty")
    return tuple(categories)


def _group_by_image(content: dict[str, Any], category_ids: set[int]) -> dict[int, list[dict[str, Any]]]:
    image_ids = [_int_id(entry) for entry in content["images"]]
    _require_unique(image_ids, "image id")
    boxes_of: dict[int, list[dict[str, Any]]] = {image_id: [] for image_id in image_ids}
    for entry in content["annotations"]:
        where = f"annotation {entry.get('id')}"
        if entry["image_id"] not in boxes_of:
            raise UserError(f"{where} belongs to image {entry['image_id']}, which is not in the list of images")
        if entry["category_id"] not in category_ids:
            raise UserError(f"{where} has category {entry['category_id']}, which is not in the list of categories")
        if len(entry["bbox"]) != 4:
            raise UserError(f"{where}: expected bbox [x, y, w, h]. Received: {entry['bbox']}")
        boxes_of[entry["image_id"]].append(entry)
    return boxes_of


def _read_image(entry: dict[str, Any], boxes: list[dict[str, Any]], folder: pathlib.Path) -> AnnotatedImage:
    height, width = int(entry["height"]), int(entry["width"])
    if height < 1 or width < 1:
        raise UserError(f"image {entry['id']}: expected a size of at least 1x1. Received: {width}x{height}")
    xywh = np.array([box["bbox"] for box in boxes], np.float64).reshape(-1, 4)
    areas = [box.get("area", wh[0] * wh[1]) for box, wh in zip(boxes, xywh[:, 2:], strict=True)]
    return AnnotatedImage(
        image_id=entry["id"],
        path=fields.image_path(folder, str(entry["file_name"])),
        height=height,
        width=width,
        boxes=from_coco_xywh(xywh, height, width),
        category_ids=np.array([box["category_id"] for box in boxes], np.int64),
        areas=np.array(areas, np.float64),
        is_crowd=np.array([bool(box.get("iscrowd", 0)) for box in boxes], bool),
    )


def _int_id(entry: dict[str, Any]) -> int:
    if not isinstance(entry["id"], int) or isinstance(entry["id"], bool):
        raise UserError(f"expected whole numbers as ids. Received: {entry['id']!r}")
    return entry["id"]


def _require_unique(ids: list[int], what: str) -> None:
    if len(set(ids)) != len(ids):
        seen: set[int] = set()
        twice = next(i for i in ids if i in seen or seen.add(i))
        raise UserError(f"{what} {twice} is listed twice")
