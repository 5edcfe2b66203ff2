# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Shards that others wrote with the feature names of the TensorFlow Object Detection API.

As create_coco_tf_record.py, create_pascal_tf_record.py and Roboflow write them. Much is optional there: the size, the
id, the label or its text. Images stay where they are: each is known by its place in its shard.
"""

import collections
import io
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ssd_tf.data.annotations import FRACTIONS, AnnotatedDataset, AnnotatedImage, Category, Stored
from ssd_tf.data.formats import fields
from ssd_tf.data.formats.label_map import read_label_map
from ssd_tf.data.image_files import file_size
from ssd_tf.utils.errors import UserError, first_line
from ssd_tf.utils.files import files_like

# Of shards, but for their numbers: a.record, a.tfrecord, a.record-00000-of-00010, a-00000-of-00010.tfrecords.
PATTERNS = ("*.record", "*.record-*-of-*", "*.tfrecord", "*.tfrecord-*-of-*", "*.tfrecords", "*.tfrecords-*-of-*")
_SUBSETS = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("test",)}
# In a shard, before the bytes of a record and after them: its length and two checksums.
_BEFORE, _AFTER = 12, 4
# Boxes may leave the image a little; beyond this they are pixels.
_MOST = 2.0
_CORNERS = tuple(f"image/object/bbox/{key}" for key in ("ymin", "xmin", "ymax", "xmax"))

_PER_BOX = tuple(f"image/object/{key}" for key in ("area", "is_crowd", "difficult"))
_CLASS, _CLASS_TEXT = "image/object/class/label", "image/object/class/text"
_CHECKS: dict[str, Callable[[Any, str, str], Any]] = {
    **dict.fromkeys(_CORNERS, fields.number),
    _CLASS: fields.whole,
    "image/object/area": fields.area,
    "image/object/is_crowd": fields.flag,
    "image/object/difficult": fields.flag,
}
# What is read: the rest, such as masks, would fill the memory.
_WANTED = (
    *("image/filename", "image/source_id", "image/height", "image/width"),
    *(*_CORNERS, *_PER_BOX, _CLASS, _CLASS_TEXT),
)


def read_tfrecord(
    annotations: str | pathlib.Path,
    images: str | pathlib.Path = "",
    subset: str = "",
    classes: Sequence[str] = (),
    label_map: str | pathlib.Path | None = "",
) -> AnnotatedDataset:
    """Reads shards of the Object Detection API's records.

    Args:
      annotations: a shard, a pattern such as "data/train.record-*", or a folder with shards.
      images: not used, the shards hold them.
      subset: of a folder whose shards are named for subsets, takes those; "" and "all" take all.
      classes: the names of the labels 1, 2, ..., where neither records nor a label map have names.
      label_map: the .pbtxt file; "" takes the one in the folder of the shards, if there is one; None takes none.

    Returns:
      Classes by ascending id: those of the label map, or else those that occur. Images whose ids are no numbers are
      numbered from 1, as the findings say.

    Raises:
      FileNotFoundError: there are no shards.
      ValueError: a shard is damaged, a record is not of this kind, there are no names, or the records have other names
        than the label map.
    """
    shards = find_shards(annotations, subset)
    maps = [pathlib.Path(label_map)] if label_map else []
    if label_map == "":
        maps = files_like(shards[0].parent, "*.pbtxt")
    if len(maps) > 1:
        raise UserError(f"{shards[0].parent}: expected one label map. Received: {', '.join(p.name for p in maps)}")
    known = {category.id: category.name for category in read_label_map(maps[0])} if maps else {}
    parsed = [item for shard in shards for item in _records(shard)]
    if not parsed:
        raise UserError(f"{shards[0]}: expected records. Received: {len(shards)} shards without any")
    if known:
        _require_names_of_map(parsed, known, maps[0])
    names = known or _names(parsed, classes)
    number_of = {name: number for number, name in names.items()}
    ids, notes = _image_ids([features for _, _, features in parsed])
    read = [
        _read_image(image_id, stored, where, features, names, number_of)
        for image_id, (stored, where, features) in zip(ids, parsed, strict=True)
    ]
    categories = tuple(Category(number, name) for number, name in sorted(names.items()))
    return AnnotatedDataset(categories, tuple(read), {"converted": notes} if notes else {})


def find_shards(annotations: str | pathlib.Path, subset: str = "") -> list[pathlib.Path]:
    """The shards of a path, a pattern or a folder, sorted.

    Raises:
      FileNotFoundError: there are none.
      ValueError: they are named for subsets, and not for this one.
    """
    path = pathlib.Path(annotations)
    if path.is_file():
        return [path]
    patterns = PATTERNS if path.is_dir() else (path.name,)
    folder = path if path.is_dir() else path.parent
    found = files_like(folder, *patterns)
    if not found:
        what = "no shards in it" if path.is_dir() else "nothing is there"
        raise FileNotFoundError(f"annotations file not found: {path}: {what}")
    if not path.is_dir() or subset in ("", fields.ALL):
        return found
    of_subset = {name: [p for p in found if _is_named_for(p, words)] for name, words in _SUBSETS.items()}
    there = [name for name, shards in of_subset.items() if shards]
    chosen = next((of_subset[name] for name, words in _SUBSETS.items() if subset in words), None)
    chosen = [p for p in found if _is_named_for(p, (subset,))] if chosen is None else chosen
    if there and not chosen:
        raise fields.NoSubsetError(
            f"{path}: expected one of the subsets {', '.join(there)}, or all. Received: {subset!r}"
        )
    return chosen or found


def _is_named_for(path: pathlib.Path, words: Sequence[str]) -> bool:
    parts = path.name.lower().replace("-", ".").replace("_", ".").split(".")
    return any(word in parts for word in words)


_Features = dict[str, list]
_Parsed = tuple[Stored, str, _Features]


def _records(shard: pathlib.Path) -> Iterator[tuple[Stored, str, _Features]]:
    """The place of each image, what to call the record in messages, and its other features."""
    start = 0
    try:
        for k, content in enumerate(tf.data.TFRecordDataset(str(shard)).as_numpy_iterator(), start=1):
            where = f"{shard}, record {k}"
            features = _features(content, where)
            encoded = (features.pop("image/encoded", []) or [b""])[0]
            if not isinstance(encoded, bytes) or not encoded:
                raise UserError(
                    f"{where}: expected image/encoded. Received: {', '.join(sorted(features)) or 'nothing'}"
                )
            features = {key: _checked(features[key], key, where) for key in _WANTED if key in features}
            name = _text(features, "image/filename") or _text(features, "image/source_id")
            place = start + _BEFORE + content.index(encoded)
            stored = Stored(pathlib.PureWindowsPath(name).name or f"{shard.name}.{k}", place, len(encoded))
            if not (features.get("image/height") and features.get("image/width")):
                size = file_size(io.BytesIO(encoded)) or (1, 1)
                features |= {"image/height": [size[0]], "image/width": [size[1]], "without size": [FRACTIONS]}
            features["path"] = [shard]
            yield stored, where, features
            start += _BEFORE + len(content) + _AFTER
    except tf.errors.DataLossError as error:
        raise UserError(f"{shard}: not a whole TFRecord file, or a compressed one: {first_line(error)}") from error


def _features(content: bytes, where: str) -> _Features:
    try:
        example = tf.train.Example.FromString(content)
    except Exception as error:  # protobuf's DecodeError, whose module differs by version
        raise UserError(f"{where}: expected a tf.train.Example. Received: {len(content)} other bytes") from error
    kinds = {key: (value, value.WhichOneof("kind")) for key, value in example.features.feature.items()}
    return {key: list(getattr(value, kind).value) if kind else [] for key, (value, kind) in kinds.items()}


def _checked(values: list, key: str, where: str) -> list:
    """The values of a feature, those of boxes as what they should be."""
    if key == _CLASS_TEXT:
        if not all(isinstance(value, bytes) for value in values):
            raise UserError(f"{where}: {key}: expected text. Received: {fields.shown(values)}")
        return [value.decode(errors="replace") for value in values]
    check = _CHECKS.get(key)
    return [check(value, key, where) for value in values] if check else values


def _text(features: _Features, key: str) -> str:
    value = (features.get(key) or [b""])[0]
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _require_names_of_map(parsed: Sequence[_Parsed], known: Mapping[int, str], path: pathlib.Path) -> None:
    """Raises ValueError where a record's own text says another class than the label map: every box would change it."""
    for _, where, features in parsed:
        for label, text in zip(features.get(_CLASS, []), features.get(_CLASS_TEXT, []), strict=False):
            # Ids such as /m/01g317 stand for a display_name.
            is_name = text.strip() and not text.startswith("/")
            if label in known and is_name and text.strip().lower() != known[label].lower():
                raise UserError(
                    f"{where}: class {label}: expected {known[label]!r}, as {path} has it. Received: {text!r}. Pass "
                    "the label map of these records as --classes"
                )


def _names(parsed: Sequence[_Parsed], classes: Sequence[str]) -> dict[int, str]:
    """Class names by id: of the records, or those that were given."""
    names: dict[int, str] = {}
    words: set[str] = set()
    for _, where, features in parsed:
        texts = features.get(_CLASS_TEXT, [])
        labels = features.get(_CLASS, [])
        words.update(texts)
        for label, text in zip(labels, texts, strict=False):
            if names.setdefault(label, text) != text:
                raise UserError(f"{where}: class {label}: expected {names[label]!r} as before. Received: {text!r}")
    if names:
        return names
    if words:
        return dict(enumerate(sorted(words), start=1))
    if not classes:
        raise UserError(
            f"{parsed[0][1]}: expected class names in a label map (.pbtxt) beside the shards, or in the records. "
            "Received: neither. Pass --classes"
        )
    return dict(enumerate(classes, start=1))


def _image_ids(records: Sequence[_Features]) -> tuple[list[int], list[str]]:
    """The ids of the records where all are numbers and each is there once; else from 1 on, and a message."""
    texts = [_text(features, "image/source_id") for features in records]
    keys = [fields.id_key(text, "image/source_id", "") if text.strip() else text for text in texts]
    whole = [int(key) for key in keys if fields.is_whole(key)]
    if len(set(whole)) == len(texts):
        return whole, []
    odd = collections.Counter(texts).most_common(1)[0][0] if len(set(texts)) < len(texts) else texts[0]
    return list(range(1, len(texts) + 1)), [f"images are numbered from 1 on, since image/source_id is {odd!r} in some"]


def _read_image(
    image_id: int,
    stored: Stored,
    where: str,
    features: _Features,
    names: Mapping[int, str],
    number_of: Mapping[str, int],
) -> AnnotatedImage:
    height, width = (fields.whole(features[f"image/{key}"][0], key, where, least=1) for key in ("height", "width"))
    corners = [features.get(key, []) for key in _CORNERS]
    labels = features.get(_CLASS) or [number_of.get(text, 0) for text in features.get(_CLASS_TEXT, [])]
    counts = [len(values) for values in (*corners, labels)]
    if len(set(counts)) != 1:
        raise UserError(f"{where}: expected as many ymin, xmin, ymax, xmax and classes. Received: {counts}")
    unknown = [label for label in labels if label not in names]
    if unknown:
        raise UserError(f"{where}: class: expected one of {sorted(names)}. Received: {unknown[0]}")
    boxes = np.array(corners, np.float64).reshape(4, -1).T
    for box in boxes[(np.abs(boxes) > _MOST).any(axis=1)][:1]:
        shown = ", ".join(f"{value:g}" for value in box)
        raise UserError(f"{where}: expected corners as fractions of the image. Received: [{shown}]")
    extent = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) * height * width
    areas, crowd, difficult = (_of_boxes(features, key, len(labels), where) for key in _PER_BOX)
    return AnnotatedImage(
        image_id=image_id,
        path=features["path"][0],
        height=height,
        width=width,
        boxes=boxes,
        category_ids=np.array(labels, np.int64),
        areas=extent if areas is None else areas,
        is_crowd=np.zeros(len(labels), bool) if crowd is None else crowd > 0,
        is_difficult=difficult > 0 if difficult is not None and difficult.any() else None,
        stored=stored,
        without_size=features.get("without size", [""])[0],
    )


def _of_boxes(features: _Features, key: str, count: int, where: str) -> np.ndarray | None:
    """A number for each box, or None where the record has none."""
    values = features.get(key)
    if not values:
        return None
    if len(values) != count:
        raise UserError(f"{where}: {key}: expected {count} numbers, one for each box. Received: {len(values)}")
    return np.array(values, np.float64)
