# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Batches: every image once an epoch, the same numbers from the same seed wherever a run starts and however it runs."""

import dataclasses
import itertools
import shutil

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.data import pipeline, records
from ssd_tf.data.bad_examples import BAD_IMAGE, BAD_RECORD, NO_FAULT, read_record
from ssd_tf.data.examples import TrainBatch
from ssd_tf.data.pipeline import AugmentConfig, BatchShard, eval_dataset, steps_per_epoch, train_dataset
from tests.fixtures.drawn_split import SIZE, Split, prepared
from tests.fixtures.specs import with_input

BATCH = 4
PLAIN = AugmentConfig(random_crop=False, random_flip=False, color_jitter=False)
FULL = AugmentConfig()
# The drawn shapes' sparse ids, in their order.
CLASS_OF_ID = {1: 1, 3: 2, 7: 3, 8: 4, 12: 5}


@pytest.fixture(scope="module")
def split(tmp_path_factory) -> Split:
    """Twelve images with boxes: three batches an epoch."""
    return prepared(tmp_path_factory.mktemp("split"), 12)


@pytest.fixture(scope="module")
def uneven(tmp_path_factory) -> Split:
    """Sixteen images, 14 of them with boxes: three batches an epoch and two images over."""
    return prepared(tmp_path_factory.mktemp("uneven"), 16, empty=(3, 8))


@pytest.fixture(scope="module")
def plain(split) -> list[TrainBatch]:
    """Three epochs of `split` without augmentation."""
    return batches(split, 9, PLAIN)


@pytest.fixture(scope="module")
def uninterrupted(uneven) -> list[TrainBatch]:
    """Four epochs of `uneven` with all augmentation."""
    return batches(uneven, 12)


def batches(split: Split, count: int, augment=FULL, seed=0, start_step=0, options=None) -> list[TrainBatch]:
    """NumPy batches start_step, start_step + 1, ..."""
    dataset = train_dataset(split.folder, split.manifest, with_input(SIZE), BATCH, seed, augment, start_step)
    if options:
        dataset = dataset.with_options(options)
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


def rewritten(split: Split, tmp_path, number: int, content: bytes):
    """A folder of the split with another content in one of its records, with checksums that fit it."""
    folder = shutil.copytree(split.folder, tmp_path / "copy")
    start = 0
    for shard in split.manifest.shards:
        contents = [read_record(split.folder, split.manifest, start + k) for k in range(shard.images)]
        if start <= number < start + shard.images:
            contents[number - start] = content
            with tf.io.TFRecordWriter(str(folder / shard.file)) as writer:
                for one in contents:
                    writer.write(one)
        start += shard.images
    return folder


def ids_of(split: Split, found: list[TrainBatch]) -> list[int]:
    """Image ids of batches that were made without augmentation."""
    return [split.annotated[image.tobytes()].image_id for batch in found for image in batch.images]


def assert_equal(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        for a, b in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True):
            np.testing.assert_array_equal(a, b)


def same(one: TrainBatch, other: TrainBatch) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True))


def test_batch_has_the_shapes_and_types_that_it_says(split):
    dataset = train_dataset(split.folder, split.manifest, with_input(SIZE), BATCH, 0, FULL)
    g = split.manifest.max_boxes
    expected = [
        ("images", (BATCH, SIZE, SIZE, 3), tf.uint8),
        ("boxes", (BATCH, g, 4), tf.float32),
        ("classes", (BATCH, g), tf.int32),
        ("flip", (BATCH,), tf.bool),
    ]
    for name, shape, dtype in expected:
        spec = getattr(dataset.element_spec, name)
        assert (tuple(spec.shape), spec.dtype) == (shape, dtype), name
    jitter = dataset.element_spec.jitter
    assert (tuple(jitter.order.shape), jitter.order.dtype) == ((BATCH, 4), tf.int32)
    assert (tuple(jitter.factors.shape), jitter.factors.dtype) == ((BATCH, 4), tf.float32)
    batch = next(dataset.as_numpy_iterator())
    for name, shape, dtype in expected:
        value = getattr(batch, name)
        assert (value.shape, value.dtype) == (shape, dtype.as_numpy_dtype), name


def test_epoch_has_every_image_once(split, plain):
    found = ids_of(split, plain)
    for epoch in range(3):
        assert sorted(found[12 * epoch : 12 * epoch + 12]) == list(range(50, 62))


def test_epochs_are_in_different_orders(split, plain):
    found = ids_of(split, plain)
    orders = {tuple(found[12 * epoch : 12 * epoch + 12]) for epoch in range(3)}
    assert len(orders) == 3
    assert sorted(found[:12]) != found[:12]


def test_order_is_more_than_an_order_of_shards(split, plain):
    by_shard = []
    for shard in split.manifest.shards:
        examples = tf.data.TFRecordDataset(str(split.folder / shard.file)).map(records.parse).as_numpy_iterator()
        by_shard.append([int(example.source_id) for example in examples])
    epochs = [ids_of(split, plain[3 * epoch : 3 * epoch + 3]) for epoch in range(3)]
    assert any([i for i in epoch if i in shard] != shard for epoch in epochs for shard in by_shard)


def test_remainder_of_an_epoch_is_left_out_other_images_each_time_and_images_without_boxes_always(uneven):
    assert steps_per_epoch(uneven.manifest, BATCH) == 3
    found = ids_of(uneven, batches(uneven, 30, PLAIN))
    epochs = [found[12 * epoch : 12 * epoch + 12] for epoch in range(10)]
    assert all(len(set(epoch)) == 12 for epoch in epochs)
    assert len({frozenset(epoch) for epoch in epochs}) > 1
    assert set(found) == set(range(50, 66)) - {53, 58}


def test_background_images_are_kept_where_they_are_wanted(uneven):
    assert steps_per_epoch(uneven.manifest, BATCH, keep_background=True) == 4
    args = (uneven.folder, uneven.manifest, with_input(SIZE), BATCH, 0)
    plain = train_dataset(*args, PLAIN, keep_background=True).as_numpy_iterator()
    epoch = list(itertools.islice(plain, 4))
    assert sorted(ids_of(uneven, epoch)) == list(range(50, 66))
    full = itertools.islice(train_dataset(*args, FULL, keep_background=True).as_numpy_iterator(), 4)
    for batch in (*epoch, *full):
        assert not batch.fault.any()
    empty = np.concatenate([~batch.classes.any(axis=1) for batch in epoch])
    assert [i for i, none in zip(ids_of(uneven, epoch), empty, strict=True) if none] in ([53, 58], [58, 53])


def test_without_augmentation_an_example_is_the_resized_image_and_its_boxes(split, plain):
    for batch in plain[:3]:
        assert not batch.flip.any()
        for image, boxes, classes in zip(batch.images, batch.boxes, batch.classes, strict=True):
            annotated = split.annotated[image.tobytes()]
            n = len(annotated.boxes)
            np.testing.assert_array_equal(boxes[:n], annotated.boxes.astype(np.float32))
            np.testing.assert_array_equal(boxes[n:], 0.0)
            assert classes[:n].tolist() == [CLASS_OF_ID[i] for i in annotated.category_ids.tolist()]
            assert not classes[n:].any()


def test_sparse_ids_become_consecutive_classes(plain):
    classes = np.concatenate([batch.classes.ravel() for batch in plain[:3]])
    assert set(classes.tolist()) == {0, 1, 2, 3, 4, 5}


def test_crop_cuts_pixels_and_boxes_together(split):
    found = batches(split, 12, dataclasses.replace(PLAIN, random_crop=True))
    changed = whole = 0
    for batch in found:
        for image, boxes, classes in zip(batch.images, batch.boxes, batch.classes, strict=True):
            assert (classes > 0).any()
            assert (boxes >= 0.0).all() and (boxes <= 1.0).all()
            assert (boxes[classes == 0] == 0.0).all()
            assert (boxes[classes > 0][:, 2:] > boxes[classes > 0][:, :2]).all()  # what was cut off has no class
            if image.tobytes() not in split.annotated:
                changed += 1
                continue
            whole += 1
            expected = split.annotated[image.tobytes()].boxes.astype(np.float32)
            np.testing.assert_array_equal(boxes[: len(expected)], expected)
    # About half of all draws are the whole image; 48 draws.
    assert changed > 5 and whole > 5


def test_flip_is_a_note_for_the_device_and_falls_on_about_half(split):
    found = batches(split, 24, dataclasses.replace(PLAIN, random_flip=True))
    flips = np.concatenate([batch.flip for batch in found])
    # 96 draws of a half: standard error 0.051; three of those.
    assert abs(flips.mean() - 0.5) < 0.16
    assert len(ids_of(split, found)) == 96  # the pixels are those of the whole image, not mirrored
    assert not any(batch.flip.any() for batch in batches(split, 3, dataclasses.replace(FULL, random_flip=False)))


def test_jitter_differs_from_example_to_example(uninterrupted):
    factors = np.concatenate([batch.jitter.factors for batch in uninterrupted])
    assert len(np.unique(factors, axis=0)) == 48


def test_same_seed_gives_the_same_batches(uneven, uninterrupted):
    assert_equal(batches(uneven, 7), uninterrupted[:7])


def test_another_seed_gives_other_batches_in_another_order(split, plain):
    other = batches(split, 9, PLAIN, seed=6)
    assert not any(same(a, b) for a, b in zip(plain, other, strict=True))
    assert ids_of(split, plain) != ids_of(split, other)
    assert not np.array_equal(plain[0].jitter.factors, other[0].jitter.factors)


@pytest.mark.parametrize(
    "name", ["ssd", "none", *(pytest.param(name, marks=pytest.mark.proof) for name in ("ssdlite", "amdegroot"))]
)
def test_every_augmentation_continues_with_the_same_batches(uneven, name):
    augment = AugmentConfig(augmentation=name)
    found = batches(uneven, 5, augment)
    assert_equal(batches(uneven, 2, augment, start_step=3), found[3:])
    for batch in found:
        assert batch.images.shape == (BATCH, SIZE, SIZE, 3)
        assert (batch.classes > 0).any(axis=1).all()
        assert (batch.boxes[batch.classes == 0] == 0.0).all()
    if name == "none":
        assert not any(batch.flip.any() for batch in found)
        assert len(ids_of(uneven, found)) == 20


# Three batches an epoch: at the start, within the first, second and third epoch, and at their borders.
@pytest.mark.parametrize("start_step", [1, 2, 3, 4, 6, 8])
def test_run_that_continues_gets_the_batches_of_one_that_was_never_interrupted(uneven, uninterrupted, start_step):
    assert_equal(batches(uneven, 12 - start_step, start_step=start_step), uninterrupted[start_step:])


def test_steps_done_are_skipped_without_making_their_examples(uneven, monkeypatch):
    seen = []

    def note(epoch, place):
        seen.append((int(epoch), int(place)))
        return np.int64(0)

    example_seed = pipeline.example_seed

    def spy(seed, epoch, place):
        with tf.control_dependencies([tf.numpy_function(note, [epoch, place], tf.int64)]):
            return example_seed(seed, epoch, place)

    monkeypatch.setattr(pipeline, "example_seed", spy)
    batches(uneven, 2, start_step=7)
    assert min(seen) == (2, BATCH)  # step 7 is the second of the third epoch
    assert {(2, 4), (2, 7), (2, 8), (2, 11)} <= set(seen)


@pytest.mark.parametrize("global_seed", [1, 2])
def test_batches_do_not_hang_on_the_global_seed(uneven, uninterrupted, global_seed):
    tf.random.set_seed(global_seed)
    tf.random.uniform([])
    assert_equal(batches(uneven, 4), uninterrupted[:4])


@pytest.mark.parametrize("threads", [1, 4])
def test_batches_do_not_hang_on_the_number_of_threads(uneven, uninterrupted, threads):
    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    options.threading.max_intra_op_parallelism = threads
    assert_equal(batches(uneven, 7, options=options), uninterrupted[:7])


def test_pipeline_does_not_change_the_global_seed(split):
    tf.random.set_seed(3)
    expected = tf.random.uniform([4]).numpy()
    tf.random.set_seed(3)
    batches(split, 1)
    np.testing.assert_array_equal(tf.random.uniform([4]), expected)


def test_batch_larger_than_the_split_is_refused(uneven):
    with pytest.raises(ValueError, match="batch size 15 is larger than split 'train', which has 14 images with boxes"):
        steps_per_epoch(uneven.manifest, 15)
    with pytest.raises(ValueError, match="batch size 17 is larger than split 'train', which has 16 images"):
        steps_per_epoch(uneven.manifest, 17, keep_background=True)
    with pytest.raises(ValueError, match="batch size 15"):
        train_dataset(uneven.folder, uneven.manifest, with_input(SIZE), 15, 0, FULL)
    assert steps_per_epoch(uneven.manifest, 14) == 1


def test_a_split_without_boxes_has_nothing_to_train_on(uneven):
    empty = dataclasses.replace(uneven.manifest, num_images_with_boxes=0)
    for keep_background in (False, True):
        with pytest.raises(ValueError, match="split 'train' has no image with boxes: there is nothing to train on"):
            steps_per_epoch(empty, 1, keep_background)


def test_large_seed_is_taken(split):
    # Seeds made of the time or of random bits are often larger than 31 bits.
    assert not same(batches(split, 1, seed=2**31 + 1)[0], batches(split, 1, seed=1)[0])


def test_record_with_an_id_that_the_manifest_lacks_is_marked(split):
    narrow = dataclasses.replace(split.manifest, classes=split.manifest.classes[:-1])
    lost = split.manifest.classes[-1].category.id
    batch = next(train_dataset(split.folder, narrow, with_input(SIZE), 4, 0, AugmentConfig()).as_numpy_iterator())
    for number, fault, classes in zip(batch.record.tolist(), batch.fault.tolist(), batch.classes, strict=True):
        example = records.parse(read_record(split.folder, split.manifest, number))
        assert (fault == BAD_RECORD) == (lost in example.category_ids.numpy())
        assert fault == NO_FAULT or not classes.any()
    assert BAD_RECORD in batch.fault


@pytest.mark.parametrize("damage", ["one byte", "half of it", "words", "no file"])
def test_damaged_shard_marks_its_records_from_the_damage_on_and_moves_no_other(split, plain, tmp_path, damage):
    shutil.copytree(split.folder, tmp_path / "copy")
    shard = split.manifest.shards[1]
    path = tmp_path / "copy" / shard.file
    content = bytearray(path.read_bytes())
    if damage == "one byte":
        content[len(content) // 2] ^= 255
    path.write_bytes({"half of it": content[: len(content) // 2], "words": b"words " * 500}.get(damage, content))
    if damage == "no file":
        path.unlink()
    first = split.manifest.shards[0].images
    bad = set(range(first + (shard.images // 2 if damage in ("one byte", "half of it") else 0), first + shard.images))

    found = batches(split._replace(folder=tmp_path / "copy"), 6, PLAIN)
    marked = set()
    for one, other in zip(found, plain, strict=False):
        np.testing.assert_array_equal(one.record, other.record)
        good = one.fault == NO_FAULT
        np.testing.assert_array_equal(one.images[good], other.images[good])
        assert not one.images[~good].any() and not one.classes[~good].any()
        assert set(one.fault[~good].tolist()) <= {BAD_RECORD}
        marked.update(one.record[~good].tolist())
    # Two epochs leave out the same images only where there is a remainder: what is marked is bad.
    assert marked and marked <= bad
    scored = list(eval_dataset(tmp_path / "copy", split.manifest, with_input(SIZE), BATCH).as_numpy_iterator())
    assert {n for batch in scored for n in batch.record[batch.fault == BAD_RECORD].tolist()} == bad


def test_records_that_cannot_be_read_stay_in_a_split_with_images_without_boxes(uneven, uninterrupted, tmp_path):
    # Each may have had boxes. Were they left out, the run would go on as if nothing were wrong, in shorter epochs.
    shutil.copytree(uneven.folder, tmp_path / "copy")
    (tmp_path / "copy" / uneven.manifest.shards[1].file).write_bytes(b"words " * 500)
    found = batches(uneven._replace(folder=tmp_path / "copy"), 6)
    first, count = uneven.manifest.shards[0].images, uneven.manifest.shards[1].images
    marked = {n for batch in found for n in batch.record[batch.fault == BAD_RECORD].tolist()}
    assert marked == set(range(first, first + count))
    assert all(len(set(np.concatenate([x.record for x in found[k : k + 3]]))) == 3 * BATCH for k in (0, 3))


@pytest.mark.parametrize("looked_at", [1, 5, 16])
def test_one_record_that_is_none_is_marked_and_what_is_beside_it_is_not(
    uneven, uninterrupted, tmp_path, monkeypatch, looked_at
):
    monkeypatch.setattr(pipeline, "_LOOKED_AT", looked_at)
    first = uninterrupted[0].record[0].item()
    folder = rewritten(uneven, tmp_path, first, b"no record")
    found = batches(uneven._replace(folder=folder), len(uninterrupted))
    for one, other in zip(found, uninterrupted, strict=True):
        np.testing.assert_array_equal(one.record, other.record)
        np.testing.assert_array_equal(one.fault, np.where(one.record == first, BAD_RECORD, NO_FAULT))
        np.testing.assert_array_equal(one.boxes[one.record != first], other.boxes[one.record != first])


def test_image_that_cannot_be_decoded_is_black_and_marked(split, plain, tmp_path):
    example = tf.train.Example.FromString(read_record(split.folder, split.manifest, 1))
    encoded = example.features.feature["image/encoded"].bytes_list.value
    encoded[0] = encoded[0][: len(encoded[0]) // 2]
    folder = rewritten(split, tmp_path, 1, example.SerializeToString())
    found = batches(split._replace(folder=folder), 3, PLAIN)
    for one, other in zip(found, plain, strict=False):
        np.testing.assert_array_equal(one.record, other.record)
        assert (one.fault == np.where(one.record == 1, BAD_IMAGE, NO_FAULT)).all()
        assert not one.images[one.record == 1].any() and not one.classes[one.record == 1].any()
        np.testing.assert_array_equal(one.images[one.record != 1], other.images[one.record != 1])
    assert any((one.record == 1).any() for one in found)


@pytest.mark.parametrize("sizes", [(2, 2), (2, 1, 1)])
def test_batch_shards_of_several_replicas_make_up_the_batch(uneven, uninterrupted, sizes):
    assert sum(sizes) == BATCH
    starts = [0, *itertools.accumulate(sizes)]
    parts = []
    for start, size in zip(starts, sizes, strict=False):
        dataset = train_dataset(
            uneven.folder, uneven.manifest, with_input(SIZE), BATCH, 0, FULL, 2, BatchShard(start, (size,))
        )
        parts.append(list(itertools.islice(dataset.as_numpy_iterator(), 4)))
    whole = [
        tf.nest.map_structure(lambda *values: np.concatenate(values), *pieces) for pieces in zip(*parts, strict=True)
    ]
    assert_equal(whole, uninterrupted[2:6])


@pytest.mark.parametrize("count", [2, 3])
def test_lanes_of_several_workers_make_up_the_stream(uneven, uninterrupted, count):
    lanes = []
    for index in range(count):
        dataset = train_dataset(
            uneven.folder, uneven.manifest, with_input(SIZE), BATCH, 0, FULL, 2, service_worker=(index, count)
        )
        lanes.append(itertools.islice(dataset.as_numpy_iterator(), 2))
    assert_equal([batch for turn in zip(*lanes, strict=True) for batch in turn], uninterrupted[2 : 2 + 2 * count])


@pytest.mark.parametrize("sizes", [(2, 2), (2, 1, 1)])
def test_pieces_of_a_share_come_in_turn(uneven, uninterrupted, sizes):
    dataset = train_dataset(
        uneven.folder, uneven.manifest, with_input(SIZE), BATCH, 0, FULL, batch_shard=BatchShard(0, sizes)
    )
    pieces = list(itertools.islice(dataset.as_numpy_iterator(), 2 * len(sizes)))
    assert [len(piece.images) for piece in pieces] == [*sizes, *sizes]
    for index in range(2):
        turn = pieces[index * len(sizes) : (index + 1) * len(sizes)]
        whole = tf.nest.map_structure(lambda *values: np.concatenate(values), *turn)
        assert_equal([whole], uninterrupted[index : index + 1])
