# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The same data set in each format gives the shards of its COCO file, bit for bit."""

import json
import pathlib
from typing import NamedTuple

import pytest

from ssd_tf.data.formats.readers import read_dataset
from ssd_tf.data.formats.shapes import draw_shapes
from ssd_tf.data.preparation.prepare import prepare
from tests.fixtures import formats

MOST = 24


class Source(NamedTuple):
    annotations: pathlib.Path
    images: pathlib.Path


@pytest.fixture(scope="module")
def drawn_shapes(tmp_path_factory) -> Source:
    folder = tmp_path_factory.mktemp("drawn_shapes")
    return Source(draw_shapes(folder, MOST, image_size=(96, 72)), folder / "images")


@pytest.fixture(scope="module")
def blood_cells(shared) -> Source:
    return Source(shared / "data" / "bccd" / "coco_train.json", shared / "data" / "bccd" / "JPEGImages")


@pytest.fixture(scope="module")
def coco_mini(shared) -> Source:
    folder = shared / "data" / "coco-mini"
    return Source(folder / "annotations" / "instances_train2017.json", folder / "train2017")


@pytest.fixture(params=["drawn_shapes", "blood_cells", "coco_mini"])
def source(request) -> Source:
    return request.getfixturevalue(request.param)


def shards(tmp_path: pathlib.Path, name: str, *arguments, **options) -> dict[str, bytes]:
    dataset, origin = read_dataset(*arguments, **options)
    assert origin["format"] == name
    output = tmp_path / "shards" / name
    prepare(dataset, output, "train", origin, num_shards=2)
    written = {path.name: path.read_bytes() for path in sorted(output.glob("*.tfrecord"))}
    assert len(written) == 2 and len(dataset.images) == MOST
    return written


def coco_shards(tmp_path: pathlib.Path, content: formats.Content, images: pathlib.Path) -> dict[str, bytes]:
    (tmp_path / "plain.json").write_text(json.dumps(content))
    return shards(tmp_path, "coco", tmp_path / "plain.json", images)


def test_voc_gives_the_shards_of_coco(source, tmp_path):
    content = formats.plain_coco(*source, MOST)
    formats.write_voc(content, source.images, tmp_path / "voc")
    names = formats.write_names(content, tmp_path / "names.txt")
    expected = coco_shards(tmp_path, content, source.images)
    assert shards(tmp_path, "voc", tmp_path / "voc", subset="train", classes=names) == expected


def test_yolo_gives_the_shards_of_coco(source, tmp_path):
    content = formats.plain_coco(*source, MOST, first_class_id=0)
    formats.write_yolo(content, source.images, tmp_path / "yolo")
    expected = coco_shards(tmp_path, content, source.images)
    assert shards(tmp_path, "yolo", tmp_path / "yolo", subset="train") == expected


@pytest.mark.parametrize("form", ["tutorial", "retinanet", "automl"])
def test_csv_gives_the_shards_of_coco(source, tmp_path, form):
    content = formats.plain_coco(*source, MOST)
    table = formats.write_csv(content, tmp_path / "boxes.csv", form)
    names = formats.write_names(content, tmp_path / "names.txt")
    expected = coco_shards(tmp_path, content, source.images)
    assert shards(tmp_path, "csv", table, source.images, subset="train", classes=names) == expected


def test_others_shards_give_those_of_coco(source, tmp_path):
    content = formats.plain_coco(*source, MOST)
    shard = formats.write_tfrecord(content, source.images, tmp_path / "coco_train.record-00000-of-00001")
    formats.write_label_map(content, tmp_path / "label_map.pbtxt")
    expected = coco_shards(tmp_path, content, source.images)
    assert shards(tmp_path, "tfrecord", shard, subset="train") == expected
