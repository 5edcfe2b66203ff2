# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Training examples that are mixed of several records, and those whose boxes are all of a kind."""

import dataclasses
import itertools
import shutil

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.data.bad_examples import NO_FAULT
from ssd_tf.data.examples import TrainBatch
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.formats.shapes import draw_shapes
from ssd_tf.data.pipeline import BatchShard, train_dataset
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.settings import AugmentConfig
from ssd_tf.specs import DetectorSpec
from tests.fixtures.drawn_split import SIZE, Split, prepared
from tests.fixtures.specs import with_input

BATCH = 4
BOTH = AugmentConfig(augmentation="none", mosaic=0.5, mixup=0.5)


@pytest.fixture(scope="module")
def split(tmp_path_factory) -> Split:
    """Sixteen images, 14 of them with boxes: three batches an epoch and two images over."""
    return prepared(tmp_path_factory.mktemp("mixed"), 16, empty=(3, 8))


def batches(split: Split, count: int, augment: AugmentConfig, start_step=0, spec: DetectorSpec | None = None, **more):
    dataset = train_dataset(
        split.folder, split.manifest, spec or with_input(SIZE), BATCH, 0, augment, start_step, **more
    )
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


@pytest.fixture(scope="module")
def mixed(split) -> list[TrainBatch]:
    """Four epochs with mosaic and mixup."""
    return batches(split, 12, BOTH)


def assert_equal(found, expected):
    for one, other in zip(found, expected, strict=True):
        for a, b in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True):
            np.testing.assert_array_equal(a, b)


def test_mixed_images_have_room_for_the_boxes_of_all(split, mixed):
    most = split.manifest.max_boxes
    for batch in mixed:
        # Four images of a mosaic, and one that shines through.
        assert batch.boxes.shape == (BATCH, 5 * most, 4) and batch.classes.shape == (BATCH, 5 * most)
        assert (batch.boxes[batch.classes == 0] == 0.0).all()
        real = batch.boxes[batch.classes > 0]
        assert (real >= 0).all() and (real <= 1).all() and (real[:, 2:] > real[:, :2]).all()
    counts = np.concatenate([(batch.classes > 0).sum(axis=1) for batch in mixed])
    assert counts.max() > most


# Three batches an epoch: within the first, at a border, within the third.
@pytest.mark.parametrize(
    "start_step", [pytest.param(1, marks=pytest.mark.proof), pytest.param(3, marks=pytest.mark.proof), 8]
)
def test_run_that_continues_gets_the_same_mixed_images(split, mixed, start_step):
    assert_equal(batches(split, 2, BOTH, start_step), mixed[start_step : start_step + 2])


def test_one_replica_of_one_worker_loads_its_part_of_the_same_mixed_images(split, mixed):
    # The last two places of steps 3, 5, 7.
    part = batches(split, 3, BOTH, 2, batch_shard=BatchShard(2, (2,)), service_worker=(1, 2))
    assert_equal(part, [tf.nest.map_structure(lambda x: x[2:], mixed[step]) for step in (3, 5, 7)])


def test_mixing_moves_no_other_draw(split):
    augment = AugmentConfig(augmentation="ssdlite")
    plain, mixup = (batches(split, 3, dataclasses.replace(augment, mixup=m)) for m in (0.0, 0.5))
    same = 0
    for one, other in zip(plain, mixup, strict=True):
        np.testing.assert_array_equal(one.record, other.record)
        np.testing.assert_array_equal(one.flip, other.flip)
        most = split.manifest.max_boxes
        assert other.classes.shape == (BATCH, 2 * most)
        np.testing.assert_array_equal(one.boxes, other.boxes[:, :most])
        unmixed = (one.images == other.images).all(axis=(1, 2, 3))
        assert not other.classes[unmixed, most:].any()
        same += int(unmixed.sum())
    assert 0 < same < 12


@pytest.mark.parametrize("augment", [{"mosaic": 1.0}, {"mixup": 1.0}], ids=["mosaic", "mixup"])
def test_image_is_mixed_only_with_those_that_can_be_read(split, tmp_path, augment):
    config = AugmentConfig(augmentation="none", **augment)
    shutil.copytree(split.folder, tmp_path / "copy")
    (tmp_path / "copy" / split.manifest.shards[1].file).write_bytes(b"words " * 500)
    split = split._replace(folder=tmp_path / "copy")
    plain, found = (
        tf.nest.map_structure(lambda *x: np.concatenate(x), *batches(split, 9, one))
        for one in (AugmentConfig(augmentation="none"), config)
    )
    np.testing.assert_array_equal(found.record, plain.record)
    np.testing.assert_array_equal(found.fault, plain.fault)
    assert not found.images[found.fault != NO_FAULT].any()
    outcomes = set()
    # Of an epoch's ring of 14 the first 12 are seen: those whose partners are among them.
    ahead = 3 if config.mosaic else 1
    for start, place in itertools.product((0, 12, 24), range(12 - ahead)):
        here = slice(start + place, start + place + ahead + 1)
        good = bool((plain.fault[here] == NO_FAULT).all())
        assert np.array_equal(found.images[here][0], plain.images[here][0]) == (not good)
        outcomes.add(good)
    assert outcomes == {True, False}


@pytest.fixture(scope="module")
def kinds(tmp_path_factory) -> dict[str, Split]:
    """The same eight images, prepared as they are, and with all boxes crowds or difficult."""
    folder = tmp_path_factory.mktemp("kinds")
    path = draw_shapes(folder / "drawn", 8, image_size=(80, 64))
    dataset = read_coco(path, path.parent / "images")
    found = {}
    for kind in ("plain", "is_crowd", "is_difficult"):
        images = dataset.images
        if kind != "plain":
            images = tuple(dataclasses.replace(x, **{kind: np.ones(len(x.boxes), bool)}) for x in images)
        kept = dataclasses.replace(dataset, images=images)
        found[kind] = Split(folder / kind, prepare(kept, folder / kind, "train", {}, num_shards=1), {})
    return found


@pytest.mark.parametrize(
    "augment",
    [
        AugmentConfig(),
        *(
            pytest.param(AugmentConfig(augmentation=name, mosaic=0.5, mixup=0.5), marks=pytest.mark.proof)
            for name in ("ssd", "ssdlite", "amdegroot", "none")
        ),
    ],
    ids=lambda augment: augment.augmentation,
)
def test_images_of_crowds_alone_are_augmented_as_any_others(kinds, augment):
    plain, crowds = (batches(kinds[kind], 3, augment) for kind in ("plain", "is_crowd"))
    assert_equal(crowds, plain)
    assert all((batch.classes > 0).any() for batch in crowds)


@pytest.mark.parametrize(
    "augment", [AugmentConfig(), pytest.param(BOTH, marks=pytest.mark.proof)], ids=["mlperf", "mixed"]
)
def test_images_of_difficult_objects_alone_have_no_boxes_where_those_are_not_trained_on(kinds, augment):
    for batch in batches(kinds["is_difficult"], 2, dataclasses.replace(augment, train_on_difficult=False)):
        assert not batch.classes.any() and not batch.boxes.any() and batch.images.any()
        assert (batch.fault == NO_FAULT).all()
