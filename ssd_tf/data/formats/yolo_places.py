# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Where the images of a YOLO data set lie, and the text file of each: by one rule for all, so that none takes a
stranger's."""

import itertools
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ssd_tf.data.formats import fields
from ssd_tf.data.formats.image_names import find_files
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import files_like

# Where tools put the names, besides data.yaml.
NAMES_FILES = ("classes.txt", "obj.names", "_darknet.labels")
_SUBSETS = ("train", "val", "test")
_OTHER_NAMES = {"val": ("val", "valid", "validation")}


class Source(NamedTuple):
    """A data set's folder, what its YAML file says (empty without one), its class names (None: nowhere)."""

    root: pathlib.Path
    settings: dict[str, Any]
    yaml_file: pathlib.Path | None
    names: tuple[str, ...] | None


class Images(NamedTuple):
    """The images in their order, the files of systems that are left out, and messages about how they were found.

    `all_there` says whether the folders hold them all: a list may leave images out, and their labels stay.
    """

    paths: list[pathlib.Path]
    left_out: list[pathlib.Path]
    notes: list[str]
    all_there: bool


def find_images(source: Source, folder: pathlib.Path | None, subset: str) -> Images:
    """The images of the subset, sorted; in the order of the list where data.yaml names a list.

    Args:
      folder: where they are; None finds it.

    Raises:
      FileNotFoundError: a folder that data.yaml names is not there, or has no image.
      ValueError: there is no such subset.
    """
    notes: list[str] = []
    if folder is not None:
        places = _subset_folders(folder, subset) or [folder]
    else:
        places, notes = _yaml_places(source, subset)
        places = places or _subset_folders(source.root, subset)
        if not places and (source.root / "images").is_dir():
            places = [source.root / "images"]
        places = places or [source.root]
    found = [_images_of(place) for place in places]
    paths = list(dict.fromkeys(itertools.chain(*(of_place.paths for of_place in found))))
    left_out = list(dict.fromkeys(itertools.chain(*(of_place.left_out for of_place in found))))
    if not paths:
        raise FileNotFoundError(f"expected images in {', '.join(map(str, places))}. Received: none")
    notes += itertools.chain(*(of_place.notes for of_place in found))
    return Images(paths, left_out, notes, all(of_place.all_there for of_place in found))


def _images_of(place: pathlib.Path) -> Images:
    if place.is_file():  # a list of images, relative to where it lies
        lines = [line.strip() for line in fields.read_lines(place, of_names=True) if line.strip()]
        if not lines:
            return Images([], [], [], False)
        paths, notes = find_files(place.parent, lines)
        return Images(paths, [], notes, False)
    return Images(*fields.images_below(place), [], True)


def _yaml_places(source: Source, subset: str) -> tuple[list[pathlib.Path], list[str]]:
    """The folders or lists that data.yaml names, and messages about those that lie elsewhere.

    Roboflow's say ../train/images and mean train/images. Where one of them is in the data set, none is looked for
    outside: it would be a neighbour's.
    """
    there = [key for key in _SUBSETS if source.settings.get(key)]
    wanted = [
        key for key in there if subset in ("", fields.ALL) or key == subset or subset in _OTHER_NAMES.get(key, ())
    ]
    if there and not wanted:
        raise fields.NoSubsetError(
            f"{source.yaml_file}: expected one of {', '.join(there)}, or all. Received: {subset!r}"
        )
    values = {key: [str(value) for value in _as_list(source.settings[key])] for key in there}
    upward = [value for of_key in values.values() for value in of_key if value.startswith("..")]
    stays_inside = any(_inside(source.root, value).exists() for value in upward)
    base = source.root / str(source.settings.get("path") or "")
    places, notes = [], []
    for key, value in [(name, value) for name in wanted for value in values[name]]:
        outer, inner = [base / value, source.root / value], _inside(source.root, value)
        tried = [inner] if stays_inside and value in upward else [*outer, inner]
        found = next((path for path in tried if path.exists()), None)
        if found is None:
            raise FileNotFoundError(f"{source.yaml_file}: {key}: {value}: not found, nor {tried[-1]}")
        if found == inner and outer[0].exists() and not outer[0].samefile(inner):
            notes.append(f"{key}: {value} is {inner}, in the data set; {outer[0]} is there too, and not taken")
        elif not found.resolve().is_relative_to(source.root.resolve()):
            notes.append(f"{key}: {value} is {found.resolve()}, which is not in the folder of {source.yaml_file}")
        places.append(found)
    return places, notes


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _inside(root: pathlib.Path, value: str) -> pathlib.Path:
    return root / value.lstrip("./")


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
            raise fields.NoSubsetError(
                f"{root}: expected one of the subsets {', '.join(there)}, or all. Received: {subset!r}"
            )
        return [there[subset]]
    return []


def find_labels(
    images: Sequence[pathlib.Path], root: pathlib.Path
) -> tuple[dict[pathlib.Path, pathlib.Path], list[str]]:
    """The text file of each image, there or not, and a message about files that other rules would have given.

    The rule is that which finds the most: the last folder named images changed to labels, or else beside the image, in
    labels/, or in the root.

    Raises:
      FileNotFoundError: no image has one.
      ValueError: one file would give its boxes to two images.
    """
    rules: tuple[Callable[[pathlib.Path], pathlib.Path | None], ...] = (
        _in_labels,
        lambda image: image.with_suffix(".txt"),
        lambda image: root / "labels" / f"{image.stem}.txt",
        lambda image: root / f"{image.stem}.txt",
    )
    found: list[dict[pathlib.Path, pathlib.Path]] = []
    for rule in rules:
        found.append({image: label for image in images if (label := rule(image)) and is_label(label)})
        if len(found[-1]) == len(images):
            break
    best = max(range(len(found)), key=lambda k: len(found[k]))  # the first of those that find as many
    first = images[0]
    if not found[best]:
        expected = _in_labels(first) or first.with_suffix(".txt")
        raise FileNotFoundError(
            f"no labels for {len(images)} images; for {first} expected {expected} or a text file beside it"
        )
    labels = {image: rules[best](image) or image.with_suffix(".txt") for image in images}
    _require_own_labels(found[best])
    taken = {label.absolute() for label in found[best].values()}
    others = {
        image: label
        for of_rule in found
        for image, label in of_rule.items()
        if image not in found[best] and label.absolute() not in taken
    }
    notes = [
        f"{len(others)} images without labels beside those of the others, though there are files of their names "
        f"elsewhere, which are not taken; the first: {image.name} and {label}"
        for image, label in list(others.items())[:1]
    ]
    return labels, notes


def without_image(
    labels: Mapping[pathlib.Path, pathlib.Path], root: pathlib.Path
) -> list[tuple[pathlib.Path, pathlib.Path]]:
    """The files of labels whose images are not there, each after the path that the image would have.

    They are looked for beside the labels of the other images. Where labels of several folders of images lie in one,
    any image of the data set may be theirs.
    """
    folders: dict[pathlib.Path, dict[pathlib.Path, None]] = {}
    for image, label in labels.items():
        folders.setdefault(label.parent, {})[image.parent] = None
    suffix = next(iter(labels)).suffix
    missing = []
    for folder, of_images in folders.items():
        own = next(iter(of_images))
        is_beside = folder == own or _in_labels(own / "x") == folder / "x.txt"
        searched = [path for parent in of_images for path in parent.iterdir()] if is_beside else root.rglob("*")
        there = {path.stem for path in [*searched, *labels] if path.suffix.lower() != fields.LABELS}
        missing += [
            (own / f"{label.stem}{suffix}", label)
            for label in files_like(folder, f"*{fields.LABELS}")
            if label.stem not in there and _has_labels(label)
        ]
    return missing


def _in_labels(image: pathlib.Path) -> pathlib.Path | None:
    """The last folder named images changed to labels."""
    parts = image.with_suffix(".txt").parts
    if "images" not in parts[:-1]:
        return None
    last = len(parts) - 1 - parts[::-1].index("images")
    return pathlib.Path(*parts[:last], "labels", *parts[last + 1 :])


def is_label(path: pathlib.Path) -> bool:
    """Whether it is there, and no list of names: an image may be called classes.jpg."""
    return fields.first_file([path]) is not None and (path.name not in NAMES_FILES or _has_labels(path))


def _has_labels(path: pathlib.Path) -> bool:
    """Whether the first line is one of labels: notes and lists of images lie beside them too."""
    with path.open("rb") as file:
        values = file.readline().split()
    return len(values) >= 5 and all(map(fields.is_number, values))


def _require_own_labels(labels: Mapping[pathlib.Path, pathlib.Path]) -> None:
    """Raises ValueError where one file would give its boxes to two images."""
    image_of: dict[pathlib.Path, pathlib.Path] = {}
    for image, label in labels.items():
        first = image_of.setdefault(label, image)
        if first != image:
            raise UserError(f"{label}: expected labels for each image. Received: one file for {first} and {image}")
