# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A finished shard is known again while all that it is a function of is the same, and never otherwise."""

import dataclasses
import json
import os
import pathlib

import numpy as np
import pytest

from ssd_tf.data import records
from ssd_tf.data.annotations import Category
from ssd_tf.data.formats import shapes
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.manifest import LOOK
from ssd_tf.data.preparation import shards
from ssd_tf.data.preparation.shards import ShardJob, finished, note_path, write_shard, written


@pytest.fixture
def job(tmp_path) -> ShardJob:
    """Four synthetic images, a box of the first of which leaves it."""
    annotations = shapes.draw_shapes(tmp_path / "drawn", 4, image_size=(64, 64))
    dataset = read_coco(annotations, annotations.parent / "images")
    (tmp_path / "out").mkdir()
    first = with_boxes(dataset.images[0], [[0.5, 0.5, 1.5, 1.0], [0.5, 0.5, 0.5, 0.75]])
    images = (first, *dataset.images[1:])
    return ShardJob(tmp_path / "out" / shards.shard_name("train", 0, 2), images, dataset.categories)


def with_boxes(image, boxes):
    count = len(boxes)
    return dataclasses.replace(
        image,
        boxes=np.array(boxes),
        category_ids=np.full(count, 3),
        areas=np.ones(count),
        is_crowd=np.zeros(count, bool),
    )


def with_image(job: ShardJob, index: int, **changes) -> ShardJob:
    images = list(job.images)
    images[index] = dataclasses.replace(images[index], **changes)
    return dataclasses.replace(job, images=tuple(images))


def test_shard_is_finished_when_it_is_written_and_not_before(job):
    assert finished(job) is None
    result = write_shard(job)
    assert finished(job) == written(job.path) == result
    assert sorted(path.name for path in job.path.parent.iterdir()) == [job.path.name, f"{job.path.name}.done"]


def test_result_counts_what_is_in_the_shard(job):
    result = write_shard(job)
    assert result.shard.file == "train-00000-of-00002.tfrecord"
    assert (result.shard.images, result.images_with_boxes, result.all_read) == (4, 4, True)
    # One box of the first image is clipped, the other has no height; it is of 64x32 pixels, and its area is 1.
    counts = {kind: len(messages) for kind, messages in result.findings.items()}
    assert counts == {"clipped": 1, "dropped": 1, f"{LOOK}areas that contradict their boxes": 1}
    assert result.boxes_that_count == 1 + sum(len(image.boxes) for image in job.images[1:])
    boxes = [1, *(len(image.boxes) for image in job.images[1:])]
    assert sum(count.boxes for count in result.classes) == sum(boxes)
    assert result.max_boxes == max(boxes)
    assert [count.category for count in result.classes] == list(job.categories)


# What another job may differ in; each gives the changed job.
CHANGES = {
    "a box": lambda job: with_image(job, 1, boxes=job.images[1].boxes * 0.5),
    "a class": lambda job: with_image(job, 1, category_ids=job.images[1].category_ids * 0 + 12),
    "an area": lambda job: with_image(job, 1, areas=job.images[1].areas + 1),
    "a crowd": lambda job: with_image(job, 1, is_crowd=~job.images[1].is_crowd),
    "an id": lambda job: with_image(job, 1, image_id=77),
    "a size": lambda job: with_image(job, 1, height=65),
    "a path": lambda job: with_image(job, 1, path=job.images[2].path),
    "a size that nobody said": lambda job: with_image(job, 1, without_size="pixels"),
    "the choice about EXIF": lambda job: dataclasses.replace(job, exif="raw"),
    "the order": lambda job: dataclasses.replace(job, images=job.images[::-1]),
    "one image less": lambda job: dataclasses.replace(job, images=job.images[:3]),
    "a name of a class": lambda job: dataclasses.replace(
        job, categories=(Category(job.categories[0].id, "other"), *job.categories[1:])
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_shard_of_another_job_is_not_finished(job, change):
    write_shard(job)
    assert finished(CHANGES[change](job)) is None


def test_shard_of_another_record_format_is_not_finished(job, monkeypatch):
    write_shard(job)
    monkeypatch.setattr(records, "FORMAT_VERSION", records.FORMAT_VERSION + 1)
    assert finished(job) is None


def grow(path: pathlib.Path):
    path.write_bytes(path.read_bytes() + b" ")


def touch_later(path: pathlib.Path):
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))


@pytest.mark.parametrize("change", [grow, touch_later, pathlib.Path.unlink])
def test_shard_with_an_image_that_changed_is_not_finished(job, change):
    write_shard(job)
    change(job.images[3].path)
    assert finished(job) is None


def test_image_that_changes_while_the_shard_is_written_makes_it_unfinished(job):
    last = job.images[3].path
    write_shard(job, on_image=lambda: touch_later(last))
    assert finished(job) is None


def cut(path: pathlib.Path):
    path.write_bytes(path.read_bytes()[:-1])


def flip_a_byte_in_the_middle(path: pathlib.Path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [cut, flip_a_byte_in_the_middle, pathlib.Path.unlink])
def test_shard_that_is_not_as_it_was_written_is_not_finished(job, damage):
    write_shard(job)
    damage(job.path)
    assert finished(job) is None


@pytest.mark.parametrize(
    "content", [b"", b"words", b"[]", b"{}", b"\x80\x81", b'{"job": 1, "sha256": 2, "result": {}}']
)
def test_damaged_note_makes_the_shard_unfinished(job, content):
    write_shard(job)
    note_path(job.path).write_bytes(content)
    assert finished(job) is None
    with pytest.raises(OSError, match="not there whole"):
        written(job.path)


def test_shard_without_an_image_that_could_not_be_read_is_tried_again(job):
    # A file may be there again at the next try: a disk that comes back, a right that is given.
    path = job.images[2].path
    content, stat = path.read_bytes(), path.stat()
    path.unlink()
    result = write_shard(job)
    assert result.findings["unreadable"] == [f"{path.name}: cannot be read (No such file or directory)"]
    assert not result.all_read
    assert finished(job) is None
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert write_shard(job).shard.images == 4
    assert finished(job)


def test_shard_without_an_image_that_is_none_is_finished(job):
    job.images[2].path.write_bytes(b"words")
    result = write_shard(job)
    assert result.shard.images == 3
    assert finished(job) == result


def test_note_can_be_read_by_people(job):
    result = write_shard(job)
    content = json.loads(note_path(job.path).read_text())
    assert content["result"]["shard"]["images"] == result.shard.images
