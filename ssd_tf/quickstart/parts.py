# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Any annotations -> what is trained on and what is evaluated: the data set's own parts, or a division made here."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

from ssd_tf.data.annotations import AnnotatedDataset
from ssd_tf.data.formats.readers import AUTO, AnyPath, as_paths, detect_format, read_dataset
from ssd_tf.data.preparation.splitting import split_images
from ssd_tf.utils.errors import UserError

VAL_FRACTION = 0.2
_SEED = 0
_TRAIN, _VAL = ("train",), ("val", "valid", "validation")
# A COCO file is one part; the others may list several.
_WITH_SUBSETS = ("voc", "yolo", "csv", "tfrecord")


class Parts(NamedTuple):
    """The two parts, with what each was read from, for its manifest; and how they came about, in words."""

    train: AnnotatedDataset
    train_source: dict[str, str]
    val: AnnotatedDataset
    val_source: dict[str, str]
    how: str


def read_parts(
    annotations: Sequence[AnyPath],
    images: Sequence[AnyPath] = (),
    format: str = AUTO,
    classes: AnyPath = "",
    val_annotations: AnyPath = "",
    val_images: AnyPath = "",
) -> Parts:
    """Reads a data set, and finds its validation part or makes one.

    In this order: val_annotations; the folders train and val or valid of a folder; the lists, sets or shards that a
    format has for train and val; a fifth of the images, stratified by class.

    Args:
      annotations, images, format, classes: as `read_dataset` takes them.
      val_annotations, val_images: of the images to evaluate on.

    Raises:
      FileNotFoundError, ValueError: as `read_dataset`; or there are too few images to divide.
    """
    if val_annotations:
        return _two_sets(annotations, images, [val_annotations], [val_images or ""], format, classes, "as given")
    paths = as_paths(annotations)
    if len(paths) == 1 and (folders := _part_folders(pathlib.Path(paths[0]))):
        train, val = folders
        how = f"the folders {train.name} and {val.name}"
        return _two_sets([train], images, [val], images, format, classes, how)
    found = _subsets(paths, images, format, classes)
    return found or _divided(*read_dataset(paths, images, format, "", classes))


def _two_sets(
    train: Sequence[AnyPath],
    train_images: Sequence[AnyPath],
    val: Sequence[AnyPath],
    val_images: Sequence[AnyPath],
    format: str,
    classes: AnyPath | Sequence[str],
    how: str,
) -> Parts:
    parts = Parts(
        *read_dataset(train, train_images, format, "", classes),
        *read_dataset(val, val_images, format, "", classes),
        how,
    )
    if parts.train.categories == parts.val.categories or classes:
        return parts
    # Where classes are those that occur, one part may lack some.
    names = sorted({category.name for dataset in (parts.train, parts.val) for category in dataset.categories})
    return _two_sets(train, train_images, val, val_images, format, names, how)


def _part_folders(folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path] | None:
    """The folders of the parts, as Roboflow exports them; YOLO's are its reader's."""
    there = [next((folder / name for name in names if (folder / name).is_dir()), None) for names in (_TRAIN, _VAL)]
    if there[0] is None or there[1] is None:
        return None
    try:
        formats = {detect_format(path) for path in there if path}
    except (UserError, OSError):
        return None
    return None if "yolo" in formats else (there[0], there[1])


def _subsets(paths: Sequence[str], images: Sequence[AnyPath], format: str, classes: AnyPath) -> Parts | None:
    """The parts that the annotations name themselves; None where they name none."""
    formats = {detect_format(path) if format == AUTO else format for path in paths}
    if not formats <= {*_WITH_SUBSETS}:
        return None
    try:
        train, train_source = read_dataset(paths, images, format, _TRAIN[0], classes)
        val, val_source = read_dataset(paths, images, format, _VAL[0], classes)
    except (UserError, OSError):
        return None  # it names others; what else is wrong is told when all of it is read
    places = [{_place(image) for image in dataset.images} for dataset in (train, val)]
    if not places[0] or not places[1] or places[0] == places[1]:  # without subsets a reader takes everything
        return None
    return Parts(train, train_source, val, val_source, "the data set's own train and val")


def _place(image) -> tuple[str, int]:
    return str(image.path), image.stored.offset if image.stored else 0


def _divided(dataset: AnnotatedDataset, source: dict[str, str]) -> Parts:
    number = len(dataset.images)
    if number < 2:
        raise UserError(f"annotations: expected at least 2 images, one of them to evaluate on. Received: {number}")
    count = max(1, round(VAL_FRACTION * number))
    chosen = split_images(dataset.images, [1 - count / number, count / number], _SEED)
    train, val = (dataclasses.replace(dataset, images=tuple(dataset.images[k] for k in part)) for part in chosen)
    how = f"{count} of {number} images put aside to evaluate on, stratified by class: there is no validation part"
    return Parts(train, source, val, {**source}, how)
