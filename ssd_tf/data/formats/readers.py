# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""All formats behind one function: paths to an annotated data set, whatever wrote them.

A reader is a function `read_X(annotations, images, subset, classes)` in a file of its own; here they are listed, chosen
by what lies there, and several of them put together.
"""

import collections
import fnmatch
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence

from ssd_tf.data.annotations import AnnotatedDataset
from ssd_tf.data.formats import fields
from ssd_tf.data.formats.coco import coco_file, read_coco
from ssd_tf.data.formats.combine import of_classes, together, without_difficult
from ssd_tf.data.formats.csv_tables import read_csv
from ssd_tf.data.formats.label_map import read_label_map
from ssd_tf.data.formats.tfrecord import PATTERNS, find_shards, read_tfrecord
from ssd_tf.data.formats.voc import read_voc
from ssd_tf.data.formats.yolo import read_yolo
from ssd_tf.data.formats.yolo_places import NAMES_FILES
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import files_like, without_system_files

AUTO = "auto"
READERS: Mapping[str, Callable[..., AnnotatedDataset]] = {
    "coco": read_coco,
    "voc": read_voc,
    "yolo": read_yolo,
    "csv": read_csv,
    "tfrecord": read_tfrecord,
}
FORMATS = (AUTO, *READERS)

LABEL_MAP = ".pbtxt"

AnyPath = str | os.PathLike[str]


def read_dataset(
    annotations: AnyPath | Sequence[AnyPath],
    images: AnyPath | Sequence[AnyPath] = "",
    format: str = AUTO,
    subset: str = "",
    classes: AnyPath | Sequence[str] = (),
    difficult: bool = True,
) -> tuple[AnnotatedDataset, dict[str, str]]:
    """Reads annotations in any format.

    Args:
      annotations: a file or a folder, or several of the same classes, which are put together.
      images: the folder of the images, or one for each of the annotations; "" takes where the format has them.
      format: one of FORMATS; auto looks at what lies there.
      subset: such as "train": takes that part of a data set that lists several. "" and "all" take everything.
      classes: names, or a file with a name in each line. None: the data's own. Other classes are left out.
      difficult: keep objects that are marked as difficult.

    Returns:
      The data set; and what it was read from, for the manifest: "format", "annotations", "images".

    Raises:
      FileNotFoundError: the annotations are missing.
      ValueError: no format fits, the annotations are not in the one given, or several sets have different classes.
    """
    paths, folders = as_paths(annotations), as_paths(images) or [""]
    if not paths:
        raise UserError("annotations: expected a path. Received: none")
    if len(folders) not in (1, len(paths)):
        raise UserError(f"images: expected one folder, or one for each of {len(paths)}. Received: {len(folders)}")
    folders = folders * len(paths) if len(folders) == 1 else folders
    if format not in FORMATS:
        raise UserError(f"format: expected one of {', '.join(FORMATS)}. Received: {format!r}")
    formats = [detect_format(path) if format == AUTO else format for path in paths]
    names = _names(classes)
    more = [{"label_map": classes} if kind == "tfrecord" and _is_label_map(classes) else {} for kind in formats]
    sets = [
        of_classes(READERS[kind](path, folder, subset, names, **options), names)
        for kind, path, folder, options in zip(formats, paths, folders, more, strict=True)
    ]
    dataset = together(sets, paths)
    if not difficult:
        dataset = without_difficult(dataset)
    source = {"format": formats, "annotations": paths, "images": dict.fromkeys(folders)}
    return dataset, {key: ", ".join(dict.fromkeys(values)) for key, values in source.items()}


def detect_format(annotations: AnyPath) -> str:
    """The format of what lies there: by the ending of a file, by the files of a folder.

    Raises:
      FileNotFoundError: nothing is there.
      ValueError: it is none of the formats, or could be several.
    """
    path = pathlib.Path(annotations)
    if not path.exists():
        find_shards(path)  # a pattern; raises where nothing is there
        return "tfrecord"
    if not path.is_file() and not path.is_dir():
        raise UserError(f"annotations: expected a file or a folder. Received: {path}, which is neither")
    signs = _SIGNS_OF_A_FILE if path.is_file() else _SIGNS_OF_A_FOLDER
    found = [kind for kind, is_kind in signs.items() if is_kind(path)]
    if len(found) != 1:
        names = sorted(child.name for child in path.iterdir())[:5] if path.is_dir() else [path.name]
        what = f"signs of {' and '.join(found)}" if found else f"none of them: {', '.join(names) or 'an empty folder'}"
        raise UserError(f"{path}: expected one of the formats {', '.join(READERS)}. Received: {what}. Pass --format")
    return found[0]


def read_names(path: AnyPath) -> tuple[str, ...]:
    """Class names from a text file, one in each line, without empty ones; or from a label map (.pbtxt), by their ids.

    Raises:
      FileNotFoundError, ValueError: there is no such file, or it has no names, or one twice.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"file of class names not found: {path}")
    if path.suffix == LABEL_MAP:
        return tuple(category.name for category in read_label_map(path))
    names = [line.strip() for line in fields.read_lines(path) if line.strip()]
    twice = [name for name, count in collections.Counter(names).items() if count > 1]
    if twice or not names:
        raise UserError(
            f"{path}: expected class names, each once. Received: {twice[0] + ' twice' if twice else 'none'}"
        )
    return tuple(names)


def _names(classes: AnyPath | Sequence[str]) -> tuple[str, ...]:
    if not isinstance(classes, (str, os.PathLike)):
        return tuple(classes)
    return read_names(classes) if classes else ()


def _is_label_map(classes: AnyPath | Sequence[str]) -> bool:
    return isinstance(classes, (str, os.PathLike)) and pathlib.Path(classes).suffix == LABEL_MAP


def _is_coco(folder: pathlib.Path) -> bool:
    """Shards of ours have a manifest beside them, Label Studio writes notes.json beside YOLO's labels, and others have
    annotations/ beside labels/, of the same images."""
    file = coco_file(folder)
    if file is None or _is_shards(folder) or (folder / "notes.json").is_file():
        return False
    return file.parent == folder or not (folder / "labels").is_dir()


def _has_one(folder: pathlib.Path, pattern: str) -> bool:
    """Not several: nothing would say which of them is meant."""
    return len(files_like(folder, pattern)) == 1


def _ends_in(*suffixes: str) -> Callable[[pathlib.Path], bool]:
    return lambda path: path.suffix.lower() in suffixes


def _is_shards(path: pathlib.Path) -> bool:
    if path.is_dir():
        return bool(files_like(path, *PATTERNS))
    return any(fnmatch.fnmatch(path.name, pattern) for pattern in PATTERNS)


def _is_yolo(folder: pathlib.Path) -> bool:
    files = {path.name for path in without_system_files([*folder.iterdir(), *folder.glob("labels/*")], folder)[0]}
    return bool(files & {*NAMES_FILES, "labels"} or any(name.endswith((".yaml", ".yml")) for name in files))


_SIGNS_OF_A_FILE = {
    "coco": _ends_in(".json"),
    "yolo": _ends_in(".yaml", ".yml"),
    "csv": _ends_in(".csv"),
    "tfrecord": _is_shards,
}
_SIGNS_OF_A_FOLDER = {
    "coco": _is_coco,
    "voc": lambda folder: bool(without_system_files(folder.rglob("*.xml"), folder)[0]),
    "yolo": _is_yolo,
    "csv": lambda folder: _has_one(folder, "*.csv"),
    "tfrecord": _is_shards,
}


def as_paths(paths: AnyPath | Sequence[AnyPath]) -> list[str]:
    """Paths; commas part them too, unless a path has one."""
    given = [paths] if isinstance(paths, (str, os.PathLike)) else paths
    found = []
    for path in [os.fspath(path) for path in given]:
        found.extend([path] if pathlib.Path(path).exists() else path.split(","))
    return found
