# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A manifest comes back as it was saved, and vouches for the shards beside it."""

import json

import pytest

from ssd_tf.data.annotations import Category, ClassCount
from ssd_tf.data.manifest import Manifest, describe_shard, load_manifest, manifest_path, save_manifest

SHARD = "train-00000-of-00002.tfrecord"


def prepared(folder, split="train", fill=b"a"):
    """A split of two shards, which need not be records here, and its manifest."""
    folder.mkdir(exist_ok=True)
    shards = []
    for k in range(2):
        path = folder / f"{split}-{k:05d}-of-00002.tfrecord"
        path.write_bytes(fill * 1000 + bytes([k]) * 100_000)
        shards.append(describe_shard(path, images=3 + k))
    manifest = Manifest(
        split=split,
        classes=(ClassCount(Category(3, "Katze 猫"), 5, 9), ClassCount(Category(90, "dog"), 0, 0)),
        num_images=7,
        num_images_with_boxes=5,
        max_boxes=4,
        shards=tuple(shards),
        findings={"dropped": ["a.jpg: dropped: box"]},
        source={"format": "coco", "annotations": "a.json", "images": "a"},
    )
    save_manifest(manifest, folder)
    return manifest


def test_manifest_comes_back_as_it_was_saved(tmp_path):
    manifest = prepared(tmp_path)
    assert load_manifest(tmp_path, "train") == manifest
    assert load_manifest(str(tmp_path), "train") == manifest


def test_categories_are_in_the_order_of_the_classes(tmp_path):
    assert prepared(tmp_path).categories == (Category(3, "Katze 猫"), Category(90, "dog"))


def test_file_says_which_class_is_which_id(tmp_path):
    prepared(tmp_path)
    content = json.loads((tmp_path / "train.json").read_text(encoding="utf-8"))
    assert [(c["class"], c["id"], c["name"], c["boxes"]) for c in content["classes"]] == [
        (1, 3, "Katze 猫", 9),
        (2, 90, "dog", 0),
    ]


def test_shard_is_described_by_size_and_content(tmp_path):
    manifest = prepared(tmp_path)
    assert [shard.file for shard in manifest.shards] == [SHARD, "train-00001-of-00002.tfrecord"]
    assert [shard.images for shard in manifest.shards] == [3, 4]
    assert [shard.bytes for shard in manifest.shards] == [101_000, 101_000]
    assert manifest.shards[0].head_sha256 != manifest.shards[1].head_sha256


def test_missing_split_is_refused_with_the_names_of_those_there_are(tmp_path):
    prepared(tmp_path, "train")
    prepared(tmp_path, "minival")
    with pytest.raises(FileNotFoundError, match=r"'val' has not been prepared .*: minival, train"):
        load_manifest(tmp_path, "val")


def test_nothing_prepared_is_said_as_it_is(tmp_path):
    with pytest.raises(FileNotFoundError, match="'train' has not been prepared") as caught:
        load_manifest(tmp_path / "nowhere", "train")
    assert "prepared splits there" not in str(caught.value)


def test_missing_shard_is_named(tmp_path):
    prepared(tmp_path)
    (tmp_path / SHARD).unlink()
    with pytest.raises(FileNotFoundError, match=SHARD):
        load_manifest(tmp_path, "train")


def test_shard_of_another_data_set_is_refused(tmp_path):
    prepared(tmp_path / "ours")
    other = prepared(tmp_path / "theirs", fill=b"bb")
    (tmp_path / "ours" / SHARD).write_bytes((tmp_path / "theirs" / SHARD).read_bytes())
    with pytest.raises(ValueError, match=rf"{SHARD} is not the shard .* expected 101000 .* Received: 102000 bytes"):
        load_manifest(tmp_path / "ours", "train")
    assert load_manifest(tmp_path / "theirs", "train") == other


def test_shard_of_the_same_size_with_other_bytes_is_refused(tmp_path):
    prepared(tmp_path)
    content = bytearray((tmp_path / SHARD).read_bytes())
    content[500] ^= 1
    (tmp_path / SHARD).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{SHARD} is not the shard"):
        load_manifest(tmp_path, "train")


def test_truncated_shard_is_refused(tmp_path):
    prepared(tmp_path)
    content = (tmp_path / SHARD).read_bytes()
    (tmp_path / SHARD).write_bytes(content[:-1])
    with pytest.raises(ValueError, match=rf"{SHARD} is not the shard"):
        load_manifest(tmp_path, "train")


@pytest.mark.parametrize(
    "junk",
    [b"", b"words", b"[]", b"null", b"{}", b'{"classes": 5, "shards": []}', bytes(range(128, 256))],
    ids=["empty", "words", "list", "null", "object", "wrong types", "binary"],
)
def test_file_that_is_no_manifest_is_refused_by_name(tmp_path, junk):
    (tmp_path / "train.json").write_bytes(junk)
    with pytest.raises(ValueError, match=r"train\.json: not a manifest"):
        load_manifest(tmp_path, "train")


@pytest.mark.parametrize("key", ["split", "classes", "num_images", "max_boxes", "shards", "findings", "source"])
def test_manifest_without_a_field_is_refused_by_the_name_of_the_field(tmp_path, key):
    prepared(tmp_path)
    content = json.loads((tmp_path / "train.json").read_text())
    del content[key]
    (tmp_path / "train.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"train\.json: not a manifest .*'{key}'"):
        load_manifest(tmp_path, "train")


def test_manifest_lies_beside_its_shards(tmp_path):
    assert manifest_path(tmp_path, "val") == tmp_path / "val.json"
    prepared(tmp_path, "val")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "val-00000-of-00002.tfrecord",
        "val-00001-of-00002.tfrecord",
        "val.json",
    ]
