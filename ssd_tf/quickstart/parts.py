# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Any annotations -> what is trained on and what is evaluated: the data set's own parts, or a division made here."""

import dataclasses
import hashlib
import pathlib
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ssd_tf.data.annotations import AnnotatedDataset, Category, Stored
from ssd_tf.data.formats.fields import NoSubsetError
from ssd_tf.data.formats.readers import AUTO, AnyPath, as_paths, detect_format, read_dataset
from ssd_tf.data.formats.tfrecord import PATTERNS
from ssd_tf.data.preparation.splitting import split_images
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import files_like
from ssd_tf.utils.text import counted

VAL_FRACTION = 0.2
_SEED = 0
_VAL = ("val", "valid", "validation")
# A COCO file is one part; the others may list several.
_WITH_SUBSETS = ("voc", "yolo", "csv", "tfrecord")

_Read = tuple[AnnotatedDataset, dict[str, str]]
_Classes = AnyPath | Sequence[str]


class Parts(NamedTuple):
    """The two parts, with what each was read from, for its manifest; and how they came about, in words."""

    train: AnnotatedDataset
    train_source: dict[str, str]
    val: AnnotatedDataset
    val_source: dict[str, str]
    how: str

    @property
    def state(self) -> str:
        """The images by their names, their classes and boxes, in short: another text where any of them changed."""
        digest, images, boxes = hashlib.sha256(), 0, 0
        for dataset in (self.train, self.val):
            digest.update(repr(dataset.categories).encode())
            for image in dataset.images:
                digest.update(repr((image.name, image.category_ids.tolist(), image.boxes.tolist())).encode())
                images, boxes = images + 1, boxes + len(image.boxes)
        return f"{counted(images, 'image')}, {counted(boxes, 'box')}, {digest.hexdigest()[:12]}"


def read_parts(
    annotations: Sequence[AnyPath],
    images: Sequence[AnyPath] = (),
    format: str = AUTO,
    classes: AnyPath = "",
    val_annotations: AnyPath = "",
    val_images: AnyPath = "",
) -> Parts:
    """Reads a data set, and finds its validation part or makes one.

    In this order: val_annotations; two files such as COCO's instances_train2017.json and instances_val2017.json in a
    folder; the folders train and val or valid of a folder; the lists, sets or shards that a format has for train and
    val; a fifth of the images, stratified by class. Where the data names a part to train on, the fifth is of that part,
    since another one may be there to test.

    Args:
      annotations, images, format, classes: as `read_dataset` takes them.
      val_annotations, val_images: of the images to evaluate on.

    Raises:
      FileNotFoundError, ValueError: as `read_dataset`; or there are too few images to divide.
    """
    if val_annotations:
        if len(images) > 1 and not val_images:
            raise UserError("--val_images: expected the folder of --val_annotations, since --images are several")
        of_val = [val_images] if val_images else images
        return _two_sets((annotations, images), ([val_annotations], of_val), format, classes, "as given")
    paths = as_paths(annotations)
    folder = pathlib.Path(paths[0])
    if len(paths) == 1 and folder.is_dir():
        is_coco = format == "coco" or (format == AUTO and not files_like(folder, *PATTERNS))  # shards have manifests
        if is_coco and (pair := _coco_pair(folder, images)):
            (train, of_train), (val, of_val) = pair
            return _two_sets(([train], [of_train]), ([val], [of_val]), format, classes, f"{train} and {val.name}")
        train, val = _part_folders(folder)
        if train and val:
            return _two_sets(
                ([train], images), ([val], images), format, classes, f"the folders {train.name} and {val.name}"
            )
        if train:
            return _divided(*read_dataset([train], images, format, "", classes), f"the folder {train.name}")
    formats = {detect_format(path) if format == AUTO else format for path in paths}
    if not formats <= {*_WITH_SUBSETS}:
        return _divided(*read_dataset(paths, images, format, "", classes))
    return _of_subsets(lambda subset, names: read_dataset(paths, images, format, subset, names), classes)


def _of_subsets(read: Callable[[str, _Classes], _Read], classes: _Classes) -> Parts:
    """The parts that the annotations name themselves, or a division of what they name to train on."""

    def part(subset: str) -> _Read | None:
        try:
            return read(subset, classes)
        except NoSubsetError:
            return None

    train = part("train")
    val_name, val = next(((name, found) for name in _VAL if (found := part(name))), ("", None))
    if train and val and _files(train) == _files(val):  # nothing is listed, or twice the same
        return _divided(*train)
    if train and val:
        how = "the data set's own train and val"
        return _agreeing((train, val), lambda names: (read("train", names), read(val_name, names)), classes, how)
    if trainval := part("trainval"):
        return _divided(*trainval, "trainval")
    return _divided(*train, "train") if train else _divided(*read("", classes))


def _files(read: _Read) -> list[tuple[pathlib.Path, Stored | None]]:
    return [(image.path, image.stored) for image in read[0].images]


def _two_sets(
    train: tuple[Sequence[AnyPath], Sequence[AnyPath]],
    val: tuple[Sequence[AnyPath], Sequence[AnyPath]],
    format: str,
    classes: _Classes,
    how: str,
) -> Parts:
    """Of the annotations and the images of each."""

    def read(names: _Classes) -> tuple[_Read, _Read]:
        return read_dataset(*train, format, "", names), read_dataset(*val, format, "", names)

    return _agreeing(read(classes), read, classes, how)


def _agreeing(
    found: tuple[_Read, _Read], read: Callable[[_Classes], tuple[_Read, _Read]], classes: _Classes, how: str
) -> Parts:
    """Both parts with the same classes, those of either, and the ids that the part to train on has for them.

    Args:
      found: what `read` gives for these classes.
    """
    names = [sorted(category.name for category in dataset.categories) for dataset, _ in found]
    if not classes and names[0] != names[1]:  # where classes are those that occur, one part may lack some
        found = read(sorted({*names[0], *names[1]}))
    (train, train_source), (val, val_source) = found
    if shared := len({*_files(found[0])} & {*_files(found[1])}):
        how += f"; {shared} of these {len(val.images)} images are trained on too: AP says little about new ones"
    return Parts(train, train_source, _with_ids(val, train.categories), val_source, how)


def _with_ids(dataset: AnnotatedDataset, categories: tuple[Category, ...]) -> AnnotatedDataset:
    """The data set with these categories, which have the same names."""
    if dataset.categories == categories:
        return dataset
    id_of = {category.name: category.id for category in categories}
    new = {category.id: id_of[category.name] for category in dataset.categories}
    images = tuple(
        dataclasses.replace(image, category_ids=np.array([new[old] for old in image.category_ids.tolist()], np.int64))
        for image in dataset.images
    )
    return dataclasses.replace(dataset, categories=categories, images=images)


def _coco_pair(folder: pathlib.Path, images: Sequence[AnyPath]) -> list[tuple[pathlib.Path, AnyPath]] | None:
    """COCO's files of the two parts in a folder or its annotations/, with the folders of their images beside."""
    for place in (folder, folder / "annotations"):
        pairs = [(file, val) for file in files_like(place, "*train*.json") if (val := _val_of(file))]
        pairs = [pair for pair in pairs if pair[0].name.startswith("instances")] or pairs
        if len(pairs) == 1:
            root = place.parent if place.name == "annotations" else place
            return [(file, _images_of(file, root, images)) for file in pairs[0]]
    return None


def _val_of(file: pathlib.Path) -> pathlib.Path | None:
    """The file that is called as this one is, but for val in place of train."""
    names = (re.sub("train(ing)?", val, file.name) for val in _VAL)
    return next((other for name in names if (other := file.with_name(name)).is_file()), None)


def _images_of(file: pathlib.Path, root: pathlib.Path, images: Sequence[AnyPath]) -> AnyPath:
    """The folder called as the file is, such as train2017 for instances_train2017.json, or as its part; else the one
    given, or that of all images."""
    name, names = file.stem.rpartition("_")[2], ("train",) if "train" in file.stem else _VAL
    own = [name] if any(part in name for part in names) else []
    there = [root / above / below for above in ("", "images") for below in (*own, *names)]
    found = [*(place for place in there if place.is_dir()), *images]
    return found[0] if found else root / "images" if (root / "images").is_dir() else ""


def _part_folders(folder: pathlib.Path) -> tuple[pathlib.Path | None, pathlib.Path | None]:
    """The folders of the parts, as Roboflow exports them; YOLO's are its reader's."""
    train, val = (
        next((folder / name for name in names if (folder / name).is_dir()), None) for names in (("train",), _VAL)
    )
    try:
        is_part = train is not None and detect_format(train) != "yolo"
    except (UserError, OSError):
        is_part = False  # a folder of images, for instance, with the annotations elsewhere
    return (train, val) if is_part else (None, None)


def _divided(dataset: AnnotatedDataset, source: dict[str, str], part: str = "") -> Parts:
    number = len(dataset.images)
    if number < 2:
        raise UserError(f"annotations: expected at least 2 images, one of them to evaluate on. Received: {number}")
    count = max(1, round(VAL_FRACTION * number))
    chosen = split_images(dataset.images, [1 - count / number, count / number], _SEED)
    train, val = (dataclasses.replace(dataset, images=tuple(dataset.images[k] for k in part)) for part in chosen)
    of = f" of {part}" if part else ""
    how = (
        f"{count} of {number} images{of} put aside to evaluate on, stratified by class: there is no validation part of "
        f"its own"
    )
    if part:
        how += ", and other parts are left out"
    return Parts(train, source, val, source, how)
