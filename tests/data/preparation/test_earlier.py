# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A preparation replaces what a preparation wrote, and no shard of the user's."""

import pytest

from ssd_tf.data.formats import shapes
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.formats.tfrecord import read_tfrecord
from ssd_tf.data.preparation.prepare import prepare


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    drawn = shapes.draw_shapes(tmp_path_factory.mktemp("drawn"), 4, image_size=(64, 64))
    return read_coco(drawn, drawn.parent / "images")


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["train-00000-of-00004.tfrecord", "train-00000-of-00001.tfrecord"])
@pytest.mark.parametrize("is_prepared", [False, True])
def test_a_shard_that_no_preparation_wrote_is_never_replaced(dataset, tmp_path, name, is_prepared):
    if is_prepared:
        prepare(dataset, tmp_path, "train", {}, num_shards=2)
    (tmp_path / name).write_bytes(b"precious")
    before = contents(tmp_path)
    with pytest.raises(FileExistsError, match=f"{name} is in the way of a shard, and no manifest or note"):
        prepare(dataset, tmp_path, "train", {})
    assert contents(tmp_path) == before


def test_a_split_is_not_prepared_into_itself(dataset, tmp_path):
    prepare(dataset, tmp_path, "train", {}, num_shards=1)
    before = contents(tmp_path)
    stored = read_tfrecord(tmp_path, classes=[category.name for category in dataset.categories])
    with pytest.raises(ValueError, match=r"train-00000-of-00001\.tfrecord: its images cannot be prepared into itself"):
        prepare(stored, tmp_path, "train", {})
    assert contents(tmp_path) == before
    assert prepare(stored, tmp_path, "again", {}).num_images == 4


def test_what_a_stopped_preparation_left_is_replaced(dataset, tmp_path, monkeypatch):
    prepare(dataset, tmp_path, "train", {}, num_shards=2)
    manifest = (tmp_path / "train.json").read_bytes()

    def is_stopped(*_):
        raise KeyboardInterrupt

    # After its shards, before its manifest: their notes are there, and the manifest is not.
    monkeypatch.setattr("ssd_tf.data.preparation.prepare.save_manifest", is_stopped)
    with pytest.raises(KeyboardInterrupt):
        prepare(dataset, tmp_path, "train", {}, num_shards=3)
    monkeypatch.undo()
    assert not (tmp_path / "train.json").exists()
    prepare(dataset, tmp_path, "train", {}, num_shards=2)
    assert (tmp_path / "train.json").read_bytes() == manifest
    assert sorted(contents(tmp_path)) == [
        "train-00000-of-00002.tfrecord", "train-00001-of-00002.tfrecord", "train.json",
    ]  # fmt: skip
