# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""YOLO's data sets are read in every layout that tools write, and a line that is none of YOLO's is refused by name."""

import pathlib

import cv2
import numpy as np
import pytest
from PIL import Image

from ssd_tf.data.formats.readers import detect_format
from ssd_tf.data.formats.yolo import read_yolo
from ssd_tf.utils.errors import UserError

LINE = "1 0.5 0.5 0.2 0.4\n"


def put(folder: pathlib.Path, image: str, label: str | None = None, lines: str | None = LINE) -> None:
    """An image of 40x20, and its file of labels."""
    path = folder / image
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((20, 40, 3), np.uint8))
    if label is not None and lines is not None:
        (folder / label).parent.mkdir(parents=True, exist_ok=True)
        (folder / label).write_text(lines)


def names(folder: pathlib.Path, text: str = "names: [cat, dog]\n", file: str = "data.yaml") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(text)


LAYOUTS = {
    "images/train": ("images/train/a.png", "labels/train/a.txt", ""),
    "train/images": ("train/images/a.png", "train/labels/a.txt", ""),
    "images": ("images/a.png", "labels/a.txt", ""),
    "nested": ("images/train/deep/a.png", "labels/train/deep/a.txt", ""),
    "beside": ("a.png", "a.txt", ""),
    "darknet": ("obj_train_data/a.png", "obj_train_data/a.txt", ""),
    "yaml names the folder": ("photos/images/a.png", "photos/labels/a.txt", "train: photos/images\n"),
    "yaml of Roboflow": ("train/images/a.png", "train/labels/a.txt", "train: ../train/images\nval: ../valid/images\n"),
    "yaml with a path elsewhere": ("images/train/a.png", "labels/train/a.txt", "path: /nowhere\ntrain: images/train\n"),
    "yaml with several folders": ("one/images/a.png", "one/labels/a.txt", "train: [one/images]\n"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_is_read(tmp_path, layout):
    image, label, settings = LAYOUTS[layout]
    put(tmp_path, image, label)
    names(tmp_path, f"{settings}names: [cat, dog]\n")
    names(tmp_path, "{}", "notes.json")  # Label Studio's
    assert detect_format(tmp_path) == "yolo"
    dataset = read_yolo(tmp_path, subset="train")
    assert [path.path for path in dataset.images] == [tmp_path / image]
    # Centre 0.5, 0.5; 0.2 wide and 0.4 high, of 40x20.
    np.testing.assert_allclose(dataset.images[0].boxes, [[0.3, 0.4, 0.7, 0.6]])
    np.testing.assert_allclose(dataset.images[0].areas, [64.0])
    assert (dataset.images[0].height, dataset.images[0].width) == (20, 40)
    assert dataset.images[0].category_ids.tolist() == [1]
    assert [(category.id, category.name) for category in dataset.categories] == [(0, "cat"), (1, "dog")]


def test_list_of_images_is_taken_in_its_order(tmp_path):
    for name in "abc":
        put(tmp_path, f"images/{name}.png", f"labels/{name}.txt")
    (tmp_path / "train.txt").write_text("./images/c.png\nimages/a.png\n")
    names(tmp_path, "train: train.txt\nnames: {0: cat, 1: dog}\n")
    assert [image.path.stem for image in read_yolo(tmp_path / "data.yaml", subset="train").images] == ["c", "a"]


@pytest.mark.parametrize("valid", ["val", "valid"])
@pytest.mark.parametrize("order", ["images/{}", "{}/images"])
def test_subset_is_taken_and_all_is_everything(tmp_path, order, valid):
    for split in ("train", valid):
        folder = order.format(split)
        put(tmp_path, f"{folder}/{split}.png", f"{folder.replace('images', 'labels')}/{split}.txt")
    names(tmp_path)
    assert [image.path.stem for image in read_yolo(tmp_path, subset="val").images] == [valid]
    assert [image.path.stem for image in read_yolo(tmp_path, subset="all").images] == ["train", valid]
    with pytest.raises(UserError, match="expected one of the subsets train, val"):
        read_yolo(tmp_path, subset="holdout")


def test_subset_that_the_yaml_lacks_is_refused(tmp_path):
    put(tmp_path, "images/a.png", "labels/a.txt")
    names(tmp_path, "train: images\nnames: [cat, dog]\n")
    with pytest.raises(UserError, match=r"data\.yaml: expected one of train, or all\. Received: 'val'"):
        read_yolo(tmp_path, subset="val")


def test_folder_that_the_yaml_names_must_be_there(tmp_path):
    names(tmp_path, "train: photos\nnames: [cat]\n")
    with pytest.raises(FileNotFoundError, match=r"data\.yaml: train: photos: not found"):
        read_yolo(tmp_path)


def test_images_without_labels_are_background(tmp_path):
    put(tmp_path, "images/a.png", "labels/a.txt")
    put(tmp_path, "images/b.png", "labels/b.txt", "\n")
    put(tmp_path, "images/c.png")
    names(tmp_path)
    assert [len(image.boxes) for image in read_yolo(tmp_path).images] == [1, 0, 0]


def test_data_set_without_any_label_is_refused(tmp_path):
    put(tmp_path, "images/a.png")
    names(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no labels for 1 images; .*labels.a\.txt"):
        read_yolo(tmp_path)


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


def test_folder_without_images_is_refused(tmp_path):
    names(tmp_path)
    with pytest.raises(FileNotFoundError, match="expected images in"):
        read_yolo(tmp_path)
    with pytest.raises(FileNotFoundError, match="absent"):
        read_yolo(tmp_path / "absent")


def test_one_file_of_labels_does_not_give_its_boxes_to_two_images(tmp_path):
    put(tmp_path, "images/one/a.png", "labels/a.txt")
    put(tmp_path, "images/two/a.png")
    names(tmp_path)
    with pytest.raises(
        UserError, match=r"labels/a\.txt: expected labels for each image\. Received: one file for .*one"
    ):
        read_yolo(tmp_path)


def test_files_of_systems_are_left_out_and_counted_and_content_says_what_is_an_image(tmp_path):
    put(tmp_path, "images/a.png", "labels/a.txt")
    put(tmp_path, "images/._b.png", "labels/._b.txt")
    put(tmp_path, "images/@eaDir/c.png")
    Image.new("RGB", (8, 6)).save(tmp_path / "images" / "d.dat", "WEBP")
    (tmp_path / "images" / "film.webm").write_bytes(b"\x1aE\xdf\xa3")
    names(tmp_path)
    names(tmp_path, "no YAML: [", "._data.yaml")
    dataset = read_yolo(tmp_path)
    assert [image.name for image in dataset.images] == ["a.png", "d.dat"]
    assert dataset.findings == {"system files left out": ["._b.png", "c.png"]}
