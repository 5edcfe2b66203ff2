# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""COCO's formats (https://cocodataset.org/#format-data): instances. coco_results.py has results."""

import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ssd_tf.data.annotations import PIXELS, AnnotatedDataset, AnnotatedImage, Category
from ssd_tf.data.formats import fields
from ssd_tf.data.formats.coco_json import Content, load_coco_json, name_of, number_ids, segmentation_notes
from ssd_tf.data.formats.image_names import find_files
from ssd_tf.geometry.boxes import from_coco_xywh
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import files_like, is_file

# Where tools put the file, with the images beside this folder.
_ANNOTATIONS = "annotations"
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
      annotations: the JSON file, or a folder with no other JSON file in it or in its `annotations`.
      images: the folder that its file names are relative to; "" takes the folder of the JSON file, or `images` beside
        it where that is called `annotations`. Where names do not fit, `find_files` looks for one rule for all of them.
      subset, classes: as all readers take them; a file is one subset, and has its classes.

    Returns:
      Categories by ascending id, as the COCO tools number classes, and the images in the file's order. What tools write
      in ways of their own is read too, and stands in the findings: ids that are text, boxes that are only a polygon or
      a run-length mask, Roboflow's category 0. A missing area is the box's, a missing size the
      image's; null and 0 count as missing.

    Raises:
      FileNotFoundError: the file is missing.
      ValueError: it is not JSON, not COCO instances, a field is not what it should be (the message has the entry, the
        field and the value), or it contradicts itself: an annotation of an image or a category that is not listed, an
        id twice.
    """
    annotations = json_file(pathlib.Path(annotations))
    images = pathlib.Path(images) if str(images) else _images_of(annotations)
    content = load_coco_json(annotations)
    try:
        categories, notes = _read_categories(content)
        numbers, renumbered = number_ids(content["images"], "image")
        objects_of = _group_by_image(content, numbers, categories)
        names = [
            fields.file_name(entry.get("file_name"), "file_name", name_of(entry, "image", k))
            for k, entry in enumerate(content["images"], start=1)
        ]
        paths, renamed = find_files(images, names)
        read = tuple(
            _read_image(entry, number, path, objects_of[key])
            for entry, path, (key, number) in zip(content["images"], paths, numbers.items(), strict=True)
        )
    except UserError as error:
        raise UserError(f"{annotations}: {error}") from error
    objects = [one for of_image in objects_of.values() for one in of_image]
    notes += [*renumbered, *renamed, *segmentation_notes(content), *_area_notes(content), *_size_notes(content, read)]
    if _has_dummy(content, categories, objects):
        del categories[0]
        notes.append("category 0 is no class: it has no boxes, and is the supercategory of all others")
    in_order = sorted(categories.values(), key=lambda category: category.id)
    return AnnotatedDataset(tuple(in_order), read, {"converted": notes} if notes else {})


def json_file(path: pathlib.Path) -> pathlib.Path:
    """The file itself, or the one JSON file of a folder or of its `annotations`."""
    if not path.is_dir():
        return path
    files = _json_files(path)
    if len(files) != 1:
        there = ", ".join(file.relative_to(path).as_posix() for file in files) or "none"
        raise UserError(
            f"{path}: expected a JSON file, or a folder with one in it or in its annotations. Received: a folder with "
            f"{there}"
        )
    return files[0]


def coco_file(folder: pathlib.Path) -> pathlib.Path | None:
    """The one JSON file of a folder, or of its `annotations` where it has none itself; None where there are several,
    since nothing would say which of them is meant."""
    files = _json_files(folder)
    return files[0] if len(files) == 1 else None


def _json_files(folder: pathlib.Path) -> list[pathlib.Path]:
    files = files_like(folder, "*.json")
    if not files and (folder / _ANNOTATIONS).is_dir():
        files = files_like(folder / _ANNOTATIONS, "*.json")
    return files


def _images_of(file: pathlib.Path) -> pathlib.Path:
    beside = file.parent.parent / "images"
    return beside if file.parent.name == _ANNOTATIONS and beside.is_dir() else file.parent


class _Object(NamedTuple):
    """An annotation, checked; `area` is None where the file does not have it."""

    xywh: list[float]
    area: float | None
    category_id: int
    is_crowd: bool
    is_difficult: bool


def _read_categories(content: Content) -> tuple[dict[int | str, Category], list[str]]:
    """The categories by the ids of the file, and what was done about them."""
    entries = content["categories"]
    numbers, notes = number_ids(entries, "category")
    names = [
        fields.class_name(entry.get("name"), "name", name_of(entry, "category", k))
        for k, entry in enumerate(entries, start=1)
    ]
    categories = {key: Category(number, name) for (key, number), name in zip(numbers.items(), names, strict=True)}
    if not categories:
        raise UserError("the list of categories is empty")
    return categories, notes


def _has_dummy(content: Content, categories: Mapping[int | str, Category], objects: Iterable[_Object]) -> bool:
    """Whether there is Roboflow's category 0: the project's name, the supercategory of all classes, without a box."""
    if 0 not in categories or len(categories) == 1:
        return False
    pairs = zip(content["categories"], categories, strict=True)
    parents = {str(entry.get("supercategory")) for entry, key in pairs if key != 0}
    used = {one.category_id for one in objects}
    return parents == {categories[0].name} and categories[0].id not in used


def _area_notes(content: Content) -> list[str]:
    """A format may have no areas; an area that is null is a tool's mistake."""
    null = sum("area" in entry and entry["area"] is None for entry in content["annotations"])
    return [f"{null} areas are null: those of the boxes are taken"] if null else []


def _size_notes(content: Content, images: Sequence[AnnotatedImage]) -> list[str]:
    """Which sizes are not the annotations' own."""
    without = [k for k, image in enumerate(images) if image.without_size and is_file(image.path)]
    if not without:
        return []
    first = name_of(content["images"][without[0]], "image", without[0] + 1)
    return [f"{len(without)} of {len(images)} images have no size: that of the file is taken; the first: {first}"]


def _group_by_image(
    content: Content, image_ids: Mapping[int | str, int], categories: Mapping[int | str, Category]
) -> dict[int | str, list[_Object]]:
    objects_of: dict[int | str, list[_Object]] = {key: [] for key in image_ids}
    for k, entry in enumerate(content["annotations"], start=1):
        where = name_of(entry, "annotation", k)
        image = fields.id_key(entry.get("image_id"), "image_id", where)
        category = fields.id_key(entry.get("category_id"), "category_id", where)
        if image not in objects_of:
            raise UserError(f"{where} belongs to image {fields.shown(image)}, which is not in the list of images")
        if category not in categories:
            raise UserError(f"{where} has category {fields.shown(category)}, which is not in the list of categories")
        objects_of[image].append(_read_object(entry, categories[category].id, where))
    return objects_of


def _read_object(entry: Content, category_id: int, where: str) -> _Object:
    area = entry.get("area")
    return _Object(
        xywh=fields.xywh(entry.get("bbox"), where, ", or a segmentation beside it"),
        area=None if area is None else fields.area(area, "area", where),
        category_id=category_id,
        is_crowd=fields.flag(entry.get("iscrowd"), "iscrowd", where),
        is_difficult=fields.flag(entry.get("difficult"), "difficult", where),
    )


def _read_image(entry: Content, image_id: int, path: pathlib.Path, objects: list[_Object]) -> AnnotatedImage:
    height, width, without_size = _size(entry, path)
    xywh = np.array([one.xywh for one in objects], np.float64).reshape(-1, 4)
    areas = [w * h if one.area is None else one.area for one, (w, h) in zip(objects, xywh[:, 2:].tolist(), strict=True)]
    difficult = np.array([one.is_difficult for one in objects], bool)
    return AnnotatedImage(
        image_id=image_id,
        path=path,
        height=height,
        width=width,
        boxes=from_coco_xywh(xywh, height, width),
        category_ids=np.array([one.category_id for one in objects], np.int64),
        areas=np.array(areas, np.float64),
        is_crowd=np.array([one.is_crowd for one in objects], bool),
        is_difficult=difficult if difficult.any() else None,
        without_size=without_size,
    )


def _size(entry: Content, path: pathlib.Path) -> tuple[int, int, str]:
    """Height and width as the entry says, and ""; or the file's, and PIXELS: some tools leave them out or write 0."""
    if any(entry.get(key) in (None, 0, "") for key in ("height", "width")):
        return *fields.size_of(path), PIXELS
    where = name_of(entry, "image", 0)
    height, width = (fields.whole(entry.get(key), key, where, least=1) for key in ("height", "width"))
    return height, width, ""
