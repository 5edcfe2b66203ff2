# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""YOLO's format (https://docs.ultralytics.com/datasets/detect/): a text file of normalised boxes for each image.

Read in every layout that tools write: images/train beside labels/train, train/images beside train/labels, a plain
images/ beside labels/, and text files beside their images (LabelImg, Darknet).
"""

import itertools
import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import yaml

from ssd_tf.data.annotations import FRACTIONS, AnnotatedDataset, AnnotatedImage, Category, plain_image
from ssd_tf.data.formats import fields
from ssd_tf.geometry.boxes import from_yolo_cxcywh
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import files_like

# Where tools put the names, besides data.yaml.
NAMES_FILES = ("classes.txt", "obj.names", "_darknet.labels")
_SUBSETS = ("train", "val", "test")
_OTHER_NAMES = {"val": ("val", "valid", "validation")}
# Boxes may leave the image a little; beyond this they are pixels.
_MOST = 2.0


class _Source(NamedTuple):
    """A data set's folder, what its YAML file says (empty without one), its class names (None: nowhere)."""

    root: pathlib.Path
    settings: dict[str, Any]
    yaml_file: pathlib.Path | None
    names: tuple[str, ...] | None


def read_yolo(
    annotations: str | pathlib.Path, images: str | pathlib.Path = "", subset: str = "", classes: Sequence[str] = ()
) -> AnnotatedDataset:
    """Reads a data set of YOLO's.

    Args:
      annotations: its folder, its YAML file, or the folder of the labels.
      images: the folder of the images; "" finds it.
      subset: such as "train" or "val"; "" takes all images, and so does a data set without folders for subsets.
      classes: the names in the order of their numbers, where the data set has no list of its own.

    Returns:
      The images with running ids from 1; an image without a file of labels, or with an empty one, has no boxes. Class
      ids are YOLO's own, from 0. Polygons become the boxes around them, as the findings say.

    Raises:
      FileNotFoundError: nothing is there, or no image is.
      ValueError: there are no class names, a line is none of YOLO's, or one file of labels fits two images.
    """
    source = _open(pathlib.Path(annotations))
    names = source.names or tuple(classes)
    if not names:
        raise UserError(
            f"{source.root}: expected the class names in data.yaml or {', '.join(NAMES_FILES)}. Received: none of "
            "these. Pass --classes"
        )
    paths, left_out = _images(source, pathlib.Path(images) if str(images) else None, subset)
    labels = [_label_path(path, source.root) for path in paths]
    if not any(label.is_file() for label in labels):
        raise FileNotFoundError(
            f"no labels for {len(paths)} images; for {paths[0]} expected {labels[0]} or a text file beside it"
        )
    _require_own_labels(paths, labels)
    polygons: list[str] = []
    keypoints = "kpt_shape" in source.settings
    read = [
        _read_image(k, path, label, names, keypoints, polygons)
        for k, (path, label) in enumerate(zip(paths, labels, strict=True), start=1)
    ]
    notes = [f"{len(polygons)} polygons became the boxes around them; the first: {polygons[0]}"] if polygons else []
    categories = tuple(Category(k, name) for k, name in enumerate(names))
    findings = {"converted": notes, fields.SYSTEM_FILES: [path.name for path in left_out]}
    return AnnotatedDataset(categories, tuple(read), {kind: found for kind, found in findings.items() if found})


def _open(path: pathlib.Path) -> _Source:
    if path.is_dir() and path.name == "labels" and not files_like(path, "*.yaml"):
        path = path.parent
    yaml_file = path if path.is_file() else fields.first_file(path / name for name in ("data.yaml", "data.yml"))
    if yaml_file is None and path.is_dir():
        others = files_like(path, "*.yaml", "*.yml")
        yaml_file = others[0] if len(others) == 1 else None
    if not path.exists():
        raise FileNotFoundError(f"annotations file not found: {path}")
    root = yaml_file.parent if yaml_file else path
    settings = _load_yaml(yaml_file) if yaml_file else {}
    if yaml_file and "names" in settings:
        return _Source(root, settings, yaml_file, _yaml_names(settings["names"], yaml_file))
    file = fields.first_file(folder / name for folder in (root, root / "labels") for name in NAMES_FILES)
    lines = fields.read_lines(file) if file else []
    return _Source(root, settings, yaml_file, tuple(line.strip() for line in lines if line.strip()) or None)


def _load_yaml(path: pathlib.Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load("\n".join(fields.read_lines(path)))
    except (yaml.YAMLError, RecursionError) as error:
        raise UserError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected a YAML file with names. Received: {type(content).__name__}")
    return content


def _yaml_names(names: Any, path: pathlib.Path) -> tuple[str, ...]:
    """A list, or a table from numbers to names."""
    if isinstance(names, dict):
        numbered = {fields.whole(key, "names", str(path), least=0): name for key, name in names.items()}
        if sorted(numbered) != list(range(len(numbered))):
            raise UserError(f"{path}: names: expected the numbers from 0 on. Received: {sorted(numbered)}")
        names = [numbered[k] for k in range(len(numbered))]
    if not isinstance(names, list) or not names:
        raise UserError(f"{path}: names: expected a list of class names. Received: {names!r}")
    return tuple(fields.class_name(name, f"names, number {k}", str(path)) for k, name in enumerate(names))


def _images(source: _Source, folder: pathlib.Path | None, subset: str) -> tuple[list[pathlib.Path], list[pathlib.Path]]:
    """The images of the subset, sorted; in the order of the list where data.yaml names a list. And the files of systems
    that are left out."""
    if folder is not None:
        places = _subset_folders(folder, subset) or [folder]
    else:
        places = _yaml_places(source, subset) or _subset_folders(source.root, subset)
        if not places and (source.root / "images").is_dir():
            places = [source.root / "images"]
        places = places or [source.root]
    found, left_out = (dict.fromkeys(itertools.chain(*paths)) for paths in zip(*map(_images_of, places), strict=True))
    if not found:
        raise FileNotFoundError(f"expected images in {', '.join(map(str, places))}. Received: none")
    return list(found), list(left_out)


def _images_of(place: pathlib.Path) -> tuple[list[pathlib.Path], list[pathlib.Path]]:
    if place.is_file():  # a list of images, relative to where it lies
        lines = [line.strip() for line in fields.read_lines(place, of_names=True) if line.strip()]
        return [place.parent / line for line in lines], []
    return fields.images_below(place)


def _yaml_places(source: _Source, subset: str) -> list[pathlib.Path]:
    """The folders or lists that data.yaml names; Roboflow's say ../train/images and mean train/images."""
    there = [key for key in _SUBSETS if source.settings.get(key)]
    wanted = [
        key for key in there if subset in ("", fields.ALL) or key == subset or subset in _OTHER_NAMES.get(key, ())
    ]
    if there and not wanted:
        raise UserError(f"{source.yaml_file}: expected one of {', '.join(there)}, or all. Received: {subset!r}")
    base = source.root / str(source.settings.get("path") or "")
    places = []
    for key in wanted:
        values = source.settings[key]
        for value in values if isinstance(values, list) else [values]:
            inside = str(value).lstrip("./")
            tried = [base / str(value), source.root / str(value), source.root / inside]
            found = next((path for path in tried if path.exists()), None)
            if found is None:
                raise FileNotFoundError(f"{source.yaml_file}: {key}: {value}: not found, nor {tried[-1]}")
            places.append(found)
    return places


def _subset_folders(root: pathlib.Path, subset: str) -> list[pathlib.Path]:
    """images/SUBSET or SUBSET/images; nothing where the data set has no such folders, or all are wanted."""
    layouts = [lambda name: root / "images" / name, lambda name: root / name / "images", lambda name: root / name]
    names = {key: _OTHER_NAMES.get(key, (key,)) for key in (*_SUBSETS, subset)}
    for layout in layouts:
        there = {key: layout(name) for key, tried in names.items() for name in tried if key and layout(name).is_dir()}
        if not there:
            continue
        if subset in ("", fields.ALL):
            return list(there.values())
        if subset not in there:
            raise UserError(f"{root}: expected one of the subsets {', '.join(there)}, or all. Received: {subset!r}")
        return [there[subset]]
    return []


def _label_path(image: pathlib.Path, root: pathlib.Path) -> pathlib.Path:
    """The text file of an image: the last folder named images changed to labels, or else beside it or in the root."""
    beside = image.with_suffix(".txt")
    places = [beside, root / "labels" / beside.name, root / beside.name]
    parts = beside.parts
    if "images" in parts:
        last = len(parts) - 1 - parts[::-1].index("images")
        places.insert(0, pathlib.Path(*parts[:last], "labels", *parts[last + 1 :]))
    return fields.first_file(places) or places[0]


def _require_own_labels(images: list[pathlib.Path], labels: list[pathlib.Path]) -> None:
    """Raises ValueError where one file would give its boxes to two images."""
    image_of: dict[pathlib.Path, pathlib.Path] = {}
    for image, label in zip(images, labels, strict=True):
        first = image_of.setdefault(label, image)
        if first != image and label.is_file():
            raise UserError(f"{label}: expected labels for each image. Received: one file for {first} and {image}")


def _read_image(
    image_id: int,
    path: pathlib.Path,
    label: pathlib.Path,
    names: Sequence[str],
    keypoints: bool,
    polygons: list[str],
) -> AnnotatedImage:
    boxes, ids = [], []
    for k, line in enumerate(fields.read_lines(label) if label.is_file() else [], start=1):
        values = line.split()
        if not values:
            continue
        where = f"{label}, line {k}"
        number = fields.whole(values[0], "class", where, least=0)
        if number >= len(names):
            raise UserError(
                f"{where}: class: expected at most {len(names) - 1}, of {len(names)} names. Received: {number}"
            )
        numbers = np.array([fields.number(value, "coordinate", where) for value in values[1:]])
        coordinates = numbers[:4] if keypoints else numbers
        if np.any(np.abs(coordinates) > _MOST):
            raise UserError(f"{where}: expected fractions of the image. Received: {line.strip()}")
        if len(numbers) == 4 or (keypoints and len(numbers) > 4):
            boxes.append(from_yolo_cxcywh(numbers[:4])[0])
        elif len(numbers) >= 6 and len(numbers) % 2 == 0:
            x, y = numbers[0::2], numbers[1::2]
            boxes.append(np.array([y.min(), x.min(), y.max(), x.max()]))
            polygons.append(f"{label.name}, line {k}")
        else:
            raise UserError(f"{where}: expected class cx cy w h, or a class and a polygon. Received: {line.strip()}")
        ids.append(number)
    return plain_image(image_id, path, fields.size_of(path), np.array(boxes), ids, FRACTIONS)
