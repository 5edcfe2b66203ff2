# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Files of detections and of annotations -> what `coco_metrics` scores, without a model and without images.

Detections are a results file of COCO, of whatever program, or predictions.json of `predict`. A results file has the ids
of the annotation file. predictions.json has ids of its own, so its images and classes are found by their names; and it
has sizes, which tell boxes in another frame.
"""

import collections
import math
import pathlib
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ssd_tf.data.formats import fields
from ssd_tf.data.formats.coco_json import load_coco_json, name_of, number_ids
from ssd_tf.data.formats.image_names import best_rule
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import parse_json

Ids = Mapping[int | str, int]

# What a size with its sides exchanged mostly means.
_TURNED = ". It is turned, as EXIF says: `prepare` the annotations, and `evaluate` the model"


class Scored(NamedTuple):
    """What is to be scored.

    Attributes:
      ground_truth: COCO instances with whole numbers for ids.
      results: COCO results with the same ids.
      remarks: what of the two files is not in the numbers, and how their names were compared.
    """

    ground_truth: dict[str, list[dict[str, Any]]]
    results: list[dict[str, Any]]
    remarks: list[str]


def read_scored(predictions: str | pathlib.Path, annotations: str | pathlib.Path) -> Scored:
    """Reads a file of detections, and the COCO annotation file that it is to be compared with.

    Raises:
      FileNotFoundError: a file is missing.
      ValueError: a file or an entry of it is not what it should be, or the two do not belong together.
    """
    predictions = pathlib.Path(predictions)
    truth, images, categories = read_truth(pathlib.Path(annotations))
    found = _load(predictions)
    try:
        if isinstance(found, list):
            return Scored(truth, _results(found, images, categories), [])
        return _matched(found, truth)
    except UserError as error:
        raise UserError(f"{predictions}: {error}") from error


def read_truth(annotations: pathlib.Path) -> tuple[dict[str, list[dict[str, Any]]], Ids, Ids]:
    """A COCO file as `coco_metrics` takes it, its boxes as they are; and the numbers of its images' and its categories'
    ids, which are those of `read_coco`.

    Raises:
      FileNotFoundError, ValueError: it is missing, or an entry is not what it should be.
    """
    content = load_coco_json(annotations)
    try:
        images, categories = number_ids(content["images"], "image")[0], number_ids(content["categories"], "category")[0]
        return _ground_truth(content, images, categories), images, categories
    except UserError as error:
        raise UserError(f"{annotations}: {error}") from error


def _load(path: pathlib.Path) -> Any:
    """A list, or a dict with the three lists of COCO."""
    if not path.is_file():
        raise FileNotFoundError(f"file of predictions not found: {path}")
    try:
        content = parse_json(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise UserError(f"{path}: not JSON: {error}") from error
    parts = ("images", "annotations", "categories")
    lists: list[Any] = [content]
    if isinstance(content, dict):
        lists = [content.get(key) for key in parts]
    if not all(isinstance(one, list) and all(isinstance(e, dict) for e in one) for one in lists):
        raise UserError(f"{path}: expected a list of COCO results, or predictions.json of predict")
    return content


def _matched(found: dict[str, Any], truth: dict[str, list[dict[str, Any]]]) -> Scored:
    """What predictions.json has of the images and the classes of the annotation file, and remarks on the rest."""
    images = dict(zip(number_ids(found["images"], "image")[0], found["images"], strict=True))
    by_name, remarks = _same_names(images, truth["images"])
    image_of = {image["id"]: image for image in truth["images"]}
    for key, number in by_name.items():
        _require_same_size(images[key], image_of[number])
    classes, others = _same_classes(found["categories"], truth["categories"])
    left_out = images.keys() - by_name.keys()
    kept, of_others = [], 0
    for k, one in enumerate(found["annotations"], start=1):
        where = f"detection number {k}"
        if fields.id_key(one.get("image_id"), "image_id", where) in left_out:
            continue
        if fields.id_key(one.get("category_id"), "category_id", where) in others:
            of_others += 1
        else:
            kept.append(one)
    if left_out:
        first = next(str(entry.get("file_name", "")) for key, entry in images.items() if key in left_out)
        remarks.append(
            f"{len(left_out)} of {len(images)} images of the predictions are not in the annotation file and are left "
            f"out, the first: {first}"
        )
    missed = image_of.keys() - set(by_name.values())
    if missed:
        first = next(image["file_name"] for image in truth["images"] if image["id"] in missed)
        remarks.append(
            f"{len(missed)} of {len(image_of)} images of the annotation file are not in the predictions, their boxes "
            f"count as not found, the first: {first}"
        )
    if others:
        names = fields.shown(", ".join(others.values())).strip("'")
        remarks.append(f"{of_others} detections of classes that the annotation file lacks are left out: {names}")
    return Scored(truth, _results(kept, by_name, classes), remarks)


def _ground_truth(content: dict[str, Any], images: Ids, categories: Ids) -> dict[str, list[dict[str, Any]]]:
    rows = []
    for k, entry in enumerate(content["annotations"], start=1):
        where = name_of(entry, "annotation", k)
        row = {"id": k, **_place(entry, images, categories, where)}
        if entry.get("area") is not None:
            row["area"] = fields.area(entry["area"], "area", where)
        flags = {key: int(fields.flag(entry.get(key), key, where)) for key in ("iscrowd", "difficult")}
        rows.append({**row, **flags})
    listed = [
        {"id": number, "file_name": str(entry.get("file_name", "")), **_size(entry, name_of(entry, "image", k))}
        for k, (number, entry) in enumerate(zip(images.values(), content["images"], strict=True), start=1)
    ]
    named = [
        {"id": number, "name": fields.class_name(entry.get("name"), "name", name_of(entry, "category", k))}
        for k, (number, entry) in enumerate(zip(categories.values(), content["categories"], strict=True), start=1)
    ]
    return {"images": listed, "annotations": rows, "categories": named}


def _size(entry: dict[str, Any], where: str) -> dict[str, int | None]:
    """None for what the file does not say, as `read_coco` takes it."""
    said = {key: entry.get(key) for key in ("width", "height")}
    return {key: None if n in (None, 0, "") else fields.whole(n, key, where, least=1) for key, n in said.items()}


def _results(rows: Sequence[dict[str, Any]], images: Ids, categories: Ids) -> list[dict[str, Any]]:
    results = []
    for k, entry in enumerate(rows, start=1):
        where = f"detection number {k}"
        score = fields.number(entry.get("score"), "score", where)
        _require_finite([score], "score", where)
        results.append({**_place(entry, images, categories, where), "score": score})
    return results


def _place(entry: dict[str, Any], images: Ids, categories: Ids, where: str) -> dict[str, Any]:
    """Image, category and box of an annotation or a detection."""
    found: dict[str, Any] = {}
    for field, ids in (("image_id", images), ("category_id", categories)):
        key = fields.id_key(entry.get(field), field, where)
        if key not in ids:
            raise UserError(f"{where}: {field}: expected one of the annotation file. Received: {fields.shown(key)}")
        found[field] = ids[key]
    box = fields.xywh(entry.get("bbox"), where)
    _require_finite(box, "bbox", where)
    return {**found, "bbox": box}


def _require_finite(values: list[float], field: str, where: str) -> None:
    """A box of nan would count as one that overlaps all others."""
    if not all(map(math.isfinite, values)):
        raise UserError(f"{where}: {field}: expected finite numbers. Received: {values}")


def _same_names(
    found: Mapping[int | str, dict[str, Any]], truth: list[dict[str, Any]]
) -> tuple[dict[int | str, int], list[str]]:
    """The image of the annotation file for each id of the predictions that has one, and what was done to find them.

    Paths that are the same stay so. Else one rule is looked for that finds more, one to one, and for these the same.
    """
    paths = {key: str(entry.get("file_name", "")) for key, entry in found.items()}
    known = [(image["file_name"], image["id"]) for image in truth]
    _require_once(paths.values())
    _require_once(path for path, _ in known)
    rules = {"": str, "with / for \\, in any form of Unicode": _one_form, "without folders": _last_part}
    number_of = {name: _by_name(known, change) for name, change in rules.items()}
    as_they_are = {key: number for key, path in paths.items() if (number := number_of[""].get(path)) is not None}
    tried = (
        (name, {k: number_of[name].get(change(path)) for k, path in paths.items()}) for name, change in rules.items()
    )
    rule, same = best_rule(as_they_are, len(paths), tried)
    if paths and not same:
        for names in (paths.values(), [path for path, _ in known]):
            _require_once(map(_last_part, names))
        raise UserError(f"no image of it is in the annotation file; the first: {next(iter(paths.values()))}")
    return same, [f"file names are compared {rule}"] if rule else []


def _by_name(known: list[tuple[str, int]], change: Callable[[str], str]) -> dict[str, int | None]:
    """The image of each changed name; None where several have it."""
    numbers: dict[str, int | None] = {}
    for path, number in known:
        name = change(path)
        numbers[name] = None if name in numbers else number
    return numbers


def _one_form(path: str) -> str:
    return unicodedata.normalize("NFC", path.replace("\\", "/"))


def _last_part(path: str) -> str:
    return pathlib.PurePosixPath(_one_form(path)).name


def _require_once(names: Iterable[str]) -> None:
    twice = next((name for name, times in collections.Counter(names).items() if times > 1), "")
    if twice:
        raise UserError(f"expected each image once. Received: {twice} several times")


def _require_same_size(found: dict[str, Any], truth: dict[str, Any]) -> None:
    """The boxes of both must be of one image. Files may round: a pixel more or less is no other image."""
    for key in ("width", "height"):
        if found.get(key) is None or truth[key] is None:
            continue
        here = fields.number(found[key], key, name_of(found, "image", 0))
        if abs(here - truth[key]) > 1:
            raise UserError(
                f"{fields.shown(truth['file_name'])}: expected detections in an image of "
                f"{truth['width']}x{truth['height']}, as the annotation file has it. "
                f"Received: {found.get('width')}x{found.get('height')}, whose boxes are in another frame"
                + _TURNED
                * (found.get("width") == truth["height"] and found.get("height") == truth["width"])
            )


def _same_classes(
    found: list[dict[str, Any]], truth: list[dict[str, Any]]
) -> tuple[dict[int | str, int], dict[int | str, str]]:
    """The category of the annotation file for each of the predictions, by its name; and the names of those that are not
    there, which count neither way."""
    known = {category["name"]: category["id"] for category in truth}
    if len(known) < len(truth):
        raise UserError("expected an annotation file with each class name once, since classes are found by their names")
    names = [
        fields.class_name(entry.get("name"), "name", name_of(entry, "category", k)) for k, entry in enumerate(found, 1)
    ]
    name_of_id = dict(zip(number_ids(found, "category")[0], names, strict=True))
    if names and not known.keys() & set(names):
        expected = ", ".join(known)
        raise UserError(f"expected classes of the annotation file, {expected}. Received: {fields.shown(names[0])}")
    same = {key: known[name] for key, name in name_of_id.items() if name in known}
    return same, {key: name for key, name in name_of_id.items() if name not in known}
