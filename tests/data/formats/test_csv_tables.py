# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Each form of CSV is known by its header or its first row; a doubt is an error that shows the row."""

import pathlib

import cv2
import numpy as np
import pytest

from ssd_tf.data.formats.csv_tables import read_csv
from ssd_tf.utils.errors import UserError

HEADER = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
ROW = "a.png,200,100,dog,20,10,120,60\n"
# The same box of a 200x100 image in each form.
FORMS = {
    "tutorial": HEADER + ROW,
    "without a header": ROW,
    "columns in another order": "class,xmax,ymax,xmin,ymin,filename\ndog,120,60,20,10,a.png\n",
    "other names": "image,x1,y1,x2,y2,label\na.png,20,10,120,60,dog\n",
    "words of two": "Image Path,X_Min,Y_Min,X_Max,Y_Max,Class Name\na.png,20,10,120,60,dog\n",
    "retinanet": "a.png,20,10,120,60,dog\n",
    "retinanet on another machine": "/home/somebody/a.png,20,10,120,60,dog\n",
    "retinanet on Windows": "C:\\photos\\a.png,20,10,120,60,dog\n",
    "retinanet with spaces and floats": "a.png, 20.0, 10.0, 120.0, 60.0, dog\n",
    "automl": "TRAIN,gs://bucket/a.png,dog,0.1,0.1,,,0.6,0.6,,\n",
    "automl with all corners": "UNASSIGNED,gs://bucket/a.png,dog,0.1,0.1,0.6,0.1,0.6,0.6,0.1,0.6\n",
    "automl from another corner": "TRAIN,a.png,dog,0.1,0.6,0.6,0.6,0.6,0.1,0.1,0.1\n",
    "automl with the other diagonal": "TRAIN,a.png,dog,0.6,0.1,,,0.1,0.6,,\n",
    "automl with a turned rectangle": "TRAIN,a.png,dog,0.3,0.1,0.6,0.4,0.4,0.6,0.1,0.3\n",
    "vertex without a set": "gs://bucket/a.png,dog,0.1,0.1,,,0.6,0.6,,\n",
    "windows": "\ufeff" + (HEADER + ROW).replace("\n", "\r\n"),
    "quotes": HEADER + '"a.png","200","100","dog","20","10","120","60"\n',
}


def read(folder: pathlib.Path, content: str, **options):
    cv2.imwrite(str(folder / "a.png"), np.zeros((100, 200, 3), np.uint8))
    (folder / "boxes.csv").write_text(content, encoding="utf-8", newline="")
    return read_csv(folder / "boxes.csv", **options)


@pytest.mark.parametrize("form", FORMS)
def test_form_is_read(tmp_path, form):
    dataset = read(tmp_path, FORMS[form])
    (image,) = dataset.images
    assert image.path == tmp_path / "a.png"
    assert (image.height, image.width) == (100, 200)
    np.testing.assert_allclose(image.boxes, [[0.1, 0.1, 0.6, 0.6]])
    assert [(category.id, category.name) for category in dataset.categories] == [(1, "dog")]


def test_rows_of_an_image_need_not_be_together(tmp_path):
    rows = "b.png,9,9,cat,1,1,5,5\n" + ROW + "b.png,9,9,dog,1,1,5,5\n"
    dataset = read(tmp_path, HEADER + rows)
    assert [(image.path.name, image.category_ids.tolist()) for image in dataset.images] == [
        ("b.png", [1, 2]),
        ("a.png", [2]),
    ]


@pytest.mark.parametrize(
    "rows", ["b.png,,,,,\na.png,20,10,120,60,dog\n", "TEST,a.png,dog,0,0,,,0.5,0.5,,\nTEST,b.png\nTEST,c.png,\n"]
)
def test_image_without_boxes_is_background(tmp_path, rows):
    assert sorted(len(image.boxes) for image in read(tmp_path, rows).images)[-2:] == [0, 1]


def test_sets_are_subsets(tmp_path):
    rows = [
        f"{group},{name}.png,dog,0,0,,,0.5,0.5,,"
        for group, name in zip(("TRAIN", "VALIDATE", "TEST"), "abc", strict=True)
    ]
    content = "\n".join(rows)
    assert [image.path.name for image in read(tmp_path, content, subset="val").images] == ["b.png"]
    assert [image.path.name for image in read(tmp_path, content, subset="validation").images] == ["b.png"]
    assert len(read(tmp_path, content, subset="all").images) == 3
    with pytest.raises(UserError, match=r"expected one of the sets test, train, val, or all\. Received: 'holdout'"):
        read(tmp_path, content, subset="holdout")


def test_classes_are_the_same_whatever_the_subset(tmp_path):
    content = "TRAIN,a.png,dog,0,0,,,0.5,0.5,,\nTEST,b.png,cat,0,0,,,0.5,0.5,,\n"
    assert [category.name for category in read(tmp_path, content, subset="train").categories] == ["cat", "dog"]


def test_classes_that_are_not_wanted_are_left_out_and_counted(tmp_path):
    dataset = read(tmp_path, HEADER + ROW + ROW.replace("dog", "cat"), classes=["dog"])
    assert dataset.images[0].category_ids.tolist() == [1]
    assert dataset.findings == {"of other classes": ["a.png: cat"]}


MISTAKES = {
    "empty": ("\n\n", "expected rows. Received: an empty file"),
    "header alone": (HEADER, "expected boxes"),
    "unknown header": ("image_id,bbox,source\n", r"line 1: expected a header .* Received: image_id,bbox,source"),
    "class before the corners": ("a.png,dog,20,10,120,60\n", r"line 1: .* Received: a\.png,dog,20,10,120,60"),
    "no name": ("1,2,3,4,5,6\n", r"line 1: .* Received: 1,2,3,4,5,6"),
    "two columns of one meaning": (f"file,{HEADER}", "line 1: expected one column for filename"),
    "word for a number": (HEADER + ROW + ROW.replace("120", "wide"), r"line 3 \(a.*wide,60\): xmax: .*'wide'"),
    "corner missing": (HEADER + ROW.replace("60", ""), r"line 2 \(.*\): ymax: expected a number\. Received: ''"),
    "class missing": (HEADER + ROW.replace("dog", ""), r"line 2 \(.*\): class: expected text"),
    "fractions for pixels": (HEADER + "a.png,200,100,dog,0.1,0.1,0.6,0.6\n", "line 2: .*seem to be fractions"),
    "pixels for fractions": ("TRAIN,a.png,dog,20,10,,,120,60,,\n", r"line 1 \(.*\): expected corners as fractions"),
    "another set": ("TRAIN,a.png,dog,0,0,,,1,1,,\nEVAL,a.png,dog,0,0,,,1,1,,\n", r"line 2 \(.*\): set: .*'EVAL'"),
    "two sizes": (HEADER + ROW + ROW.replace("200", "300"), "line 3: expected the size 200x100 .* Received: 300x100"),
    "more cells than columns": (
        HEADER + ROW.rstrip() + ",9\n",
        r"line 2 \(.*,9\): expected at most 8 columns. Received: 9",
    ),
    "quote without end": (HEADER + ROW + f'"{ROW}{ROW}', "not CSV: unexpected end of data"),
    "one cell": ("words\n", "line 1: expected a header"),
    "size of 0": (HEADER + ROW.replace("200", "0"), "width: expected at least 1"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistake_is_named_with_its_row(tmp_path, case):
    content, message = MISTAKES[case]
    with pytest.raises(UserError, match=rf"boxes\.csv.*{message}"):
        read(tmp_path, content)


def test_file_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.csv"):
        read_csv(tmp_path / "absent.csv")
    (tmp_path / "boxes.csv").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(UserError, match=r"boxes\.csv, line 1: expected a header with .* Received: "):
        read_csv(tmp_path)
    (tmp_path / "more.csv").touch()
    with pytest.raises(UserError, match=r"a folder with boxes\.csv, more\.csv"):
        read_csv(tmp_path)


def test_a_separator_that_is_no_line_end_does_not_cut_a_row(tmp_path):
    (tmp_path / "a.csv").write_text("a.jpg,10,10,20,20,big\u2028cat\n", encoding="utf-8")
    assert [category.name for category in read_csv(tmp_path / "a.csv").categories] == ["big\u2028cat"]
