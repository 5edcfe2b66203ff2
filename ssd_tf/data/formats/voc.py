# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""PASCAL VOC's format (http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/): an XML file for each image.

LabelImg, CVAT, Roboflow, Label Studio and many others write it. Coordinates are pixels counted from 1.
"""

import collections
import dataclasses
import itertools
import pathlib
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ssd_tf.data.annotations import PIXELS, AnnotatedDataset, AnnotatedImage, Category, plain_image
from ssd_tf.data.formats import fields
from ssd_tf.data.formats.image_names import best_rule
from ssd_tf.data.kinds import IMAGE_SUFFIXES
from ssd_tf.geometry.boxes import from_voc_xyxy
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import is_file, without_system_files
from ssd_tf.utils.text import is_text

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
# VOC's own folders, and those of many others.
_ANNOTATIONS, _IMAGES = ("Annotations", "annotations"), ("JPEGImages", "images")
_SUFFIXES = sorted({*IMAGE_SUFFIXES, *(suffix.upper() for suffix in IMAGE_SUFFIXES)})
# Python's characters for the bytes 0x80 to 0xff of a name that is no UTF-8, and ones for private use.
_TO_PRIVATE = {0xDC00 + byte: 0xF700 + byte for byte in range(0x80, 0x100)}
_FROM_PRIVATE = {private: escaped for escaped, private in _TO_PRIVATE.items()}
# A data set that lists none of these is not divided, whatever else it lists.
_SUBSETS = ("train", "val", "trainval", "test")


class _Object(NamedTuple):
    name: str
    corners: tuple[float, ...]
    is_difficult: bool


class _Places(NamedTuple):
    """Where the parts of a data set lie; `sets` is the folder ImageSets/Main, or None."""

    annotations: pathlib.Path
    images: pathlib.Path
    sets: pathlib.Path | None


def read_voc(
    annotations: str | pathlib.Path, images: str | pathlib.Path = "", subset: str = "", classes: Sequence[str] = ()
) -> AnnotatedDataset:
    """Reads a folder of VOC's XML files.

    Args:
      annotations: a folder with Annotations/ (and JPEGImages/, ImageSets/Main/) or annotations/ (and images/), or the
        folder of the XML files, which may have folders in it.
      images: the folder of the images; "" takes JPEGImages/ or images/ beside the folder of annotations where there is
        one, or else looks beside the XML files.
      subset: takes the images that ImageSets/Main/SUBSET.txt lists, in its order; "" takes all. Without ImageSets all.
      classes: the names, in the order of their ids, which start at 1. None: all names that occur anywhere in the
        folder, sorted, so that every subset has the same classes.

    Returns:
      The images with running ids from 1. Boxes without extent are left out and named in the findings; boxes of classes
      that are not in `classes` are left out and counted.

    Raises:
      FileNotFoundError: no such folder, no XML in it, or a file that the list names is missing.
      ValueError: a file is no VOC annotation, or the subset is not listed.
    """
    places = _find(pathlib.Path(annotations), images)
    every, left_out = without_system_files(sorted(places.annotations.rglob("*.xml")), places.annotations)
    if not every:
        raise FileNotFoundError(f"{places.annotations}: expected XML files. Received: a folder without any")
    chosen = _listed(places.sets, places.annotations, subset, every) if subset and places.sets else every
    parsed = {path: _parse(path) for path in (chosen if classes else sorted({*every, *chosen}))}
    names = classes or sorted({entry.name for _, entries in parsed.values() for entry in entries})
    if not names:
        raise UserError(f"{places.annotations}: expected objects. Received: {len(every)} XML files without any")
    findings: dict[str, list[str]] = collections.defaultdict(list)
    # Paths of Windows too, whose folders are those of another machine.
    image_names = {xml: pathlib.PureWindowsPath(parsed[xml][0].findtext("filename") or "").name for xml in chosen}
    paths, notes = _image_paths(chosen, image_names, places)
    if notes:
        findings["converted"] += notes
    if left_out:
        findings[fields.SYSTEM_FILES] += [path.name for path in left_out]
    read = [
        _read_image(k, xml, path, *parsed[xml], names, findings)
        for k, (xml, path) in enumerate(zip(chosen, paths, strict=True), start=1)
    ]
    return AnnotatedDataset(tuple(Category(k, name) for k, name in enumerate(names, 1)), tuple(read), dict(findings))


def _find(folder: pathlib.Path, images: str | pathlib.Path) -> _Places:
    if not folder.is_dir():
        raise FileNotFoundError(f"folder of annotations not found: {folder}")
    own, lower = (folder / name for name in _ANNOTATIONS)
    # Folders of others may have XML files elsewhere too.
    is_lower = lower.is_dir() and all(path.is_relative_to(lower) for path in folder.rglob("*.xml"))
    inside = own if own.is_dir() else lower if is_lower else None
    is_named = inside is not None or folder.resolve().name in _ANNOTATIONS
    xml = inside or folder
    root = folder.parent if is_named and inside is None else folder
    sets = root / "ImageSets" / "Main"
    beside = [root / name for name in _IMAGES[: 2 if is_named else 1] if (root / name).is_dir()]
    where = pathlib.Path(images) if str(images) else beside[0] if beside else root
    return _Places(xml, where, sets if sets.is_dir() else None)


def _listed(
    sets: pathlib.Path, annotations: pathlib.Path, subset: str, every: list[pathlib.Path]
) -> list[pathlib.Path]:
    """The XML files of a list; lists of one class (`cat_train.txt`) mark the images that lack it with -1."""
    path = sets / f"{subset}.txt"
    if not path.is_file():
        there = sorted(p.stem for p in sets.glob("*.txt"))
        if subset == fields.ALL or (subset in _SUBSETS and not {*there} & {*_SUBSETS}):
            return every
        raise fields.NoSubsetError(
            f"{path}: not found. Expected one of the lists there: {', '.join(there)}. Or pass --subset=all for all"
        )
    lines = [line.strip() for line in fields.read_lines(path, of_names=True) if line.strip()]
    files = [file for line in lines if (file := _of_line(line, annotations))]
    for file in files:
        if not is_file(file):
            raise FileNotFoundError(f"{path} lists {file.stem}, but there is no {file}")
    return files


def _of_line(line: str, annotations: pathlib.Path) -> pathlib.Path | None:
    """The XML file of a line of a list: names may have spaces, and so the whole line comes first. None for -1."""
    whole = annotations / f"{line}.xml"
    name, *flag = line.rsplit(maxsplit=1)
    if flag not in (["-1"], ["0"], ["1"]) or is_file(whole):
        return whole
    return None if flag == ["-1"] else annotations / f"{name}.xml"


class _NoDoctype(ET.TreeBuilder):
    """No annotation has a DOCTYPE, and the entities in one can fill the memory."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise UserError(f"expected no DOCTYPE. Received: {name}")


def _root(content: bytes) -> ET.Element:
    """The root of an XML file. Bytes that are no UTF-8 are as Python has them in names of files: mostly they are in
    the name of the image, and preparation leaves out that one alone."""
    try:
        return ET.fromstring(content, ET.XMLParser(target=_NoDoctype()))
    except ET.ParseError:
        if b"\0" in content or is_text(decoded := content.decode("utf-8", "surrogateescape")):
            raise
    # XML takes no such characters: private ones stand for them while it is parsed.
    root = ET.fromstring(decoded.translate(_TO_PRIVATE), ET.XMLParser(target=_NoDoctype()))
    for element in root.iter():
        element.text = element.text and element.text.translate(_FROM_PRIVATE)
    return root


def _parse(path: pathlib.Path) -> tuple[ET.Element, list[_Object]]:
    try:
        root = _root(path.read_bytes())
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except (ET.ParseError, LookupError, ValueError) as error:  # the latter of an encoding that it does not know
        raise UserError(f"{path}: not XML: {error}") from error
    if root.tag != "annotation":
        raise UserError(f"{path}: not a VOC annotation: expected the element <annotation>. Received: <{root.tag}>")
    return root, [_parse_object(e, f"{path}, object {k}") for k, e in enumerate(root.findall("object"), start=1)]


def _parse_object(element: ET.Element, where: str) -> _Object:
    boxes = element.findall("bndbox")
    if len(boxes) != 1:  # of several, all but the first would be lost
        raise UserError(f"{where}: expected one <bndbox>. Received: {', '.join(e.tag for e in element) or 'nothing'}")
    corners = tuple(fields.number(boxes[0].findtext(key), key, where) for key in _CORNERS)
    is_difficult = fields.flag(element.findtext("difficult"), "difficult", where)
    return _Object(fields.text(element.findtext("name"), "name", where), corners, is_difficult)


def _read_image(
    image_id: int,
    xml: pathlib.Path,
    path: pathlib.Path,
    root: ET.Element,
    objects: list[_Object],
    names: Sequence[str],
    findings: dict[str, list[str]],
) -> AnnotatedImage:
    height, width = (fields.whole(root.findtext(f"size/{k}") or 0, k, str(xml), 0) for k in ("height", "width"))
    without_size = "" if height >= 1 and width >= 1 else PIXELS  # some tools leave it out
    if without_size:
        height, width = fields.size_of(path)
    number_of = {name: k for k, name in enumerate(names, start=1)}
    kept = []
    for entry in objects:
        xmin, ymin, xmax, ymax = entry.corners
        if entry.name not in number_of:
            findings["of other classes"].append(f"{xml.name}: {entry.name}")
        elif xmax <= xmin or ymax <= ymin:
            numbers = ", ".join(f"{value:g}" for value in entry.corners)
            findings["dropped"].append(
                f"{xml.name}: dropped: box [xmin, ymin, xmax, ymax] = [{numbers}] of class {entry.name} has no extent"
            )
        else:
            if 0 <= min(xmin, ymin) < 1:
                findings["counted from 0"].append(f"{xml.name}: a box at [{xmin:g}, {ymin:g}]; VOC's first is [1, 1]")
                xmin, ymin = max(xmin, 1.0), max(ymin, 1.0)
            kept.append(entry._replace(corners=(xmin, ymin, xmax, ymax)))
    boxes = from_voc_xyxy(np.array([entry.corners for entry in kept]), height, width)
    image = plain_image(image_id, path, (height, width), boxes, [number_of[entry.name] for entry in kept], without_size)
    return dataclasses.replace(image, is_difficult=np.array([entry.is_difficult for entry in kept], bool))


def _image_paths(
    chosen: Sequence[pathlib.Path], names: Mapping[pathlib.Path, str], places: _Places
) -> tuple[list[pathlib.Path], list[str]]:
    """The image of each XML file: the one that it names, in the folder of images that is nested as the XML files are.

    Where some are not there, one rule is looked for that holds for all and gives no two of them one image: the folders
    are not nested, or the images lie beside the XML files; and an image may have the name of its XML file. The messages
    say so.
    """
    folders: tuple[Callable[[pathlib.Path], pathlib.Path], ...] = (
        lambda xml: places.images / xml.parent.relative_to(places.annotations),
        lambda _: places.images,
        lambda xml: xml.parent,
    )
    nested = folders[0]
    expected = {xml: nested(xml) / (names[xml] or f"{xml.stem}.jpg") for xml in chosen}
    as_they_are = {xml: path for xml, path in expected.items() if is_file(path)}
    tried = (
        (None, {xml: _in_folder(folder_of(xml), names[xml] if by_name else "", xml.stem) for xml in chosen})
        for folder_of, by_name in itertools.product(folders, (True, False))
    )
    _, best = best_rule(as_they_are, len(expected), tried)
    others = [xml for xml in best if xml not in as_they_are]
    notes = [
        f"{len(others)} images are not called what their XML files say, and were found by one rule for all; the first: "
        f"{xml.name} says {names[xml] or 'nothing'} and has {best[xml].name}"
        for xml in others[:1]
        if best[xml].name != names[xml]
    ]
    return [best.get(xml, expected[xml]) for xml in chosen], notes


def _in_folder(folder: pathlib.Path, name: str, stem: str) -> pathlib.Path | None:
    """The file of that name, or else an image with this stem."""
    named = [folder / name] if name else []
    return fields.first_file([*named, *(folder / f"{stem}{suffix}" for suffix in _SUFFIXES)])
