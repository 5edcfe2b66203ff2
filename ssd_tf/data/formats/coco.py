# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""COCO's formats (https://cocodataset.org/#format-data): instances are read, results are made of detections."""

import pathlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ssd_tf.data.annotations import PIXELS, AnnotatedDataset, AnnotatedImage, Category
from ssd_tf.data.formats import fields
from ssd_tf.data.formats.coco_json import Content, id_key, load_coco_json, number_ids, told_of_segmentations
from ssd_tf.data.images import file_size
from ssd_tf.geometry.boxes import from_coco_xywh, to_coco_xywh
from ssd_tf.geometry.detections import Detections
from ssd_tf.utils.errors import UserError

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
      Categories by ascending id, as the COCO tools number classes, and the images in the file's order. What tools write
      in ways of their own is read too, and told in the findings: ids that are text, boxes that are only a polygon or a
      run-length mask, Roboflow's category 0. A missing area is the box's, a missing size the image's.

    Raises:
      FileNotFoundError: the file is missing.
      ValueError: it is not JSON, not COCO instances, or contradicts itself: an annotation of an image or a category
        that is not listed, an id twice.
    """
    annotations = json_file(pathlib.Path(annotations))
    images = pathlib.Path(images) if str(images) else annotations.parent
    content = load_coco_json(annotations)
    try:
        categories, told = _read_categories(content)
        numbers, renumbered = number_ids(content["images"], "image")
        boxes_of = _group_by_image(content, numbers, categories)
        read = tuple(
            _read_image(entry, number, boxes_of[key], categories, images)
            for entry, (key, number) in zip(content["images"], numbers.items(), strict=True)
        )
    except ValueError as error:
        raise UserError(f"{annotations}: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{annotations}: not COCO instances: an entry lacks or misuses {error}") from error
    told += [*renumbered, *told_of_segmentations(content)]
    in_order = sorted(categories.values(), key=lambda category: category.id)
    return AnnotatedDataset(tuple(in_order), read, {"converted": told} if told else {})


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


def json_file(path: pathlib.Path) -> pathlib.Path:
    """The file itself, or the one JSON file of a folder."""
    if not path.is_dir():
        return path
    files = sorted(path.glob("*.json"))
    if len(files) != 1:
        there = ", ".join(file.name for file in files) or "none"
        raise UserError(f"{path}: expected a JSON file, or a folder with one. Received: a folder with {there}")
    return files[0]


def _read_categories(content: Content) -> tuple[dict[Any, Category], list[str]]:
    """The categories by the ids of the file, and what was done about them."""
    entries = content["categories"]
    numbers, told = number_ids(entries, "category")
    used = {id_key(entry["category_id"]) for entry in content["annotations"]}
    dummy = [key for entry, key in zip(entries, numbers, strict=True) if _is_dummy(entry, entries) and key not in used]
    if dummy:
        told.append(f"category {dummy[0]} is no class: it has no boxes, and is the supercategory of all others")
    categories = {
        key: Category(number, str(entry["name"]))
        for entry, (key, number) in zip(entries, numbers.items(), strict=True)
        if key not in dummy
    }
    if not categories:
        raise UserError("the list of categories is empty")
    return categories, told


def _is_dummy(entry: dict[str, Any], entries: list[dict[str, Any]]) -> bool:
    """Whether it is Roboflow's category 0: the name of the project, which all classes have as supercategory."""
    others = [other for other in entries if other is not entry]
    return bool(others) and entry["id"] == 0 and all(other.get("supercategory") == entry["name"] for other in others)


def _group_by_image(content: Content, image_ids: Iterable[Any], categories: Iterable[Any]) -> dict[Any, list[Content]]:
    boxes_of: dict[Any, list[Content]] = {key: [] for key in image_ids}
    for entry in content["annotations"]:
        where = f"annotation {entry.get('id')}"
        image, category = id_key(entry["image_id"]), id_key(entry["category_id"])
        if image not in boxes_of:
            raise UserError(f"{where} belongs to image {entry['image_id']}, which is not in the list of images")
        if category not in categories:
            raise UserError(f"{where} has category {entry['category_id']}, which is not in the list of categories")
        boxes_of[image].append(entry)
    return boxes_of


def _read_image(
    entry: Content, image_id: int, boxes: list[Content], categories: dict[Any, Category], folder: pathlib.Path
) -> AnnotatedImage:
    path = fields.image_path(folder, str(entry["file_name"]))
    height, width, without_size = _size(entry, path)
    xywh = np.array([_box(box) for box in boxes], np.float64).reshape(-1, 4)
    areas = [
        fields.number(box["area"], "area", f"annotation {box.get('id')}") if box.get("area") is not None else w * h
        for box, (w, h) in zip(boxes, xywh[:, 2:].tolist(), strict=True)
    ]
    difficult = _flags(boxes, "difficult")
    return AnnotatedImage(
        image_id=image_id,
        path=path,
        height=height,
        width=width,
        boxes=from_coco_xywh(xywh, height, width),
        category_ids=np.array([categories[id_key(box["category_id"])].id for box in boxes], np.int64),
        areas=np.array(areas, np.float64),
        is_crowd=_flags(boxes, "iscrowd"),
        is_difficult=difficult if difficult.any() else None,
        without_size=without_size,
    )


def _size(entry: Content, path: pathlib.Path) -> tuple[int, int, str]:
    """Height and width as the entry says, and ""; or the file's, and PIXELS: some tools leave them out or write 0."""
    where = f"image {entry['id']}"
    if not (entry.get("height") and entry.get("width")):
        found = file_size(path)
        if found is not None:
            return *found, PIXELS
    height, width = (fields.whole(entry[key], key, where) for key in ("height", "width"))
    if height < 1 or width < 1:
        raise UserError(f"{where}: expected a size of at least 1x1. Received: {width}x{height}")
    return height, width, ""


def _box(entry: Content) -> list[float]:
    where, box = f"annotation {entry.get('id')}", entry.get("bbox")
    if not isinstance(box, list) or len(box) != 4:
        raise UserError(f"{where}: expected bbox [x, y, w, h], or a segmentation. Received: bbox {box}")
    return [fields.number(value, "bbox", where) for value in box]


def _flags(boxes: list[Content], field: str) -> np.ndarray:
    return np.array([fields.whole(int(b.get(field) or 0), field, f"annotation {b.get('id')}") > 0 for b in boxes], bool)
