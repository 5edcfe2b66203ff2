# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Tables of boxes, one in each row, in the three forms that are in use. The header or the first row says which.

- The TensorFlow tutorials', which Roboflow writes too: a header with filename, class, xmin, ymin, xmax, ymax in pixels,
  and mostly width and height. Names such as image, label and x1 mean the same.
- RetinaNet's (keras-retinanet): path, x1, y1, x2, y2, class without a header; empty columns for an image without boxes.
- Google AutoML's, which Vertex and the TFLite Model Maker read too: set, path, label, and four corners as fractions:
  x_min, y_min, x_max, y_min, x_max, y_max, x_min, y_max, of which the second and the fourth may be empty. They may
  begin at another corner, or be those of a turned rectangle: the box is the one around them. The set may be left out,
  and the label and the corners of an image without boxes.
"""

import csv
import io
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ssd_tf.data.annotations import FRACTIONS, PIXELS, AnnotatedDataset, AnnotatedImage, Category, plain_image
from ssd_tf.data.formats import fields
from ssd_tf.data.formats.image_names import find_files
from ssd_tf.geometry.boxes import from_pixels_xyxy
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import files_like

# Other names of columns, in lower case and without "_".
_COLUMNS = {
    "filename": ("filename", "file", "image", "imagename", "imagepath", "path", "imageid"),
    "class": ("class", "label", "classname", "name", "category"),
    "xmin": ("xmin", "x1", "left"),
    "ymin": ("ymin", "y1", "top"),
    "xmax": ("xmax", "x2", "right"),
    "ymax": ("ymax", "y2", "bottom"),
    "width": ("width", "imagewidth"),
    "height": ("height", "imageheight"),
    "set": ("set", "split", "subset"),
}
_NEEDED = ("filename", "class", "xmin", "ymin", "xmax", "ymax")
_TUTORIAL = ("filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax")
_RETINANET = ("filename", "xmin", "ymin", "xmax", "ymax", "class")
_AUTOML = ("filename", "class", "xmin", "ymin", "", "", "xmax", "ymax", "", "")
# What AutoML and Vertex call the subsets.
_SETS = {
    "train": "train",
    "training": "train",
    "validate": "val",
    "validation": "val",
    "test": "test",
    "unassigned": "",
}


class _Form(NamedTuple):
    """Which column of a row is which, what the corners are, whether the first row is a header, and the most columns."""

    columns: dict[str, int]
    fractions: bool
    header: bool
    most: int


class _Row(NamedTuple):
    """`corners` is None for an image without boxes; `subset` "" where the row has none."""

    subset: str
    name: str
    label: str
    corners: tuple[float, ...] | None
    size: tuple[int, int] | None
    where: str


def read_csv(
    annotations: str | pathlib.Path, images: str | pathlib.Path = "", subset: str = "", classes: Sequence[str] = ()
) -> AnnotatedDataset:
    """Reads a table of boxes.

    Args:
      annotations: the CSV file, or a folder with one.
      images: the folder that the paths are relative to; "" takes that of the file. Where they do not fit,
        `find_files` looks for one rule for all of them, so paths of another machine or of a bucket do no harm.
      subset: takes the rows of that set, where the rows name sets; "" and "all" take all.
      classes: names in the order of their ids, which start at 1. None: the names that occur, sorted.

    Returns:
      The images in the order in which they first occur, with running ids from 1. Boxes of classes that are not in
      `classes` are left out and counted in the findings.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: the form cannot be recognised, or a row is not of it; the message shows the row.
    """
    path = _csv_file(pathlib.Path(annotations))
    folder = pathlib.Path(images) if str(images) else path.parent
    rows, fractions = _read_rows(path)
    names = classes or sorted({row.label for row in rows if row.corners is not None})
    if not names:
        raise UserError(f"{path}: expected boxes. Received: {len(rows)} rows without any")
    rows = _of_subset(rows, subset, path)
    number_of = {name: k for k, name in enumerate(names, start=1)}
    rows_of: dict[str, list[_Row]] = {}
    for row in rows:
        rows_of.setdefault(row.name, []).append(row)
    others = [f"{row.name}: {row.label}" for row in rows if row.corners is not None and row.label not in number_of]
    paths, renamed = find_files(folder, list(rows_of))
    read = [
        _read_image(k, path, of_image, number_of, fractions)
        for k, (path, of_image) in enumerate(zip(paths, rows_of.values(), strict=True), start=1)
    ]
    categories = tuple(Category(k, name) for name, k in number_of.items())
    findings = {"of other classes": others, "converted": renamed}
    return AnnotatedDataset(categories, tuple(read), {kind: notes for kind, notes in findings.items() if notes})


def _csv_file(path: pathlib.Path) -> pathlib.Path:
    files = files_like(path, "*.csv") if path.is_dir() else [path]
    if len(files) != 1:
        there = ", ".join(file.name for file in files) or "none"
        raise UserError(f"{path}: expected a CSV file, or a folder with one. Received: a folder with {there}")
    if not files[0].is_file():
        raise FileNotFoundError(f"annotations file not found: {path}")
    return files[0]


def _read_rows(path: pathlib.Path) -> tuple[list[_Row], bool]:
    """The rows, and whether their corners are fractions."""
    reader = csv.reader(
        io.StringIO("\n".join(fields.read_lines(path, of_names=True))), skipinitialspace=True, strict=True
    )
    try:
        numbered = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: not CSV: {error}") from error
    if not numbered:
        raise UserError(f"{path}: expected rows. Received: an empty file")
    form = _form_of(numbered[0][1], f"{path}, line {numbered[0][0]}")
    rows = [_row(cells, form, f"{path}, line {k}") for k, cells in numbered[form.header :]]
    boxes = [row for row in rows if row.corners is not None]
    if boxes and not form.fractions and all(max(row.corners or ()) <= 1 for row in boxes):
        raise UserError(
            f"{boxes[0].where}: expected corners in pixels. Received: no number above 1 in the whole file, so these "
            f"seem to be fractions: {boxes[0].corners}"
        )
    return rows, form.fractions


def _form_of(row: list[str], where: str) -> _Form:
    """The form that a file has by its first row."""
    cells = [cell.strip() for cell in row]
    plain = [cell.lower().replace("_", "").replace(" ", "") for cell in cells]
    named = {key: [plain.index(name) for name in names if name in plain] for key, names in _COLUMNS.items()}
    if all(named[key] for key in _NEEDED):
        double = [key for key, places in named.items() if len(places) > 1]
        if double:
            raise UserError(f"{where}: expected one column for {double[0]}. Received: {','.join(row)}")
        return _Form({key: places[0] for key, places in named.items() if places}, False, True, len(cells))
    if cells[0].lower() in _SETS and len(cells) in (2, 3, 11):
        columns = {"set": 0, **{key: k for k, key in enumerate(_AUTOML, start=1) if key}}
        return _Form(columns, True, False, 1 + len(_AUTOML))
    if len(cells) == 10 and fields.is_number(cells[2]):
        return _Form({key: k for k, key in enumerate(_AUTOML) if key}, True, False, len(_AUTOML))
    for columns in (_RETINANET, _TUTORIAL):
        if len(cells) != len(columns):
            continue
        corners = [cells[columns.index(key)] for key in _NEEDED[2:]]
        background = columns is _RETINANET and not any(cells[1:])
        if background or (all(map(fields.is_number, corners)) and _may_be_name(cells, columns)):
            return _Form({key: k for k, key in enumerate(columns)}, False, False, len(columns))
    raise UserError(
        f"{where}: expected a header with {', '.join(_NEEDED)}; or a row {','.join(_RETINANET)}; or one of AutoML's, "
        f"set,path,label and four corners. Received: {','.join(row)}"
    )


def _may_be_name(cells: list[str], columns: Sequence[str]) -> bool:
    """Whether path and class of a row without a header are where they should be: neither is a fraction or empty."""
    both = [cells[columns.index(key)] for key in ("filename", "class")]
    return all(both) and not fields.is_number(both[0])


def _row(cells: list[str], form: _Form, where: str) -> _Row:
    def cell(key: str) -> str:
        place = form.columns.get(key, len(cells))
        return cells[place].strip() if place < len(cells) else ""

    shown = f"{where} ({','.join(cells)})"
    if any(cell.strip() for cell in cells[form.most :]):
        raise UserError(f"{shown}: expected at most {form.most} columns. Received: {len(cells)}")
    group = cell("set").lower()
    if form.fractions and "set" in form.columns and group not in _SETS:
        raise UserError(f"{shown}: set: expected one of {', '.join(_SETS)}. Received: {cell('set')!r}")
    size = None
    if cell("width") or cell("height"):
        size = (fields.whole(cell("height"), "height", shown, 1), fields.whole(cell("width"), "width", shown, 1))
    name = fields.file_name(cell("filename"), "filename", shown)
    corners = None
    if any(cell(key) for key in _NEEDED[2:]):
        corners = tuple(fields.number(cell(key), key, shown) for key in _NEEDED[2:])
        if form.fractions:
            corners += _more_corners(cells, form, shown)
        fields.text(cell("class"), "class", shown)
        if form.fractions and not all(0 <= value <= 1 for value in corners):
            raise UserError(f"{shown}: expected corners as fractions, from 0 to 1. Received: {corners}")
        if form.fractions:
            corners = (min(corners[0::2]), min(corners[1::2]), max(corners[0::2]), max(corners[1::2]))
    return _Row(_SETS.get(group, group), name, cell("class"), corners, size, where)


def _more_corners(cells: list[str], form: _Form, shown: str) -> tuple[float, ...]:
    """AutoML's second and fourth corner, x before y, as far as they are there."""
    places = [form.columns[key] + 2 for key in ("xmin", "ymin", "xmax", "ymax")]
    given = [cells[place].strip() if place < len(cells) else "" for place in places]
    corners = [pair for pair in (given[:2], given[2:]) if any(pair)]
    return tuple(fields.number(value, "corner", shown) for pair in corners for value in pair)


def _of_subset(rows: list[_Row], subset: str, path: pathlib.Path) -> list[_Row]:
    there = sorted({row.subset for row in rows if row.subset})
    if not there or subset in ("", fields.ALL):
        return rows
    found = [row for row in rows if row.subset == _SETS.get(subset.lower(), subset.lower())]
    if not found:
        raise fields.NoSubsetError(f"{path}: expected one of the sets {', '.join(there)}, or all. Received: {subset!r}")
    return found


def _read_image(
    image_id: int, path: pathlib.Path, rows: list[_Row], number_of: dict[str, int], fractions: bool
) -> AnnotatedImage:
    sizes = {row.size: row.where for row in rows if row.size}
    if len(sizes) > 1:
        shown = [f"{width}x{height}" for height, width in sizes]
        raise UserError(f"{list(sizes.values())[1]}: expected the size {shown[0]} of rows before. Received: {shown[1]}")
    without_size = "" if sizes else FRACTIONS if fractions else PIXELS
    height, width = next(iter(sizes), None) or fields.size_of(path)
    kept = [row for row in rows if row.corners is not None and row.label in number_of]
    boxes = from_pixels_xyxy(np.array([row.corners for row in kept]), *((1, 1) if fractions else (height, width)))
    return plain_image(image_id, path, (height, width), boxes, [number_of[row.label] for row in kept], without_size)
