# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Files of detections and of annotations -> what `coco_metrics` scores, without a model and without images.

Detections are a results file of COCO, of whatever program, or predictions.json of `predict`. A results file has the ids
of the annotation file. predictions.json has ids of its own, so its images and classes are found by their names.
"""

import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ssd_tf.data.formats import fields
from ssd_tf.data.formats.coco_json import load_coco_json, name_of, number_ids
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import parse_json

Ids = Mapping[int | str, int]


class Scored(NamedTuple):
    """What is to be scored.

    Attributes:
      ground_truth: COCO instances with whole numbers for ids.
      results: COCO results with the same ids.
      left_out: images of the predictions that the annotation file does not have.
    """

    ground_truth: dict[str, list[dict[str, Any]]]
    results: list[dict[str, Any]]
    left_out: int


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
            return Scored(truth, _results(found, images, categories), 0)
        images_there = dict(zip(number_ids(found["images"], "image")[0], found["images"], strict=True))
        by_name = _same_names(images_there, truth["images"])
        ids = number_ids(found["categories"], "category")[0]
        classes = dict(zip(ids, _same_classes(found["categories"], truth["categories"]), strict=True))
        left_out = images_there.keys() - by_name.keys()
        kept = [
            one
            for k, one in enumerate(found["annotations"], start=1)
            if fields.id_key(one.get("image_id"), "image_id", f"detection number {k}") not in left_out
        ]
        return Scored(truth, _results(kept, by_name, classes), len(left_out))
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
        {"id": number, "file_name": str(entry.get("file_name", ""))}
        for number, entry in zip(images.values(), content["images"], strict=True)
    ]
    named = [
        {"id": number, "name": fields.class_name(entry.get("name"), "name", name_of(entry, "category", k))}
        for k, (number, entry) in enumerate(zip(categories.values(), content["categories"], strict=True), start=1)
    ]
    return {"images": listed, "annotations": rows, "categories": named}


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


def _same_names(found: Mapping[int | str, dict[str, Any]], truth: list[dict[str, Any]]) -> dict[int | str, int]:
    """The image of the annotation file for each id of the predictions that has one: by its path; or, where no path is
    the same, by the name without folders."""
    paths = {key: str(entry.get("file_name", "")) for key, entry in found.items()}
    known = [(image["file_name"], image["id"]) for image in truth]
    if not {*paths.values()} & {path for path, _ in known}:
        paths = {key: pathlib.PurePath(path).name for key, path in paths.items()}
        known = [(pathlib.PurePath(path).name, number) for path, number in known]
    for names in (list(paths.values()), [path for path, _ in known]):
        twice = next((name for name, other in zip(sorted(names), sorted(names)[1:], strict=False) if name == other), "")
        if twice:
            raise UserError(f"expected each image once. Received: {twice} several times")
    number_of = dict(known)
    same = {key: number_of[path] for key, path in paths.items() if path in number_of}
    if paths and not same:
        raise UserError(f"no image of it is in the annotation file; the first: {next(iter(paths.values()))}")
    return same


def _same_classes(found: list[dict[str, Any]], truth: list[dict[str, Any]]) -> list[int]:
    """The category of the annotation file for each of the predictions, by its name."""
    known = {category["name"]: category["id"] for category in truth}
    if len(known) < len(truth):
        raise UserError("expected an annotation file with each class name once, since classes are found by their names")
    names = [
        fields.class_name(entry.get("name"), "name", name_of(entry, "category", k)) for k, entry in enumerate(found, 1)
    ]
    other = next((name for name in names if name not in known), None)
    if other is not None:
        raise UserError(f"expected classes of the annotation file, {', '.join(known)}. Received: {fields.shown(other)}")
    return [known[name] for name in names]
