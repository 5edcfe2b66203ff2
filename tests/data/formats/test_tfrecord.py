# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Shards that others wrote are read, with all that the Object Detection API's tools leave out."""

import math
import pathlib

import cv2
import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.data.formats.readers import detect_format, read_dataset
from ssd_tf.data.formats.tfrecord import find_shards, read_tfrecord
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.utils.errors import UserError
from tests.apps.conftest import run_well
from tests.fixtures.formats import example

PNG = cv2.imencode(".png", np.zeros((100, 200, 3), np.uint8))[1].tobytes()
BOX = {
    f"image/object/bbox/{key}": [value] for key, value in {"ymin": 0.1, "xmin": 0.2, "ymax": 0.6, "xmax": 0.7}.items()
}
LABEL = {"image/object/class/label": [3]}
TEXT = {"image/object/class/text": [b"cat"]}
FULL = {
    "image/encoded": [PNG],
    "image/height": [100],
    "image/width": [200],
    "image/source_id": [b"17"],
    "image/filename": [b"a.png"],
    **BOX,
    **LABEL,
    **TEXT,
}


def write(path: pathlib.Path, *records: dict) -> pathlib.Path:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(example(record))
    return path


def without(*keys: str) -> dict:
    return {key: value for key, value in FULL.items() if key not in keys}


def test_record_is_read_and_its_image_stays_in_the_shard(tmp_path):
    other = {**FULL, "image/source_id": [b"18"], "image/filename": [b"b.png"]}
    image = read_tfrecord(write(tmp_path / "a.record", other, FULL)).images[1]
    assert (image.image_id, image.name, image.height, image.width) == (17, "a.png", 100, 200)
    np.testing.assert_allclose(image.boxes, [[0.1, 0.2, 0.6, 0.7]], rtol=1e-6)
    np.testing.assert_allclose(image.areas, [5000.0], rtol=1e-6)
    assert image.category_ids.tolist() == [3]
    assert image.path == tmp_path / "a.record"
    assert image.read_bytes() == PNG


def test_missing_size_is_that_of_the_image(tmp_path):
    image = read_tfrecord(write(tmp_path / "a.record", without("image/height", "image/width"))).images[0]
    assert (image.height, image.width) == (100, 200)


@pytest.mark.parametrize("odd", [without("image/source_id"), {**FULL, "image/source_id": [b"a.png"]}])
def test_images_without_numbers_are_numbered_and_told(tmp_path, odd):
    dataset = read_tfrecord(write(tmp_path / "a.record", odd, FULL))
    assert [image.image_id for image in dataset.images] == [1, 2]
    assert "numbered from 1" in dataset.findings["converted"][0]


def test_text_alone_names_the_classes(tmp_path):
    first = without("image/object/class/label")
    second = {**first, "image/source_id": [b"18"], "image/object/class/text": [b"ant"]}
    dataset = read_tfrecord(write(tmp_path / "a.record", first, second))
    assert [(category.id, category.name) for category in dataset.categories] == [(1, "ant"), (2, "cat")]
    assert [image.category_ids.tolist() for image in dataset.images] == [[2], [1]]


def test_label_map_beside_the_shards_names_the_classes(tmp_path):
    write(tmp_path / "a.record", without("image/object/class/text"))
    (tmp_path / "map.pbtxt").write_text("item { id: 3 name: 'cat' }\nitem { name: \"dog\", id: 7 }")
    dataset = read_tfrecord(tmp_path)
    assert [(category.id, category.name) for category in dataset.categories] == [(3, "cat"), (7, "dog")]


def test_label_map_or_names_can_be_given(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "map.pbtxt").write_text("item { id: 3 name: 'cat' }")
    shard = write(tmp_path / "a.record", without("image/object/class/text"))
    with pytest.raises(UserError, match=r"a\.record, record 1: expected class names in a label map"):
        read_dataset(shard)
    dataset, _ = read_dataset(shard, classes=tmp_path / "elsewhere" / "map.pbtxt")
    assert [(category.id, category.name) for category in dataset.categories] == [(3, "cat")]
    dataset, _ = read_dataset(shard, classes=["x", "y", "z"])
    assert dataset.categories[2].name == "z"


def test_label_map_that_contradicts_the_text_of_the_records_is_refused(tmp_path):
    shard = write(tmp_path / "a.record", FULL)
    label_map = tmp_path / "map.pbtxt"
    label_map.write_text("item { id: 3 name: 'dog' }\nitem { id: 4 name: 'cat' }")
    with pytest.raises(UserError, match=r"record 1: class 3: expected 'dog', as .*map\.pbtxt has it\. Received: 'cat'"):
        read_tfrecord(shard)
    label_map.write_text("item { id: 3 name: '/m/01yrx' display_name: 'Cat' }")
    for text in (b"cat", b"/m/01yrx", b""):
        write(shard, {**FULL, "image/object/class/text": [text]})
        assert read_tfrecord(shard).categories[0].name == "Cat"


def test_record_without_boxes_is_background(tmp_path):
    empty = {"image/encoded": [PNG], "image/source_id": [b"1"]}
    assert [len(image.boxes) for image in read_tfrecord(write(tmp_path / "a.record", empty, FULL)).images] == [0, 1]


def test_crowds_areas_and_difficult_objects_are_kept(tmp_path):
    flags = {"image/object/is_crowd": [1], "image/object/area": [7.5], "image/object/difficult": [1]}
    image = read_tfrecord(write(tmp_path / "a.record", {**FULL, **flags})).images[0]
    assert (image.is_crowd.tolist(), image.areas.tolist(), image.is_difficult.tolist()) == ([True], [7.5], [True])


NAMES = ["coco_train.record-00000-of-00002", "train.tfrecord", "train-00000-of-00001.tfrecord", "pets_train.record"]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_shards_are_known(tmp_path, name):
    shard = write(tmp_path / name, FULL)
    assert detect_format(shard) == detect_format(tmp_path) == detect_format(tmp_path / f"{name[:5]}*") == "tfrecord"
    write(tmp_path / name.replace("train", "valid"), FULL)
    assert find_shards(tmp_path, "train") == [shard]
    assert [path.name for path in find_shards(tmp_path, "val")] == [name.replace("train", "valid")]
    assert len(find_shards(tmp_path, "all")) == 2
    with pytest.raises(UserError, match="expected one of the subsets train, val, or all"):
        find_shards(tmp_path, "test")


MISTAKES = {
    "no image": (without("image/encoded"), r"record 1: expected image/encoded\. Received: image/filename"),
    "an empty list of images": ({**FULL, "image/encoded": []}, r"record 1: expected image/encoded\. Received: image"),
    "a corner missing": (without("image/object/bbox/xmax"), r"record 1: expected as many .* \[1, 1, 1, 0, 1\]"),
    "class without a name": (
        {**FULL, "image/object/class/label": [3, 4], **{key: [0.1, 0.5] for key in BOX}},
        r"record 1: class: expected one of \[3\]\. Received: 4",
    ),
    "corners in pixels": (
        {**FULL, "image/object/bbox/ymax": [60.0], "image/object/bbox/xmax": [140.0]},
        r"record 1: expected corners as fractions of the image\. Received: \[0.1, 0.2, 60, 140\]",
    ),
    "too many areas": ({**FULL, "image/object/area": [1.0, 2.0]}, "record 1: image/object/area: expected 1 numbers"),
    "height of 0": ({**FULL, "image/height": [-1]}, "record 1: height: expected at least 1. Received: -1"),
    "label with a fraction": ({**FULL, "image/object/class/label": [1.5]}, ".*class/label: expected a whole number"),
    "label that is text": ({**FULL, "image/object/class/label": [b"3"]}, r".*class/label: expected a number\. .*b'3'"),
    "text that is a number": (
        {**FULL, "image/object/class/text": [3]},
        r".*class/text: expected text\. Received: \[3\]",
    ),
    "corner that is text": ({**FULL, "image/object/bbox/xmin": [b".1"]}, ".*bbox/xmin: expected a number"),
    "area that is no number": ({**FULL, "image/object/area": [math.nan]}, ".*area: expected a number of at least 0"),
    "negative area": ({**FULL, "image/object/area": [-5.0]}, ".*area: expected a number of at least 0"),
    "flag that is none": ({**FULL, "image/object/is_crowd": [7]}, ".*is_crowd: expected 0 or 1. Received: 7"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistake_is_named_with_its_record(tmp_path, case):
    record, message = MISTAKES[case]
    with pytest.raises(UserError, match=rf"a\.record, {message}"):
        read_tfrecord(write(tmp_path / "a.record", record))


def test_class_with_two_names_is_refused(tmp_path):
    shard = write(tmp_path / "a.record", FULL, {**FULL, "image/object/class/text": [b"dog"]})
    with pytest.raises(UserError, match=r"record 2: class 3: expected 'cat' as before\. Received: 'dog'"):
        read_tfrecord(shard)


def test_damaged_or_foreign_files_are_refused(tmp_path):
    shard = write(tmp_path / "a.record", FULL)
    shard.write_bytes(shard.read_bytes()[:-9])
    with pytest.raises(UserError, match=r"a\.record: not a whole TFRecord file"):
        read_tfrecord(shard)
    (tmp_path / "a.record").write_bytes(b"<annotation>" * 9)
    with pytest.raises(UserError, match=r"a\.record: not a whole TFRecord file"):
        read_tfrecord(shard)
    with tf.io.TFRecordWriter(str(shard)) as writer:
        writer.write(b"\xff\xff\xff")
    with pytest.raises(UserError, match=r"a\.record, record 1: expected a tf\.train\.Example"):
        read_tfrecord(shard)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no shards in it"):
        read_tfrecord(tmp_path / "empty")


def test_shards_of_ours_are_read_without_their_manifest(drawn, tmp_path):
    flags = (f"--annotations={drawn / 'annotations.json'}", f"--images={drawn / 'images'}", "--num_shards=1")
    run_well("prepare", *flags, f"--output_dir={tmp_path / 'once'}")
    run_well("prepare", f"--annotations={tmp_path / 'once'}", "--num_shards=1", f"--output_dir={tmp_path / 'twice'}")
    once, twice = (
        sorted(tf.data.TFRecordDataset(str(tmp_path / name / "train-00000-of-00001.tfrecord")).as_numpy_iterator())
        for name in ("once", "twice")
    )
    assert once == twice and len(once) == 24


def test_shard_that_changed_meanwhile_is_reported(tmp_path):
    dataset = read_tfrecord(write(tmp_path / "a.record", {**FULL, "image/source_id": [b"18"]}, FULL))
    content = (tmp_path / "a.record").read_bytes()
    (tmp_path / "a.record").write_bytes(content[: len(content) // 2 + 20])
    manifest = prepare(dataset, tmp_path / "data", "train", {}, num_shards=1)
    assert manifest.findings["unreadable"] == ["a.png: cannot be read (the file ends before the image does)"]
