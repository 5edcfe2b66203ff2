# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What is said of examples that cannot be read: file, record, reason; and which of them end a run."""

import logging as std_logging
import pathlib
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.data.bad_examples import (
    BAD_IMAGE,
    BAD_RECORD,
    NO_FAULT,
    BadExamples,
    describe_fault,
    image_ids,
    locate,
    read_record,
)
from ssd_tf.data.formats import shapes
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.manifest import Manifest
from ssd_tf.data.preparation.prepare import prepare


class Split(NamedTuple):
    folder: pathlib.Path
    manifest: Manifest
    contents: list[bytes]

    @property
    def first(self) -> pathlib.Path:
        """The first shard, of records 0 to 3."""
        return self.folder / self.manifest.shards[0].file


@pytest.fixture
def split(tmp_path) -> Split:
    """Seven images in shards of four and three."""
    path = shapes.draw_shapes(tmp_path / "drawn", 7, image_size=(80, 64), start_id=50)
    manifest = prepare(read_coco(path, path.parent / "images"), tmp_path / "data", "train", {}, num_shards=2)
    assert [shard.images for shard in manifest.shards] == [4, 3]
    files = [str(tmp_path / "data" / shard.file) for shard in manifest.shards]
    return Split(tmp_path / "data", manifest, list(tf.data.TFRecordDataset(files).as_numpy_iterator()))


def place(split: Split, record: int) -> int:
    """Where a record of the first shard begins: length and two checksums are around each."""
    return sum(len(content) + 16 for content in split.contents[:record])


def overwrite(split: Split, record: int) -> None:
    content = bytearray(split.first.read_bytes())
    start = place(split, record) + 20
    content[start : start + 8] = b"?" * 8
    split.first.write_bytes(content)


def rewrite(split: Split, record: int, content: bytes) -> None:
    """Another content of one record of the first shard, with checksums that fit it."""
    with tf.io.TFRecordWriter(str(split.first)) as writer:
        for index in range(4):
            writer.write(content if index == record else split.contents[index])


def changed(content: bytes, feature: str, value: bytes | int) -> bytes:
    example = tf.train.Example.FromString(content)
    values = example.features.feature[feature]
    (values.bytes_list if isinstance(value, bytes) else values.int64_list).value[0] = value
    return example.SerializeToString()


def marks(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


def numbers(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


@pytest.fixture
def log(caplog):
    caplog.set_level(std_logging.INFO, logger="absl")
    return caplog


@pytest.mark.parametrize(("number", "shard", "index"), [(0, 0, 0), (3, 0, 3), (4, 1, 0), (6, 1, 2)])
def test_number_in_the_split_is_a_shard_and_a_number_in_it(split, number, shard, index):
    assert locate(split.manifest, number) == (split.manifest.shards[shard].file, index)


@pytest.mark.parametrize("number", [-1, 7])
def test_number_that_the_split_does_not_have_is_refused(split, number):
    with pytest.raises(ValueError, match=f"expected a record number from 0 to 6. Received: {number}"):
        locate(split.manifest, number)


def test_record_is_read_by_its_number(split):
    assert [read_record(split.folder, split.manifest, number) for number in range(7)] == split.contents


def test_damaged_record_is_named_by_file_and_number(split):
    overwrite(split, 2)
    with pytest.raises(ValueError, match=rf"{split.first}, record 2: cannot be read: corrupted record"):
        read_record(split.folder, split.manifest, 2)
    assert read_record(split.folder, split.manifest, 1) == split.contents[1]


def test_record_that_is_lost_behind_a_damaged_one_names_that_one(split):
    overwrite(split, 1)
    with pytest.raises(ValueError, match=rf"{split.first}, record 1: cannot be read"):
        read_record(split.folder, split.manifest, 3)


def test_file_that_is_cut_off_inside_a_record_names_it(split):
    split.first.write_bytes(split.first.read_bytes()[: place(split, 2) + 30])
    with pytest.raises(ValueError, match=rf"{split.first}, record 2: cannot be read: truncated record"):
        read_record(split.folder, split.manifest, 2)


def test_file_that_ends_between_records_is_said_to(split):
    split.first.write_bytes(split.first.read_bytes()[: place(split, 2)])
    with pytest.raises(ValueError, match=rf"{split.first}, record 2: the file ends before it"):
        read_record(split.folder, split.manifest, 3)


def test_file_that_is_gone_is_named(split):
    split.first.unlink()
    with pytest.raises(ValueError, match=rf"{split.first}, record 0: cannot be read"):
        read_record(split.folder, split.manifest, 0)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda content: b"no example", "not a record of ssd_tf"),
        (
            lambda content: changed(content, "image/encoded", b"\xff\xd8\xff\xe0 no image"),
            "the image cannot be decoded",
        ),
        (
            lambda content: changed(content, "image/object/class/label", 999),
            "a box of class id 999, which the manifest",
        ),
    ],
    ids=["record", "image", "class"],
)
def test_reason_is_found_out(split, content, reason):
    rewrite(split, 1, content(split.contents[1]))
    description = describe_fault(split.folder, split.manifest, 1)
    assert description.startswith(f"{split.first}, record 1")
    assert reason in description


def test_image_is_named_by_its_image_id_too(split):
    (image_id,) = image_ids(split.folder, split.manifest, [1])
    rewrite(split, 1, changed(split.contents[1], "image/encoded", b"\xff\xd8\xff\xe0 no image"))
    assert f"record 1 (image id {image_id})" in describe_fault(split.folder, split.manifest, 1)


def test_ids_of_images_are_those_of_the_records(split):
    ids = image_ids(split.folder, split.manifest, [0, 1, 2, 3, 4, 5, 6])
    assert sorted(ids) == [str(number) for number in range(50, 57)]
    assert image_ids(split.folder, split.manifest, [5, 5, 2]) == [ids[5], ids[5], ids[2]]


def test_ids_of_other_images_are_given_where_one_cannot_be_read(split):
    ids = image_ids(split.folder, split.manifest, [0, 4])
    overwrite(split, 1)
    assert image_ids(split.folder, split.manifest, [0, 1, 4]) == [ids[0], "unreadable", ids[1]]


def test_record_that_cannot_be_read_ends_the_run(split):
    overwrite(split, 2)
    bad_examples = BadExamples(split.folder, split.manifest, skip_bad_records=False)
    with pytest.raises(ValueError, match=rf"{split.first}, record 2: cannot be read.*'train' again") as raised:
        bad_examples.add(numbers(0, 2), marks(NO_FAULT, BAD_RECORD))
    # Not every program that says this has the flag of `train`.
    assert "--" not in str(raised.value)


def test_records_are_skipped_and_counted_where_that_is_asked_for(split, log):
    overwrite(split, 2)
    bad_examples = BadExamples(split.folder, split.manifest, skip_bad_records=True)
    bad_examples.add(numbers(0, 2), marks(NO_FAULT, BAD_RECORD))
    bad_examples.add(numbers(3, 4), marks(BAD_RECORD, NO_FAULT))
    assert f"left out: {split.first}, record 2: cannot be read" in log.text
    assert "0 images that cannot be decoded, 2 records that cannot be read" in bad_examples.summary()


@pytest.mark.parametrize("skip", [False, True])
def test_images_are_always_left_out_and_counted(split, log, skip):
    rewrite(split, 1, changed(split.contents[1], "image/encoded", b"\xff\xd8\xff\xe0 no image"))
    bad_examples = BadExamples(split.folder, split.manifest, skip)
    bad_examples.add(numbers(1), marks(BAD_IMAGE))
    assert f"left out: {split.first}, record 1" in log.text
    assert "1 images that cannot be decoded, 0 records that cannot be read" in bad_examples.summary()


def test_example_that_comes_in_every_epoch_is_reported_and_counted_once(split, log):
    rewrite(split, 1, changed(split.contents[1], "image/encoded", b"\xff\xd8\xff\xe0 no image"))
    bad_examples = BadExamples(split.folder, split.manifest, False)
    for _ in range(3):
        bad_examples.add(numbers(1), marks(BAD_IMAGE))
    assert log.text.count("left out: ") == 1
    assert "1 images" in bad_examples.summary()


def test_run_without_faults_has_nothing_to_sum_up(split, log):
    bad_examples = BadExamples(split.folder, split.manifest, False)
    bad_examples.add(numbers(0, 1), marks(NO_FAULT, NO_FAULT))
    assert bad_examples.summary() == ""
    assert log.text == ""
