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
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ssd_tf.data import images as image_ops
from ssd_tf.data import records
from ssd_tf.data.augmentation import (
    augmentation_of,
    example_seed,
    mean_color,
    random_colors,
    random_flip,
    random_view,
)
from ssd_tf.data.bad_examples import BAD_IMAGE, BAD_RECORD, NO_FAULT
from ssd_tf.data.color_jitter import Jitter
from ssd_tf.data.distortion import Distortion
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
# The record number of what fills up the last batch of an evaluation.
FILLING = -1


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


class TrainBatch(NamedTuple):
    """What a training step gets.

    Attributes:
      images: uint8 [B, S, S, 3].
      boxes: float32 [B, G, 4], normalised; zeros pad.
      classes: int32 [B, G], 1..C; 0 pads.
      flip: bool [B]: the device is to mirror image and boxes.
      jitter: the colour parameters of the augmentation, [B, ...] each.
      record: int64 [B], the records' numbers in the split.
      fault: int32 [B]: NO_FAULT, BAD_IMAGE or BAD_RECORD.
    """

    images: tf.Tensor
    boxes: tf.Tensor
    classes: tf.Tensor
    flip: tf.Tensor
    jitter: Jitter | Distortion
    record: tf.Tensor
    fault: tf.Tensor


class EvalBatch(NamedTuple):
    """A batch for evaluation: images uint8 [B, S, S, 3], and the rest of each record, boxes padded to G;
    all numbers, so that they can be gathered from several machines.

    `record` and `fault` are those of TrainBatch. The last batch is filled up with black images of record FILLING.
    """

    images: tf.Tensor
    source_id: tf.Tensor
    height: tf.Tensor
    width: tf.Tensor
    boxes: tf.Tensor
    category_ids: tf.Tensor
    areas: tf.Tensor
    is_crowd: tf.Tensor
    is_difficult: tf.Tensor
    num_boxes: tf.Tensor
    record: tf.Tensor
    fault: tf.Tensor


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
            dataset = dataset.filter(_has_boxes)
        buffer_seed = tf.random.stateless_uniform([], order_seed, None, None, tf.int64)
        dataset = dataset.shuffle(_shuffle_buffer(manifest), seed=buffer_seed, reshuffle_each_iteration=False)
        first = tf.where(epoch == start_epoch, tf.cast(done * batch_size, tf.int64), 0)
        dataset = tf.data.Dataset.zip(tf.data.Dataset.range(steps * batch_size), dataset).skip(first)
        dataset = _of_batch_shard(dataset, batch_size, batch_shard)
        if service_worker != (0, 1):
            before = epoch * steps - start_step
            dataset = dataset.filter(
                lambda place, _: (before + place // batch_size) % service_worker[1] == service_worker[0]
            )
        return dataset.map(lambda place, numbered: (epoch, place, numbered))

    def load(epoch, place, numbered):
        number, record = numbered
        one_seed = example_seed(seed, epoch, place)
        return _train_example(number, record, one_seed, manifest, spec, augment)

    # Not range(start_epoch, ...): the largest int64 is an end that no run reaches.
    dataset = tf.data.Dataset.range(start_epoch, np.iinfo(np.int64).max).flat_map(examples_of)
    return _in_batches(dataset, load, batch_shard)


def eval_dataset(
    data_dir: str | pathlib.Path,
    manifest: Manifest,
    spec: DetectorSpec,
    batch_size: int,
    batch_shard: BatchShard | None = None,
) -> tf.data.Dataset:
    """EvalBatches of every image of the split, once, in the order of the shards.

    Args:
      As `train_dataset`.
    """
    batch_shard = batch_shard or BatchShard(0, (batch_size,))
    filling = eval_steps(manifest, batch_size) * batch_size - manifest.num_images
    dataset = numbered_records(data_dir, manifest, None)
    nothing = tf.data.Dataset.from_tensors((tf.constant(FILLING, tf.int64), tf.constant(b""))).repeat(filling)
    dataset = tf.data.Dataset.zip(tf.data.Dataset.range(manifest.num_images + filling), dataset.concatenate(nothing))

    def load(_, numbered):
        number, record = numbered
        return _eval_example(number, record, manifest, spec)

    return _in_batches(_of_batch_shard(dataset, batch_size, batch_shard), load, batch_shard)


def images(data_dir: str | pathlib.Path, manifest: Manifest, spec: DetectorSpec, most: int) -> list[np.ndarray]:
    """uint8 RGB [S, S, 3] of the first images of the split that can be read, as `eval_dataset` has them."""
    batches = eval_dataset(data_dir, manifest, spec, 1).as_numpy_iterator()
    readable = (batch.images[0] for batch in batches if batch.fault[0] == NO_FAULT)
    return list(itertools.islice(readable, most))


def eval_steps(manifest: Manifest, batch_size: int) -> int:
    """Batches of `eval_dataset`."""
    return math.ceil(manifest.num_images / batch_size)


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


def _shuffle_buffer(manifest: Manifest) -> int:
    record_bytes = sum(shard.bytes for shard in manifest.shards) // manifest.num_images
    return max(1, min(SHUFFLE_BUFFER, SHUFFLE_BYTES // max(record_bytes, 1)))


def _has_boxes(_, record: tf.Tensor) -> tf.Tensor:
    """Also true of a record that cannot be read, an empty string among them: it may have had some."""
    return tf.equal(record, b"") | or_default(records.has_boxes, record, tf.constant(True))


def _train_example(number, record, seed, manifest: Manifest, spec: DetectorSpec, augment: AugmentConfig) -> TrainBatch:
    def parse(content):
        example = records.parse(content)
        boxes, classes = example.boxes, _class_numbers(example.category_ids, manifest)
        if not augment.train_on_difficult:
            boxes, classes = boxes[~example.is_difficult], classes[~example.is_difficult]
        return example.encoded, boxes, classes, False

    unreadable = (tf.constant(b""), tf.zeros([0, 4]), tf.zeros([0], tf.int32), True)
    encoded, boxes, classes, bad_record = or_default(parse, record, unreadable)
    image, bad_image = _decode(encoded)
    # Where there is no image there are no boxes either.
    count = tf.where(bad_image, 0, tf.shape(classes)[0])
    boxes, classes = _pad(boxes[:count], manifest.max_boxes), _pad(classes[:count], manifest.max_boxes)
    crop_seed, flip_seed, jitter_seed = tf.unstack(tf.random.split(seed, 3))
    view = random_view(image, boxes, classes, crop_seed, augment, mean_color(spec.preprocessing))
    return TrainBatch(
        images=image_ops.resize(view.image, spec.image_size, spec.preprocessing.antialias),
        boxes=view.boxes,
        classes=view.classes,
        flip=random_flip(flip_seed) if augmentation_of(augment).flip else tf.constant(False),
        jitter=random_colors(jitter_seed, augment, view.image_area),
        record=number,
        fault=_fault(bad_record, bad_image),
    )


def _eval_example(number, record, manifest: Manifest, spec: DetectorSpec) -> EvalBatch:
    def parse(content):
        example = records.parse(content)
        return example._replace(source_id=tf.strings.to_number(example.source_id, tf.int64)), False

    zero = tf.constant(0, tf.int64)
    unreadable = records.Example(
        tf.constant(b""),
        zero,
        zero,
        zero,
        tf.zeros([0, 4]),
        tf.zeros([0], tf.int64),
        tf.zeros([0]),
        tf.zeros([0], bool),
        tf.zeros([0], bool),
    )
    example, bad_record = or_default(parse, record, (unreadable, True))
    image, bad_image = _decode(example.encoded)
    return EvalBatch(
        image_ops.resize(image, spec.image_size, spec.preprocessing.antialias),
        example.source_id,
        example.height,
        example.width,
        _pad(example.boxes, manifest.max_boxes),
        _pad(example.category_ids, manifest.max_boxes),
        _pad(example.areas, manifest.max_boxes),
        _pad(tf.cast(example.is_crowd, tf.int32), manifest.max_boxes),
        _pad(tf.cast(example.is_difficult, tf.int32), manifest.max_boxes),
        num_boxes=tf.shape(example.category_ids)[0],
        record=number,
        fault=_fault(bad_record, bad_image),
    )


def _decode(encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The image and False; or one black pixel and True."""
    return or_default(
        lambda content: (image_ops.decode(content), False), encoded, (tf.zeros([1, 1, 3], tf.uint8), True)
    )


def _fault(bad_record: tf.Tensor, bad_image: tf.Tensor) -> tf.Tensor:
    return tf.where(bad_record, BAD_RECORD, tf.where(bad_image, BAD_IMAGE, NO_FAULT))


def _class_numbers(category_ids: tf.Tensor, manifest: Manifest) -> tf.Tensor:
    """int32 1..C of the data set's sparse ids."""
    known = tf.constant([category.id for category in manifest.categories], tf.int64)
    equal = category_ids[:, None] == known
    is_known = tf.debugging.Assert(
        tf.reduce_all(tf.reduce_any(equal, axis=1)), ["a record has a class id that its manifest lacks", category_ids]
    )
    with tf.control_dependencies([is_known] if is_known is not None else []):
        return tf.argmax(tf.cast(equal, tf.int32), axis=1, output_type=tf.int32) + 1


def _pad(values: tf.Tensor, size: int) -> tf.Tensor:
    paddings = [[0, size - tf.shape(values)[0]]] + [[0, 0]] * (values.shape.rank - 1)
    padded = tf.pad(values, paddings)
    padded.set_shape([size, *values.shape[1:]])
    return padded
