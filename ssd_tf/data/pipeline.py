# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Shards -> batches, with tf.data. The host decodes, crops and resizes; colours, flips and matching follow in the step.

The order of the examples and all random choices are functions of (seed, epoch, place in the epoch), whatever the number
of threads. Letters: B images of a batch, S image side, G boxes of an image, padded.
"""

import dataclasses
import itertools
import math
import os
import pathlib

import numpy as np
import tensorflow as tf

from ssd_tf.data import records
from ssd_tf.data.augmentation import example_seed
from ssd_tf.data.bad_examples import NO_FAULT
from ssd_tf.data.examples import FILLING, eval_example, partners_of, train_example
from ssd_tf.data.manifest import Manifest
from ssd_tf.data.reading import numbered_records, or_default
from ssd_tf.settings import AugmentConfig
from ssd_tf.specs import DetectorSpec
from ssd_tf.utils.errors import UserError

# Records held for shuffling, and bytes of them, at most: 4096 of COCO are 0.5 GB. Preparation mixed the shards already.
SHUFFLE_BUFFER = 4096
SHUFFLE_BYTES = 2**30
# TensorFlow mixes a graph's seed into the seed of each shuffle; any fixed number but 0.
_GRAPH_SEED = 1
# Whether records have boxes is looked at for so many at once, and so many bytes, at most.
_LOOKED_AT = 16
_LOOKED_AT_BYTES = 2**24
# Consecutive images of an epoch among which images are mixed.
_NEIGHBOURS = 16


@dataclasses.dataclass(frozen=True)
class BatchShard:
    """The part of each batch that one process loads: the places from `start` on, in one piece for each replica.

    Attributes:
      start: the first place, from 0.
      sizes: images of each of its replicas.
    """

    start: int
    sizes: tuple[int, ...]

    @property
    def stop(self) -> int:
        return self.start + sum(self.sizes)


def images_of_epoch(manifest: Manifest, keep_background: bool) -> int:
    """Images that training uses: those with boxes, or all."""
    return manifest.num_images if keep_background else manifest.num_images_with_boxes


def steps_per_epoch(manifest: Manifest, batch_size: int, keep_background: bool = False) -> int:
    """Whole batches in an epoch; the rest of an epoch is left out, other examples each time.

    Raises:
      ValueError: the batch is larger than the split, or no image has a box.
    """
    keep_background = keep_background and manifest.num_images_with_boxes > 0
    images = images_of_epoch(manifest, keep_background)
    if not images:
        raise UserError(f"split {manifest.split!r} has no image with boxes: there is nothing to train on")
    if images < batch_size:
        what = "images" if keep_background else "images with boxes"
        raise UserError(f"batch size {batch_size} is larger than split {manifest.split!r}, which has {images} {what}")
    return images // batch_size


def train_dataset(
    data_dir: str | pathlib.Path,
    manifest: Manifest,
    spec: DetectorSpec,
    batch_size: int,
    seed: int,
    augment: AugmentConfig,
    start_step: int = 0,
    batch_shard: BatchShard | None = None,
    service_worker: tuple[int, int] = (0, 1),
    keep_background: bool = False,
) -> tf.data.Dataset:
    """TrainBatches without end, epoch after epoch; each batch is of one epoch.

    An image whose boxes are all difficult, where those are not trained on, stays: its loss is 0.

    Args:
      data_dir: where the shards lie.
      manifest: of the split.
      spec: of the detector, which says how large images are made and how they are resized.
      batch_size: of the whole batch.
      seed: of the order and of the augmentation.
      augment: what is done to the images.
      start_step: batches already used; they are skipped before their images are decoded.
      batch_shard: the part of each batch to load, in one piece for each replica; None is all of it in one piece.
        Records of other parts are read, and left out before their images are decoded.
      service_worker: (index, count): of the batches from start_step on only index, index + count, ...; for a service
        of several workers. The others are left out in the same way.
      keep_background: take images without boxes too; the reference leaves them out.
    """
    steps = steps_per_epoch(manifest, batch_size, keep_background)
    start_epoch, done = divmod(start_step, steps)
    batch_shard = batch_shard or BatchShard(0, (batch_size,))

    def examples_of(epoch):
        # Of this function's graph alone: else the order would depend on the caller's global seed as well.
        tf.random.set_seed(_GRAPH_SEED)
        order_seed = tf.stack([tf.constant(seed, tf.int64), epoch])
        dataset = numbered_records(data_dir, manifest, order_seed)
        if images_of_epoch(manifest, keep_background) < manifest.num_images:
            dataset = _with_boxes(dataset, _most_records(manifest, _LOOKED_AT, _LOOKED_AT_BYTES))
        buffer_seed = tf.random.stateless_uniform([], order_seed, None, None, tf.int64)
        dataset = dataset.shuffle(
            _most_records(manifest, SHUFFLE_BUFFER, SHUFFLE_BYTES), seed=buffer_seed, reshuffle_each_iteration=False
        )
        first = tf.where(epoch == start_epoch, tf.cast(done * batch_size, tf.int64), 0)
        dataset = _with_partners(dataset, partners_of(augment))
        dataset = tf.data.Dataset.zip(tf.data.Dataset.range(steps * batch_size), dataset).skip(first)
        dataset = _of_batch_shard(dataset, batch_size, batch_shard)
        if service_worker != (0, 1):
            before = epoch * steps - start_step
            dataset = dataset.filter(
                lambda place, _: (before + place // batch_size) % service_worker[1] == service_worker[0]
            )
        return dataset.map(lambda place, numbered: (epoch, place, numbered))

    def load(epoch, place, numbered):
        number, record, *partners = numbered
        one_seed = example_seed(seed, epoch, place)
        return train_example(number, record, partners, one_seed, manifest, spec, augment)

    # Not range(start_epoch, ...): the largest int64 is an end that no run reaches.
    dataset = tf.data.Dataset.range(start_epoch, np.iinfo(np.int64).max).flat_map(examples_of)
    return _in_batches(dataset, load, batch_shard)


def eval_dataset(
    data_dir: str | pathlib.Path,
    manifest: Manifest,
    spec: DetectorSpec,
    batch_size: int,
    batch_shard: BatchShard | None = None,
    input_size: tuple[int, int] | None = None,
    most: int | None = None,
) -> tf.data.Dataset:
    """EvalBatches of every image of the split, once, in the order of the shards.

    Args:
      input_size: height and width that images are resized to; None: the detector's.
      most: only so many, the first ones; None: all.
      As `train_dataset`.
    """
    batch_shard = batch_shard or BatchShard(0, (batch_size,))
    count = manifest.num_images if most is None else min(most, manifest.num_images)
    filling = math.ceil(count / batch_size) * batch_size - count
    dataset = numbered_records(data_dir, manifest, None).take(count)
    nothing = tf.data.Dataset.from_tensors((tf.constant(FILLING, tf.int64), tf.constant(b""))).repeat(filling)
    dataset = tf.data.Dataset.zip(tf.data.Dataset.range(count + filling), dataset.concatenate(nothing))

    def load(_, numbered):
        number, record = numbered
        return eval_example(number, record, manifest, spec, input_size)

    return _in_batches(_of_batch_shard(dataset, batch_size, batch_shard), load, batch_shard)


def images(data_dir: str | pathlib.Path, manifest: Manifest, spec: DetectorSpec, most: int) -> list[np.ndarray]:
    """uint8 RGB [S, S, 3] of the first images of the split that can be read, as `eval_dataset` has them."""
    batches = eval_dataset(data_dir, manifest, spec, 1).as_numpy_iterator()
    readable = (batch.images[0] for batch in batches if batch.fault[0] == NO_FAULT)
    return list(itertools.islice(readable, most))


def _with_partners(dataset: tf.data.Dataset, count: int) -> tf.data.Dataset:
    """(number, record) -> (number, record, `count` other records): those that follow it among _NEIGHBOURS, in a ring.

    So an image's partners are a matter of the epoch's order, whoever loads its part of the batch.
    """
    if not count:
        return dataset

    def in_a_ring(numbers, contents):
        places, size = tf.range(tf.size(numbers)), tf.size(numbers)
        partners = [tf.gather(contents, (places + step) % size) for step in range(1, count + 1)]
        return tf.data.Dataset.from_tensor_slices((numbers, contents, *partners))

    return dataset.batch(_NEIGHBOURS).flat_map(in_a_ring)


def _of_batch_shard(dataset: tf.data.Dataset, batch_size: int, batch_shard: BatchShard) -> tf.data.Dataset:
    """Of (place, ...) those whose place in their batch is in the batch shard."""
    if sum(batch_shard.sizes) == batch_size:
        return dataset

    def is_ours(place, _):
        return (place % batch_size >= batch_shard.start) & (place % batch_size < batch_shard.stop)

    return dataset.filter(is_ours)


def _in_batches(dataset: tf.data.Dataset, load, batch_shard: BatchShard) -> tf.data.Dataset:
    dataset = dataset.map(load, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    if len(set(batch_shard.sizes)) == 1:
        dataset = dataset.batch(batch_shard.sizes[0], drop_remainder=True)
    else:
        dataset = dataset.batch(sum(batch_shard.sizes), drop_remainder=True).rebatch(batch_shard.sizes)
    # Threads of its own: decoding would else wait behind the training step's operations.
    options = tf.data.Options()
    options.threading.private_threadpool_size = os.cpu_count() or 1
    return dataset.prefetch(tf.data.AUTOTUNE).with_options(options)


def _most_records(manifest: Manifest, most: int, most_bytes: int) -> int:
    """How many records of the split's mean size are `most` at most, and no more bytes than allowed; at least one."""
    record_bytes = sum(shard.bytes for shard in manifest.shards) // manifest.num_images
    return max(1, min(most, most_bytes // max(record_bytes, 1)))


def _with_boxes(dataset: tf.data.Dataset, at_once: int) -> tf.data.Dataset:
    """Those of (number, record) that have boxes, or cannot be read: they may have had some.

    Several at once, and in parallel: one at a time they are what a machine of many cores waits for.
    """

    def may_have_some(content):
        return or_default(lambda one: records.has_boxes(one[None])[0], content, tf.constant(True))

    def look(numbers, contents):
        found, unreadable = or_default(
            lambda all_n: (records.has_boxes(all_n), False), contents, (tf.zeros_like(numbers, tf.bool), True)
        )
        found = tf.cond(
            unreadable, lambda: tf.map_fn(may_have_some, contents, fn_output_signature=tf.bool), lambda: found
        )
        return numbers, contents, found | tf.equal(contents, b"")

    looked = dataset.batch(at_once).map(look, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).unbatch()
    return looked.filter(lambda number, content, kept: kept).map(lambda number, content, _: (number, content))
