# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Batches of evaluation: every image once, with the whole record; flags of crowds and of difficult objects."""

import dataclasses
import itertools
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.data import records
from ssd_tf.data.examples import FILLING, EvalBatch
from ssd_tf.data.formats import shapes
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.manifest import Manifest
from ssd_tf.data.pipeline import eval_dataset, steps_per_epoch, train_dataset
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.settings import AugmentConfig
from tests.fixtures.drawn_split import SIZE, Split, prepared
from tests.fixtures.specs import with_input

PLAIN = AugmentConfig(random_crop=False, random_flip=False, color_jitter=False)


@pytest.fixture(scope="module")
def uneven(tmp_path_factory) -> Split:
    """Sixteen images, 14 of them with boxes: three batches an epoch and two images over."""
    return prepared(tmp_path_factory.mktemp("uneven"), 16, empty=(3, 8))


def evaluated(split: Split, batch_size: int) -> list[EvalBatch]:
    return list(eval_dataset(split.folder, split.manifest, with_input(SIZE), batch_size).as_numpy_iterator())


def test_evaluation_has_every_image_once_and_fills_up_the_last_batch(uneven):
    found = evaluated(uneven, 5)
    assert [len(batch.images) for batch in found] == [5, 5, 5, 5]
    ids = [int(i) for batch in found for i in batch.source_id[batch.record != FILLING]]
    assert sorted(ids) == list(range(50, 66))
    assert found[-1].record.tolist()[1:] == [FILLING] * 4
    assert not found[-1].images[1:].any() and not found[-1].num_boxes[1:].any()


def test_evaluation_reads_the_shards_side_by_side_in_their_order(uneven):
    by_shard = []
    for shard in uneven.manifest.shards:
        examples = tf.data.TFRecordDataset(str(uneven.folder / shard.file)).map(records.parse).as_numpy_iterator()
        by_shard.append([int(example.source_id) for example in examples])
    expected = [i for row in itertools.zip_longest(*by_shard) for i in row if i is not None]
    for batch_size in (5, 16):
        found = evaluated(uneven, batch_size)
        ids = [int(i) for batch in found for i in batch.source_id[batch.record != FILLING]]
        assert ids == expected


def test_evaluation_gives_the_resized_image_and_the_whole_record(uneven):
    by_id = {image.image_id: image for image in uneven.annotated.values()}
    g = uneven.manifest.max_boxes
    for batch in evaluated(uneven, 5):
        assert batch.images.dtype == np.uint8 and batch.boxes.shape[1:] == (g, 4)
        for k in np.flatnonzero(batch.record != FILLING):
            image = by_id[int(batch.source_id[k])]
            n = len(image.boxes)
            assert uneven.annotated[batch.images[k].tobytes()] is image
            assert (batch.height[k], batch.width[k], batch.num_boxes[k]) == (64, 80, n)
            np.testing.assert_array_equal(batch.boxes[k, :n], image.boxes.astype(np.float32))
            assert batch.category_ids[k, :n].tolist() == image.category_ids.tolist()
            np.testing.assert_array_equal(batch.areas[k, :n], image.areas.astype(np.float32))
            assert not batch.boxes[k, n:].any() and not batch.category_ids[k, n:].any()


def test_crowd_flags_reach_the_evaluation(tmp_path):
    path = shapes.draw_shapes(tmp_path / "drawn", 2, image_size=(80, 64))
    dataset = read_coco(path, path.parent / "images")
    crowded = dataclasses.replace(dataset.images[0], is_crowd=np.ones(len(dataset.images[0].boxes), bool))
    dataset = dataclasses.replace(dataset, images=(crowded, dataset.images[1]))
    manifest = prepare(dataset, tmp_path, "val", {})
    (batch,) = eval_dataset(tmp_path, manifest, with_input(SIZE), 2).as_numpy_iterator()
    rows = zip(batch.source_id, batch.is_crowd, batch.num_boxes, strict=True)
    flags = {int(source_id): crowds[:n].tolist() for source_id, crowds, n in rows}
    assert flags[crowded.image_id] == [1] * len(crowded.boxes)
    assert flags[2] == [0] * len(dataset.images[1].boxes)


@pytest.fixture(scope="module")
def hard(tmp_path_factory) -> tuple[pathlib.Path, Manifest]:
    """Two images; of one the last box is difficult, of the other all are."""
    folder = tmp_path_factory.mktemp("hard")
    path = shapes.draw_shapes(folder / "drawn", 2, image_size=(80, 64))
    dataset = read_coco(path, path.parent / "images")
    first, second = (len(image.boxes) for image in dataset.images)
    flags = (np.arange(first) == first - 1, np.ones(second, bool))
    images = [dataclasses.replace(i, is_difficult=f) for i, f in zip(dataset.images, flags, strict=True)]
    return folder, prepare(dataclasses.replace(dataset, images=tuple(images)), folder, "train", {})


def test_difficult_flags_reach_the_evaluation(hard):
    (batch,) = eval_dataset(*hard, with_input(SIZE), 2).as_numpy_iterator()
    rows = zip(batch.source_id.tolist(), batch.is_difficult, batch.num_boxes, strict=True)
    flags = {source_id: difficult[:n].tolist() for source_id, difficult, n in rows}
    assert flags[1][-1] == 1 and not any(flags[1][:-1])
    assert flags[2] == [1] * len(flags[2])


@pytest.mark.parametrize("train_on_difficult", [True, False])
def test_difficult_objects_are_trained_on_or_not_by_a_setting(hard, train_on_difficult):
    augment = dataclasses.replace(PLAIN, train_on_difficult=train_on_difficult)
    (evaluated_,) = eval_dataset(*hard, with_input(SIZE), 2).as_numpy_iterator()
    batch = next(train_dataset(*hard, with_input(SIZE), 2, 0, augment).as_numpy_iterator())
    boxes_of = dict(zip(evaluated_.source_id.tolist(), evaluated_.num_boxes.tolist(), strict=True))
    expected = [boxes_of[1], boxes_of[2]] if train_on_difficult else [boxes_of[1] - 1, 0]
    assert sorted((batch.classes > 0).sum(axis=1).tolist()) == sorted(expected)


def test_split_without_any_box_can_be_evaluated_but_not_trained_on(tmp_path):
    empty = prepared(tmp_path, 3, empty=(0, 1, 2))
    (batch,) = evaluated(empty, 4)
    assert batch.boxes.shape == (4, 0, 4)
    assert batch.num_boxes.tolist() == [0, 0, 0, 0]
    for keep_background in (False, True):
        with pytest.raises(ValueError, match="no image with boxes"):
            steps_per_epoch(empty.manifest, 1, keep_background)


def test_only_the_first_images_are_taken_where_that_is_asked_for(uneven):
    batches = list(eval_dataset(uneven.folder, uneven.manifest, with_input(SIZE), 5, most=7).as_numpy_iterator())
    assert [(batch.record != FILLING).tolist() for batch in batches] == [[True] * 5, [True, True, False, False, False]]
    every = np.concatenate([batch.source_id for batch in evaluated(uneven, 5)])
    assert np.concatenate([batch.source_id for batch in batches])[:7].tolist() == every[:7].tolist()
    more = list(eval_dataset(uneven.folder, uneven.manifest, with_input(SIZE), 5, most=99).as_numpy_iterator())
    assert len(more) == 4


def test_images_have_another_size_where_that_is_asked_for(uneven):
    dataset = eval_dataset(uneven.folder, uneven.manifest, with_input(SIZE), 5, input_size=(48, 80))
    assert next(dataset.as_numpy_iterator()).images.shape == (5, 48, 80, 3)
