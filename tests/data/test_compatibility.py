# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A split that version 0.1.0 prepared is read today, and preparation still writes its bytes."""

import base64
import hashlib
import json
import pathlib
import zlib

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.data import records
from ssd_tf.data.bad_examples import NO_FAULT
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.manifest import Manifest, load_manifest
from ssd_tf.data.pipeline import AugmentConfig, eval_dataset, train_dataset
from ssd_tf.data.preparation.prepare import prepare
from tests.fixtures.specs import with_input

# Written on 27 November 2026 by revision f669bc0 from ANNOTATIONS, a JPEG and a PNG of 16x12 pixels.
SHARD = """
eNqVU99r01AUPsltZz1LuyRdu1g3dfMHe2qt21g35lZrN1fBMYcylMlM0pimtk1tM9Y+CGPig6Ag+CTsD5CBvgkKAwfTR5E9bEwHouD/UW/XFWxdhp6Q
XDjfd86993xf2gjsxSJZCeLTFtxk0W1kZV0LaTnVTGpJ8QOLayy+Zys7lR/AX51ITADDADD0gcouXAa+lfNwyHvcHlHgvVJvQPL7pfDps129w30XR4b6
IoPRybmpaHx2fDAynb0+O6/oKX302oNyPlma03S12oQRRFHySaFAIKTGIjH1v6OyDoILOOAJ0wOswBCBqXyE9uohG8JJs8d4BljyZ5ZAt7MnTCEfwzRV
EAdNSwKQJoB1kO7KN+AI7SUQAcYAwmvbZ6Tv9/0w/Oo5s5V4+/rR8vbPylc8jp7aSO8ZGS0nZzXxKB5BpxxM53WUkNsHzUJWtkQXtqAjndd09NWRlGbo
KUt0BggyHHajUEubSlpTrZBc0GSRExFdAKdiAM9ieA79DRRFMUuhUlYu1XlRetqlMTuekavzlkbpTW145X/sV/67Xw9KDTw1IxeLoYysaBmxJeBAltzG
IHYcwLG0kiV6UUCiygVEyzStlFJYKKbwJPoa+EZxXi2Yi8laQ2AwgG01QtFcKKjavJEUqQhIwn1D2I6tNWzRSFqp2qR5r/k5u7sv+omXq/24QzDd/Hfc
wlm8+WR66oqbbkCJ7sRkfIauPH05F0u/vx6vbtOlMxG/dKO0oibfeT99WY+OKHJpIypKW+dn+gEeDnCGp7/rTnWrxPhU/E3s7rKdbZRgPqdjR5Nt9q5S
BWxc03GQa1gRsNPWK4egVFFbtHxobblee+IQD7ABwC57/VkEOhwbuau1dlJfiAwcLPXG+OaL36pISv8=
"""
SHA256 = "fa734843e71ae05f0af85de788b4cef2f534a3864918161e996d006076addaf8"
# What the bytes are in each format, by FORMAT_VERSION. Where the test fails because of this, raise FORMAT_VERSION in
# data/records.py and add the new checksum. The shard above stays, because it must still be read.
SHA256_OF_FORMAT = {1: SHA256}
NAME = "train-00000-of-00001.tfrecord"
CLIPPED = "a.jpg: clipped: box [x, y, w, h] = [8, 6, 12, 6] of class id 90 in a 16x12 picture"
MANIFEST = {
    "split": "train",
    "classes": [
        {"class": 1, "id": 3, "name": "car", "images": 1, "boxes": 1},
        {"class": 2, "id": 90, "name": "toothbrush", "images": 1, "boxes": 1},
    ],
    "num_images": 2,
    "num_images_with_boxes": 1,
    "max_boxes": 2,
    "shards": [{"file": NAME, "images": 2, "bytes": 1290, "head_sha256": SHA256}],
    "findings": {"clipped": [CLIPPED]},
    "source": {"format": "coco"},
}
ANNOTATIONS = {
    "images": [
        {"id": 139, "file_name": "a.jpg", "height": 12, "width": 16},
        {"id": 285, "file_name": "b.png", "height": 12, "width": 16},
    ],
    "annotations": [
        {"id": 1, "image_id": 139, "category_id": 3, "bbox": [4, 3, 8, 6], "area": 40, "iscrowd": 0},
        {"id": 2, "image_id": 139, "category_id": 90, "bbox": [8, 6, 12, 6], "area": 70.5, "iscrowd": 1},
    ],
    "categories": [{"id": 3, "name": "car"}, {"id": 90, "name": "toothbrush"}],
}


@pytest.fixture
def old(tmp_path) -> pathlib.Path:
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / NAME).write_bytes(zlib.decompress(base64.b64decode(SHARD)))
    (folder / "train.json").write_text(json.dumps(MANIFEST))
    return folder


def test_old_manifest_is_loaded_and_its_shard_accepted(old):
    manifest = load_manifest(old, "train")
    assert isinstance(manifest, Manifest)
    assert [(c.category.id, c.images, c.boxes) for c in manifest.classes] == [(3, 1, 1), (90, 1, 1)]
    assert (manifest.num_images, manifest.num_images_with_boxes, manifest.max_boxes) == (2, 1, 2)


def test_old_split_is_evaluated(old):
    (batch,) = eval_dataset(old, load_manifest(old, "train"), with_input(8), 2).as_numpy_iterator()
    assert (batch.fault == NO_FAULT).all()
    order = np.argsort(batch.source_id)
    assert batch.source_id[order].tolist() == [139, 285]
    assert batch.num_boxes[order].tolist() == [2, 0]
    first = order[0]
    np.testing.assert_allclose(batch.boxes[first, :2], [[0.25, 0.25, 0.75, 0.75], [0.5, 0.5, 1.0, 1.0]])
    assert batch.category_ids[first, :2].tolist() == [3, 90]
    assert batch.areas[first, :2].tolist() == [40.0, 70.5]
    assert batch.is_crowd[first, :2].tolist() == [False, True]


def test_old_split_is_trained_on(old):
    plain = AugmentConfig(random_crop=False, random_flip=False, color_jitter=False)
    batch = next(train_dataset(old, load_manifest(old, "train"), with_input(8), 1, 0, plain).as_numpy_iterator())
    assert batch.fault.tolist() == [NO_FAULT]
    np.testing.assert_allclose(batch.boxes[0, :2], [[0.25, 0.25, 0.75, 0.75], [0.5, 0.5, 1.0, 1.0]])
    assert batch.classes[0, :2].tolist() == [1, 2]


def test_bytes_of_a_record_change_only_with_the_format_version(old, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for record in tf.data.TFRecordDataset(str(old / NAME)):
        example = records.parse(record)
        name = {b"139": "a.jpg", b"285": "b.png"}[example.source_id.numpy()]
        (images / name).write_bytes(example.encoded.numpy())
    (tmp_path / "annotations.json").write_text(json.dumps(ANNOTATIONS))
    dataset = read_coco(tmp_path / "annotations.json", images)
    prepare(dataset, tmp_path / "new", "train", {"format": "coco"}, num_shards=1)
    found = hashlib.sha256((tmp_path / "new" / NAME).read_bytes()).hexdigest()
    assert found == SHA256_OF_FORMAT[records.FORMAT_VERSION]
    assert json.loads((tmp_path / "new" / "train.json").read_text()).keys() == MANIFEST.keys()
