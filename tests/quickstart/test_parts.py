# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Where the images to evaluate on come from: given, the data set's own, or put aside."""

import json
import shutil

import pytest

from ssd_tf.quickstart.parts import read_parts
from ssd_tf.utils.errors import UserError
from tests.fixtures.formats import plain_coco, write_csv, write_voc, write_yolo


@pytest.fixture
def content(drawn):
    return plain_coco(drawn / "annotations.json", drawn / "images", 20)


def names(dataset):
    return {image.name for image in dataset.images}


def assert_parts(parts, train, val):
    assert (len(parts.train.images), len(parts.val.images)) == (train, val)
    assert not names(parts.train) & names(parts.val)
    assert parts.train.categories == parts.val.categories


def test_a_fifth_is_put_aside_where_there_is_nothing_else(drawn):
    parts = read_parts([drawn / "annotations.json"], [drawn / "images"])
    assert_parts(parts, 19, 5)
    assert "5 of 24 images put aside" in parts.how
    again = read_parts([drawn / "annotations.json"], [drawn / "images"])
    assert names(again.val) == names(parts.val)  # a run that resumes has the same


def test_two_images_are_one_to_train_on_and_one_to_evaluate_on(drawn, tmp_path, content):
    for count, parts in ((2, (1, 1)), (3, (2, 1))):
        few = {**content, "images": content["images"][:count]}
        ids = {image["id"] for image in few["images"]}
        few["annotations"] = [entry for entry in content["annotations"] if entry["image_id"] in ids]
        (tmp_path / "few.json").write_text(json.dumps(few))
        assert_parts(read_parts([tmp_path / "few.json"], [drawn / "images"]), *parts)


def test_one_image_is_refused(drawn, tmp_path, content):
    (tmp_path / "one.json").write_text(json.dumps({**content, "images": content["images"][:1], "annotations": []}))
    with pytest.raises(UserError, match="expected at least 2 images"):
        read_parts([tmp_path / "one.json"], [drawn / "images"])


def test_given_validation_is_taken(drawn):
    file = drawn / "annotations.json"
    parts = read_parts([file], [drawn / "images"], val_annotations=file, val_images=drawn / "images")
    assert (len(parts.train.images), len(parts.val.images), parts.how) == (24, 24, "as given")


def test_lists_of_voc_are_its_parts(drawn, tmp_path, content):
    write_voc(content, drawn / "images", tmp_path)
    sets = tmp_path / "ImageSets" / "Main"
    stems = (sets / "train.txt").read_text().split()
    (sets / "train.txt").write_text("\n".join(stems[:14]))
    (sets / "val.txt").write_text("\n".join(stems[14:]))
    parts = read_parts([tmp_path])
    assert_parts(parts, 14, 6)
    assert parts.how == "the data set's own train and val"
    (sets / "val.txt").unlink()
    (sets / "trainval.txt").write_text("\n".join(stems))
    assert_parts(read_parts([tmp_path]), 16, 4)


def test_folders_of_voc_are_its_parts_though_one_lacks_a_class(drawn, tmp_path, content):
    write_voc(content, drawn / "images", tmp_path / "all")
    circles = {entry["image_id"] for entry in content["annotations"] if entry["category_id"] == 1}
    for image in content["images"]:
        folder = tmp_path / "set" / ("train" if image["id"] in circles else "valid")
        folder.mkdir(parents=True, exist_ok=True)
        stem = image["file_name"].removesuffix(".jpg")
        shutil.copy(tmp_path / "all" / "JPEGImages" / f"{stem}.jpg", folder)
        shutil.copy(tmp_path / "all" / "Annotations" / f"{stem}.xml", folder)
    parts = read_parts([tmp_path / "set"])
    assert_parts(parts, len(circles), 20 - len(circles))
    assert parts.how == "the folders train and valid"
    assert "circle" in {category.name for category in parts.val.categories}


def test_yolo_without_a_validation_part_is_divided(drawn, tmp_path):
    content = plain_coco(drawn / "annotations.json", drawn / "images", 20, first_class_id=0)
    write_yolo(content, drawn / "images", tmp_path)
    assert_parts(read_parts([tmp_path]), 16, 4)


def test_sets_of_a_table_are_its_parts(drawn, tmp_path, content):
    shutil.copytree(drawn / "images", tmp_path / "images")
    file = write_csv(content, tmp_path / "table.csv", "automl")
    lines = file.read_text().splitlines(keepends=True)
    last = content["images"][-1]["file_name"]
    file.write_text("".join(line.replace("TRAIN", "VALIDATION") if last in line else line for line in lines))
    assert_parts(read_parts([file], [tmp_path / "images"]), 19, 1)


def test_what_cannot_be_read_is_said_once(tmp_path):
    with pytest.raises(FileNotFoundError, match="annotations file not found"):
        read_parts([tmp_path / "absent.json"])
