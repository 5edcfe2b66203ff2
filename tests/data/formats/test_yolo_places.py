# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The images and labels of YOLO are found in every layout that tools write, and no stranger's are taken."""

import pathlib

import numpy as np
import pytest
from PIL import Image

from ssd_tf.data.formats.readers import detect_format
from ssd_tf.data.formats.yolo import read_yolo
from ssd_tf.utils.errors import UserError
from tests.fixtures.yolo import names, put

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


def messages(folder: pathlib.Path, kind: str = "converted", subset: str = "train") -> str:
    return "\n".join(read_yolo(folder, subset=subset).findings.get(kind, []))


def test_own_images_are_taken_and_not_those_of_a_data_set_beside_it(tmp_path):
    put(tmp_path, "mine/train/images/a.png", "mine/train/labels/a.txt")
    names(tmp_path / "mine", "train: ../train/images\nval: ../valid/images\nnames: [cat, dog]\n")
    assert messages(tmp_path / "mine") == ""
    put(tmp_path, "train/images/other.png", "train/labels/other.txt")
    put(tmp_path, "valid/images/other.png", "valid/labels/other.txt")
    assert [image.name for image in read_yolo(tmp_path / "mine", subset="train").images] == ["a.png"]
    assert "other" not in messages(tmp_path / "mine") and "is there too, and not taken" in messages(tmp_path / "mine")
    with pytest.raises(FileNotFoundError, match=r"val: \.\./valid/images: not found"):
        read_yolo(tmp_path / "mine", subset="val")


def test_images_outside_the_data_set_are_told(tmp_path):
    put(tmp_path, "train/images/a.png", "train/labels/a.txt")
    names(tmp_path / "mine", "train: ../train/images\nnames: [cat, dog]\n")
    assert f"{tmp_path / 'train' / 'images'}, which is not in the folder of" in messages(tmp_path / "mine")


@pytest.mark.parametrize("line", ["images\\train\\{}.png", "/content/data/images/train/{}.png"])
def test_list_of_another_machine_is_read_by_one_rule(tmp_path, line):
    for name in "ab":
        put(tmp_path, f"images/train/{name}.png", f"labels/train/{name}.txt")
    (tmp_path / "train.txt").write_text("".join(f"{line.format(name)}\n" for name in "ba"))
    names(tmp_path, "train: train.txt\nnames: [cat, dog]\n")
    dataset = read_yolo(tmp_path, subset="train")
    assert [(image.path.stem, len(image.boxes)) for image in dataset.images] == [("b", 1), ("a", 1)]
    assert "2 of 2 names are found so" in dataset.findings["converted"][0]


def test_labels_are_found_by_one_rule_for_all_images(tmp_path):
    for name in "abc":
        put(tmp_path, f"images/train/{name}.png", f"labels/train/{name}.txt")
    (tmp_path / "labels" / "train" / "a.txt").rename(tmp_path / "labels" / "a.txt")
    names(tmp_path)
    assert [len(image.boxes) for image in read_yolo(tmp_path, subset="train").images] == [0, 1, 1]
    assert "1 images without labels beside those of the others" in messages(tmp_path)


def test_list_of_names_is_not_the_labels_of_an_image_of_that_name(tmp_path):
    put(tmp_path, "a.png", "a.txt")
    put(tmp_path, "classes.png")
    names(tmp_path, "cat\ndog\n", "classes.txt")
    assert [len(image.boxes) for image in read_yolo(tmp_path).images] == [1, 0]


@pytest.mark.parametrize("layout", ["images/train", "images", "beside", "flat labels"])
def test_labels_without_their_image_are_a_missing_image(tmp_path, layout):
    image, label, _ = {**LAYOUTS, "flat labels": ("photos/a.png", "labels/a.txt", "")}[layout]
    for name in "abc":
        put(tmp_path, image.replace("a.png", f"{name}.png"), label.replace("a.txt", f"{name}.txt"))
    names(tmp_path)
    names((tmp_path / label).parent, "Notes on these images\n", "readme.txt")
    expected = [(tmp_path / image).with_name(f"{name}.png") for name in "acb"]
    expected[2].unlink()
    assert [image.path for image in read_yolo(tmp_path).images] == expected
    expected[2].symlink_to("nowhere.png")
    assert {image.path for image in read_yolo(tmp_path).images} == {*expected}


def test_labels_of_images_that_are_not_asked_for_miss_none(tmp_path):
    put(tmp_path, "images/train/a.png", "labels/a.txt")
    put(tmp_path, "images/val/b.png", "labels/b.txt")
    names(tmp_path)
    assert [image.name for image in read_yolo(tmp_path, subset="train").images] == ["a.png"]
    (tmp_path / "train.txt").write_text("images/train/a.png\n")
    names(tmp_path, "train: train.txt\nnames: [cat, dog]\n")
    assert [image.name for image in read_yolo(tmp_path, subset="train").images] == ["a.png"]
