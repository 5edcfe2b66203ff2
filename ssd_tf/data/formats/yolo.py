# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""YOLO's format (https://docs.ultralytics.com/datasets/detect/): a text file of normalised boxes for each image.

Read in every layout that tools write: images/train beside labels/train, train/images beside train/labels, a plain
images/ beside labels/, and text files beside their images (LabelImg, Darknet).
"""

import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import yaml

from ssd_tf.data.annotations import FRACTIONS, AnnotatedDataset, AnnotatedImage, Category, plain_image
from ssd_tf.data.formats import fields
from ssd_tf.data.formats.yolo_places import NAMES_FILES, Source, find_images, find_labels, is_label, without_image
from ssd_tf.geometry.boxes import from_yolo_cxcywh
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import files_like

# Boxes may leave the image a little; beyond this they are pixels.
_MOST = 2.0


class _Polygon(NamedTuple):
    """A line with a polygon: which it is, how many numbers it has, and whether they can be a box with keypoints, each
    x y and 0, 1 or 2."""

    where: str
    length: int
    may_be_keypoints: bool


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
      The images with running ids from 1; an image without a file of labels, or with an empty one, has no boxes. Those
      whose labels are there without them come last, with the paths that they would have. Class
      ids are YOLO's own, from 0. Polygons become the boxes around them, as the findings say.

    Raises:
      FileNotFoundError: nothing is there, or no image is.
      ValueError: there are no class names, or not as many as data.yaml's nc; a line is none of YOLO's; one file of
        labels fits two images; or polygons look like keypoints.
    """
    source = _open(pathlib.Path(annotations))
    names = source.names or tuple(classes)
    if not names:
        raise UserError(
            f"{source.root}: expected the class names in data.yaml or {', '.join(NAMES_FILES)}. Received: none of "
            "these. Pass --classes"
        )
    images_of = find_images(source, pathlib.Path(images) if str(images) else None, subset)
    labels, elsewhere = find_labels(images_of.paths, source.root)
    missing = without_image(labels, source.root) if images_of.all_there else []
    polygons: list[_Polygon] = []
    keypoints = "kpt_shape" in source.settings
    read = [
        _read_image(k, path, label, names, keypoints, polygons)
        for k, (path, label) in enumerate([*labels.items(), *missing], start=1)
    ]
    _require_polygons(polygons, source)
    notes = [*images_of.notes, *elsewhere]
    if polygons:
        notes.append(f"{len(polygons)} polygons became the boxes around them; the first: {polygons[0].where}")
    categories = tuple(Category(k, name) for k, name in enumerate(names))
    findings = {"converted": notes, fields.SYSTEM_FILES: [path.name for path in images_of.left_out]}
    return AnnotatedDataset(categories, tuple(read), {kind: found for kind, found in findings.items() if found})


def _open(path: pathlib.Path) -> Source:
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
        names = _yaml_names(settings["names"], yaml_file)
        count = settings.get("nc")
        if count is not None and fields.whole(count, "nc", str(yaml_file)) != len(names):
            raise UserError(f"{yaml_file}: nc: expected {len(names)}, as there are names. Received: {count!r}")
        return Source(root, settings, yaml_file, names)
    file = fields.first_file(folder / name for folder in (root, root / "labels") for name in NAMES_FILES)
    lines = fields.read_lines(file) if file else []
    return Source(root, settings, yaml_file, tuple(line.strip() for line in lines if line.strip()) or None)


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


def _may_be_keypoints(numbers: np.ndarray) -> bool:
    """Whether each third number after a box is 0, 1 or 2. A polygon of the image's corners alone stays one."""
    levels = (0, 1, 2)
    fits = len(numbers) >= 10 and len(numbers) % 3 == 1
    return fits and bool(np.isin(numbers[6::3], levels).all() and not np.isin(numbers, levels).all())


def _require_polygons(polygons: Sequence[_Polygon], source: Source) -> None:
    """Raises ValueError where all polygons look like boxes with keypoints, around which other boxes would be drawn."""
    if polygons and all(entry.may_be_keypoints and entry.length == polygons[0].length for entry in polygons):
        raise UserError(
            f"{polygons[0].where}: expected a box or a polygon. Received: what looks like a box with keypoints, each x "
            f"y and 0, 1 or 2, in all {len(polygons)} lines like it. If so, give "
            f"{source.yaml_file or source.root / 'data.yaml'} the line kpt_shape: [{(polygons[0].length - 4) // 3}, 3]"
        )


def _read_image(
    image_id: int,
    path: pathlib.Path,
    label: pathlib.Path,
    names: Sequence[str],
    keypoints: bool,
    polygons: list[_Polygon],
) -> AnnotatedImage:
    boxes, ids = [], []
    for k, line in enumerate(fields.read_lines(label) if is_label(label) else [], start=1):
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
            polygons.append(_Polygon(f"{label.name}, line {k}", len(numbers), _may_be_keypoints(numbers)))
        else:
            raise UserError(f"{where}: expected class cx cy w h, or a class and a polygon. Received: {line.strip()}")
        ids.append(number)
    return plain_image(image_id, path, fields.size_of(path), np.array(boxes), ids, FRACTIONS)
