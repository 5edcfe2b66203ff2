# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""PASCAL VOC's XML is read as its authors meant it, wherever it lies, and a file that is none is refused by name."""

import os
import pathlib

import cv2
import numpy as np
import pytest

from ssd_tf.data.formats.voc import read_voc
from ssd_tf.utils.errors import UserError

SIZE = "<size><width>200</width><height>100</height><depth>3</depth></size>"


def box(xmin, ymin, xmax, ymax, name="cat", more="") -> str:
    corners = f"<xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax>"
    return f"<object><name>{name}</name>{more}<bndbox>{corners}</bndbox></object>"


def write(path: pathlib.Path, *objects: str, filename="", size=SIZE) -> pathlib.Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<annotation><filename>{filename}</filename>{size}{''.join(objects)}</annotation>")
    return path


def error_of(folder: pathlib.Path, match: str) -> str:
    with pytest.raises(UserError, match=match) as caught:
        read_voc(folder)
    return str(caught.value)


def test_coordinates_count_pixels_from_one(tmp_path):
    write(tmp_path / "a.xml", box(1, 1, 200, 100), box(21, 11, 120, 60))
    image = read_voc(tmp_path).images[0]
    # Pixels 21 to 120 of 200 are 20 / 200 to 120 / 200, pixels 11 to 60 of 100 are 10 / 100 to 60 / 100.
    np.testing.assert_allclose(image.boxes, [[0, 0, 1, 1], [0.1, 0.1, 0.6, 0.6]], rtol=1e-12)
    np.testing.assert_allclose(image.areas, [20000, 5000], rtol=1e-12)
    assert (image.height, image.width) == (100, 200)


def test_classes_are_all_names_of_the_folder_whatever_the_subset(tmp_path):
    write(tmp_path / "Annotations" / "a.xml", box(1, 1, 9, 9, "dog"))
    write(tmp_path / "Annotations" / "b.xml", box(1, 1, 9, 9, "cat"))
    (tmp_path / "ImageSets" / "Main").mkdir(parents=True)
    (tmp_path / "ImageSets" / "Main" / "val.txt").write_text("a\n")
    dataset = read_voc(tmp_path, subset="val")
    assert [(category.id, category.name) for category in dataset.categories] == [(1, "cat"), (2, "dog")]
    assert [image.path.stem for image in dataset.images] == ["a"]
    assert dataset.images[0].category_ids.tolist() == [2]


def test_subset_that_is_not_listed_is_refused_with_those_that_are(tmp_path):
    write(tmp_path / "Annotations" / "a.xml", box(1, 1, 9, 9))
    (tmp_path / "ImageSets" / "Main").mkdir(parents=True)
    (tmp_path / "ImageSets" / "Main" / "trainval.txt").write_text("a\n")
    with pytest.raises(UserError, match=r"train\.txt: not found.* trainval\. Or pass --subset=all"):
        read_voc(tmp_path, subset="train")
    assert len(read_voc(tmp_path, subset="all").images) == 1


def test_data_set_that_is_not_divided_is_every_subset(tmp_path):
    for name in "ab":
        write(tmp_path / "Annotations" / f"{name}.xml", box(1, 1, 9, 9))
    (tmp_path / "ImageSets" / "Main").mkdir(parents=True)
    (tmp_path / "ImageSets" / "Main" / "mine.txt").write_text("a\n")
    assert len(read_voc(tmp_path, subset="train").images) == 2
    assert len(read_voc(tmp_path, subset="mine").images) == 1
    with pytest.raises(UserError, match="lists there: mine"):
        read_voc(tmp_path, subset="mime")


def test_list_of_a_class_leaves_out_the_images_without_it(tmp_path):
    for name in "abc":
        write(tmp_path / "Annotations" / f"{name}.xml", box(1, 1, 9, 9))
    (tmp_path / "ImageSets" / "Main").mkdir(parents=True)
    (tmp_path / "ImageSets" / "Main" / "cat_train.txt").write_text("a  1\nb -1\nc  0\n")
    assert [image.path.stem for image in read_voc(tmp_path, subset="cat_train").images] == ["a", "c"]


def test_names_in_a_list_may_have_spaces(tmp_path):
    for name in ("a", "a copy", "b", "b 1", "c d"):
        write(tmp_path / "Annotations" / f"{name}.xml", box(1, 1, 9, 9))
    sets = tmp_path / "ImageSets" / "Main"
    sets.mkdir(parents=True)
    (sets / "train.txt").write_text("a copy\nb 1\n")
    assert [image.path.stem for image in read_voc(tmp_path, subset="train").images] == ["a copy", "b 1"]
    (sets / "cat_train.txt").write_text("a copy -1\nc d  1\n")
    assert [image.path.stem for image in read_voc(tmp_path, subset="cat_train").images] == ["c d"]
    (sets / "train.txt").write_text("a cup\n")
    with pytest.raises(FileNotFoundError, match=r"train\.txt lists a cup, but there is no"):
        read_voc(tmp_path, subset="train")


def test_list_that_names_no_file_is_refused(tmp_path):
    write(tmp_path / "Annotations" / "a.xml", box(1, 1, 9, 9))
    (tmp_path / "ImageSets" / "Main").mkdir(parents=True)
    (tmp_path / "ImageSets" / "Main" / "train.txt").write_text("a\nz\n")
    with pytest.raises(FileNotFoundError, match=r"train\.txt lists z"):
        read_voc(tmp_path, subset="train")


def test_files_of_systems_are_no_annotations_and_are_counted(tmp_path):
    write(tmp_path / "a.xml", box(1, 1, 9, 9))
    (tmp_path / "._a.xml").write_bytes(b"\x00\x05\x16\x07")
    dataset = read_voc(tmp_path)
    assert len(dataset.images) == 1 and dataset.findings == {"system files left out": ["._a.xml"]}


def test_difficult_objects_are_kept_and_marked(tmp_path):
    write(
        tmp_path / "a.xml",
        box(1, 1, 9, 9, more="<difficult>1</difficult>"),
        box(1, 1, 9, 9, more="<difficult>0</difficult>"),
        box(1, 1, 9, 9, more="<difficult>Unspecified</difficult>"),
        box(1, 1, 9, 9),
    )
    assert read_voc(tmp_path).images[0].is_difficult.tolist() == [True, False, False, False]


def test_boxes_without_extent_are_left_out_and_named(tmp_path):
    write(tmp_path / "a.xml", box(181, 329, 181, 329), box(5, 5, 9, 9))
    dataset = read_voc(tmp_path)
    assert len(dataset.images[0].boxes) == 1
    assert dataset.findings["dropped"] == [
        "a.xml: dropped: box [xmin, ymin, xmax, ymax] = [181, 329, 181, 329] of class cat has no extent"
    ]


def test_coordinates_counted_from_zero_are_told(tmp_path):
    write(tmp_path / "a.xml", box(0, 0, 100, 50))
    dataset = read_voc(tmp_path)
    np.testing.assert_allclose(dataset.images[0].boxes, [[0, 0, 0.5, 0.5]])
    assert len(dataset.findings["counted from 0"]) == 1


@pytest.mark.parametrize("filename", ["a.png", "a", "", "C:\\photos\\a.png", "/home/somebody/a.png", "renamed.jpg"])
@pytest.mark.parametrize("where", ["beside", "JPEGImages", "nested", "given"])
def test_image_is_found(tmp_path, filename, where):
    folder = {
        "beside": tmp_path / "Annotations" / "deep",
        "JPEGImages": tmp_path / "JPEGImages",
        "nested": tmp_path / "JPEGImages" / "deep",
        "given": tmp_path / "elsewhere",
    }[where]
    folder.mkdir(parents=True)
    (folder / "a.png").touch()
    write(tmp_path / "Annotations" / "deep" / "a.xml", box(1, 1, 9, 9), filename=filename)
    dataset = read_voc(tmp_path, folder if where == "given" else "")
    assert dataset.images[0].path == folder / "a.png"


def test_folders_annotations_and_images_need_no_flag(tmp_path):
    write(tmp_path / "annotations" / "a.xml", box(1, 1, 9, 9), filename="a.png")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").touch()
    for given in (tmp_path, tmp_path / "annotations"):
        assert [image.path for image in read_voc(given).images] == [tmp_path / "images" / "a.png"]
    # A file outside that folder is not left out.
    write(tmp_path / "images" / "b.xml", box(1, 1, 9, 9), filename="b.png")
    assert len(read_voc(tmp_path, tmp_path / "images").images) == 2


def test_no_two_files_get_one_image_by_a_guess(tmp_path):
    (tmp_path / "frame_0.png").touch()
    for folder in ("taskA", "taskB"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "0.xml", box(1, 1, 9, 9), filename="frame_0.png")
    dataset = read_voc(tmp_path)
    assert [image.path for image in dataset.images] == [tmp_path / task / "frame_0.png" for task in ("taskA", "taskB")]


def test_images_of_other_names_are_found_by_one_rule_and_told(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.jpg").touch()
        write(tmp_path / f"{name}.xml", box(1, 1, 9, 9), filename="untitled.jpg")
    dataset = read_voc(tmp_path)
    assert [image.path.name for image in dataset.images] == ["a.jpg", "b.jpg"]
    assert dataset.findings["converted"] == [
        "2 images are not called what their XML files say, and were found by one rule for all; the first: a.xml says "
        "untitled.jpg and has a.jpg"
    ]


def test_file_with_a_name_that_is_no_utf8_does_not_stop_the_others(tmp_path):
    write(tmp_path / "a.xml", box(1, 1, 9, 9), filename="a.jpg")
    odd = tmp_path / os.fsdecode(b"\xff.xml")
    odd.write_bytes(write(odd, box(1, 1, 9, 9), filename="?.jpg").read_bytes().replace(b"?", b"\xff"))
    for xml in (tmp_path / "a.xml", odd):
        xml.with_suffix(".jpg").touch()
    assert {image.path for image in read_voc(tmp_path).images} == {
        tmp_path / "a.jpg",
        tmp_path / os.fsdecode(b"\xff.jpg"),
    }
    # A class must have a name that can be written.
    odd.write_bytes(odd.read_bytes().replace(b"cat", b"c\xe4t"))
    with pytest.raises(UserError, match=r"object 1: name: expected text\. Received: 'c.udce4t'"):
        read_voc(tmp_path)


@pytest.mark.parametrize("size", ["", "<size><width>0</width><height>0</height></size>"])
def test_missing_size_is_that_of_the_image(tmp_path, size):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((30, 60, 3), np.uint8))
    write(tmp_path / "a.xml", box(1, 1, 30, 30), size=size)
    image = read_voc(tmp_path).images[0]
    assert (image.height, image.width) == (30, 60)
    np.testing.assert_allclose(image.boxes, [[0, 0, 1, 0.5]])


def test_file_without_objects_is_an_image_without_boxes(tmp_path):
    write(tmp_path / "a.xml")
    write(tmp_path / "b.xml", box(1, 1, 9, 9))
    assert [len(image.boxes) for image in read_voc(tmp_path).images] == [0, 1]


def test_parts_of_a_person_are_no_objects(tmp_path):
    part = "<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></part>"
    write(tmp_path / "a.xml", box(1, 1, 9, 9, "person", more=part))
    dataset = read_voc(tmp_path)
    assert [category.name for category in dataset.categories] == ["person"]
    np.testing.assert_allclose(dataset.images[0].boxes, [[0, 0, 0.09, 0.045]])


def test_classes_that_are_not_wanted_are_left_out_and_counted(tmp_path):
    write(tmp_path / "a.xml", box(1, 1, 9, 9, "dog"), box(1, 1, 9, 9, "cat"))
    dataset = read_voc(tmp_path, classes=["dog", "cow"])
    assert [(category.id, category.name) for category in dataset.categories] == [(1, "dog"), (2, "cow")]
    assert dataset.images[0].category_ids.tolist() == [1]
    assert dataset.findings["of other classes"] == ["a.xml: cat"]


MISTAKES = {
    "cut off": ("<annotation><object>", r"a\.xml: not XML: .*line 1"),
    "of another kind": ("<html></html>", r"a\.xml: not a VOC annotation: .*<html>"),
    "word for a number": (f"<annotation>{box('left', 1, 9, 9)}</annotation>", r"a\.xml, object 1: xmin: .*'left'"),
    "corner missing": (
        "<annotation><object><name>c</name><bndbox><xmin>1</xmin></bndbox></object></annotation>",
        r"a\.xml, object 1: ymin: expected a number\. Received: None",
    ),
    "two boxes": (
        "<annotation><object><name>c</name><bndbox/><bndbox/></object></annotation>",
        "object 1: expected one <bndbox>.*: name, bndbox, bndbox",
    ),
    "no box": ("<annotation><object><name>c</name></object></annotation>", "object 1: expected one <bndbox>.*: name"),
    "no name": (f"<annotation>{box(1, 1, 9, 9, '')}</annotation>", "object 1: name: expected text"),
    "difficult is odd": (
        f"<annotation>{box(1, 1, 9, 9, more='<difficult>very</difficult>')}</annotation>",
        "object 1: difficult: expected 0 or 1. Received: 'very'",
    ),
    "size is odd": (
        f"<annotation><size><width>wide</width><height>1</height></size>{box(1, 1, 9, 9)}</annotation>",
        r"a\.xml: width: expected a number\. Received: 'wide'",
    ),
    "size is negative": (
        f"<annotation><size><width>-3</width><height>1</height></size>{box(1, 1, 9, 9)}</annotation>",
        r"a\.xml: width: expected at least 0\. Received: '-3'",
    ),
    "unknown encoding": ('<?xml version="1.0" encoding="klingon"?><annotation/>', r"a\.xml: not XML: unknown encoding"),
    "encoding of many bytes": ('<?xml version="1.0" encoding="gb2312"?><annotation/>', r"a\.xml: not XML: multi-byte"),
    "no objects at all": ("<annotation></annotation>", "expected objects"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistake_is_named(tmp_path, case):
    content, message = MISTAKES[case]
    (tmp_path / "a.xml").write_text(content)
    error_of(tmp_path, message)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_that_would_fill_the_memory_are_refused(tmp_path, encoding):
    entities = '<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 9}">' for a, b in zip("abcd", "bcde", strict=True)
    )
    content = f"<!DOCTYPE annotation [{entities}]><annotation><filename>&e;</filename></annotation>"
    (tmp_path / "a.xml").write_bytes(content.encode(encoding))
    error_of(tmp_path, r"a\.xml: expected no DOCTYPE\. Received: annotation")


def test_folder_that_is_not_there_or_empty(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        read_voc(tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match="expected XML files"):
        read_voc(tmp_path)


def test_voc2012_is_read(shared):
    dataset = read_voc(shared / "data" / "voc2012-100", subset="all")
    assert len(dataset.images) == 100
    assert len(dataset.categories) == 20
    assert sum(int(image.is_difficult.sum()) for image in dataset.images) == 38
    assert all(image.path.is_file() for image in dataset.images)
    assert not dataset.findings


def test_blood_cells_are_read_with_their_two_empty_boxes(shared):
    folder = shared / "data" / "bccd"
    dataset = read_voc(folder, subset="all")
    assert len(dataset.images) == 364
    assert [category.name for category in dataset.categories] == ["Platelets", "RBC", "WBC"]
    assert sorted(message.split(":")[0] for message in dataset.findings["dropped"]) == [
        "BloodImage_00338.xml",
        "BloodImage_00343.xml",
    ]
    assert len(read_voc(folder, subset="trainval").images) == 292
