# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""YOLO's lines and YAML files are read, and what is none of YOLO's is refused by name."""

import numpy as np
import pytest

from ssd_tf.data.formats.yolo import read_yolo
from ssd_tf.utils.errors import UserError
from tests.fixtures.yolo import LINE, names, put


def test_polygons_become_boxes_and_are_told(tmp_path):
    put(tmp_path, "images/a.png", "labels/a.txt", LINE + "0 0.1 0.2 0.5 0.3 0.3 0.9\n")
    names(tmp_path)
    dataset = read_yolo(tmp_path)
    np.testing.assert_allclose(dataset.images[0].boxes[1], [0.2, 0.1, 0.9, 0.5])
    assert dataset.findings == {"converted": ["1 polygons became the boxes around them; the first: a.txt, line 2"]}


def test_keypoints_are_no_polygon(tmp_path):
    put(tmp_path, "images/a.png", "labels/a.txt", "1 0.5 0.5 0.2 0.4 0.1 0.1 0.9 0.9\n")
    names(tmp_path, "kpt_shape: [2, 2]\nnames: [cat, dog]\n")
    np.testing.assert_allclose(read_yolo(tmp_path).images[0].boxes, [[0.3, 0.4, 0.7, 0.6]])


@pytest.mark.parametrize("file", ["classes.txt", "obj.names", "labels/classes.txt"])
def test_names_come_from_text_files(tmp_path, file):
    put(tmp_path, "images/a.png", "labels/a.txt")
    names(tmp_path, "cat\ndog\n", file)
    assert [category.name for category in read_yolo(tmp_path).categories] == ["cat", "dog"]


def test_names_can_be_given(tmp_path):
    put(tmp_path, "images/a.png", "labels/a.txt")
    with pytest.raises(UserError, match=r"expected the class names in data\.yaml or classes\.txt"):
        read_yolo(tmp_path)
    assert read_yolo(tmp_path / "labels", classes=["x", "y"]).categories[1].name == "y"


MISTAKES = {
    "four numbers": ("1 0.5 0.5 0.2", "expected class cx cy w h, or a class and a polygon"),
    "six numbers": ("1 0.5 0.5 0.2 0.2 0.9", "expected class cx cy w h"),
    "a word": ("1 0.5 half 0.2 0.2", "coordinate: expected a number. Received: 'half'"),
    "pixels": ("1 20 10 8 8", "expected fractions of the image. Received: 1 20 10 8 8"),
    "polygon in pixels": ("1 0.1 0.1 0.2 0.2 90 90", "expected fractions of the image. Received: 1 0.1"),
    "unknown class": ("2 0.5 0.5 0.2 0.2", "class: expected at most 1, of 2 names. Received: 2"),
    "negative class": ("-1 0.5 0.5 0.2 0.2", "class: expected at least 0"),
    "name for a number": ("dog 0.5 0.5 0.2 0.2", "class: expected a number. Received: 'dog'"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistake_is_named_with_file_and_line(tmp_path, case):
    line, message = MISTAKES[case]
    put(tmp_path, "images/a.png", "labels/a.txt", f"{LINE}{line}\n")
    names(tmp_path)
    with pytest.raises(UserError, match=rf"a\.txt, line 2: {message}"):
        read_yolo(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("names: [cat", "not YAML"),
        ("- cat\n", "expected a YAML file with names. Received: list"),
        ("names: 3\n", "names: expected a list of class names. Received: 3"),
        ("names: {0: cat, 2: dog}\n", r"names: expected the numbers from 0 on. Received: \[0, 2\]"),
        ("names: !!python/object/apply:os.getcwd []\n", "not YAML: could not determine a constructor"),
    ],
)
def test_yaml_that_is_odd_is_refused(tmp_path, text, message):
    put(tmp_path, "images/a.png", "labels/a.txt")
    names(tmp_path, text)
    with pytest.raises(UserError, match=rf"data\.yaml: {message}"):
        read_yolo(tmp_path)


def test_number_of_classes_that_is_not_that_of_the_names_is_refused(tmp_path):
    put(tmp_path, "images/a.png", "labels/a.txt")
    names(tmp_path, "nc: 3\nnames: [cat, dog]\n")
    with pytest.raises(UserError, match=r"data\.yaml: nc: expected 2, as there are names\. Received: 3"):
        read_yolo(tmp_path)
    names(tmp_path, "nc: '2'\nnames: [cat, dog]\n")
    assert len(read_yolo(tmp_path).categories) == 2


def test_keypoints_without_kpt_shape_are_not_taken_for_polygons(tmp_path):
    pose = "0 0.5 0.5 0.2 0.2 0.1 0.1 2 0.9 0.9 0\n"
    put(tmp_path, "images/a.png", "labels/a.txt", pose)
    put(tmp_path, "images/b.png", "labels/b.txt", pose)
    names(tmp_path)
    with pytest.raises(UserError, match=r"a\.txt, line 1: expected a box or a polygon.*all 2 .*kpt_shape: \[2, 3\]"):
        read_yolo(tmp_path)
    # A polygon among them is at odds with keypoints.
    put(tmp_path, "images/b.png", "labels/b.txt", "0 0.1 0.2 0.5 0.3 0.3 0.9\n")
    assert "2 polygons became" in read_yolo(tmp_path).findings["converted"][0]
    # And so are the corners of the image.
    put(tmp_path, "images/a.png", "labels/a.txt", "0 0 0 1 0 1 1 0 1 0 0\n")
    put(tmp_path, "images/b.png", "labels/b.txt", "")
    assert "1 polygons became" in read_yolo(tmp_path).findings["converted"][0]
