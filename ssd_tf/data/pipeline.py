# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Shards -> batches, with tf.data. The host decodes, crops and resizes; colours, flips and matching follow in the step.

The order of the examples and all random choices are functions of (seed, epoch, place in the epoch), whatever the number
of threads. Letters: B images of a batch, S image side, G boxes of an image, padded.
"""

import dataclasses
import pathlib
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ssd_tf.data import images as image_ops
from ssd_tf.data import records
from ssd_tf.data.augment import crop_pixels, example_seed, random_crop, random_flip
from ssd_tf.data.colors import Jitter, random_jitter
from ssd_tf.data.manifest import Manifest

# Records held for shuffling, and bytes of them, at most: 4096 of COCO are 0.5 GB. Preparation mixed the shards already.
SHUFFLE_BUFFER = 4096
SHUFFLE_BYTES = 2**30
# Shards read side by side.
_CYCLE = 16
# TensorFlow mixes a graph's seed into the seed of each shuffle; any fixed number but 0.
_GRAPH_SEED = 1


@dataclasses.dataclass(frozen=True)
class AugmentConfig:
    """What is done to training images.

    Attributes:
      random_crop: the reference's random crop.
      crop_tries: windows tried for each mode of the crop.
      random_flip: mirror half of the images.
      color_jitter: the reference's colour jitter.
    """

    random_crop: bool = True
    crop_tries: int = 1
    random_flip: bool = True
    color_jitter: bool = True


class TrainBatch(NamedTuple):
    """What a training step gets.

    Attributes:
      images: uint8 [B, S, S, 3].
      boxes: float32 [B, G, 4], normalised; zeros pad.
      classes: int32 [B, G], 1..C; 0 pads.
      flip: bool [B]: the device is to mirror image and boxes.
      jitter: the colour parameters, [B, 4] each.
    """

    images: tf.Tensor
    boxes: tf.Tensor
    classes: tf.Tensor
    flip: tf.Tensor
    jitter: Jitter


class EvalBatch(NamedTuple):
    """A batch for evaluation: images uint8 [B, S, S, 3], and the rest of each record, boxes padded to G."""

    images: tf.Tensor
    source_id: tf.Tensor
    height: tf.Tensor
    width: tf.Tensor
    boxes: tf.Tensor
    category_ids: tf.Tensor
    areas: tf.Tensor
    is_crowd: tf.Tensor
    num_boxes: tf.Tensor


def steps_per_epoch(manifest: Manifest, batch_size: int) -> int:
    """Whole batches in an epoch; the rest of an epoch is left out, other examples each time.

    Raises:
      ValueError: the batch is larger than the split.
    """
    steps = manifest.num_images_with_boxes // batch_size
    if steps == 0:
        raise ValueError(
            f"batch size {batch_size} is larger than split {manifest.split!r}, which has "
            f"{manifest.num_images_with_boxes} images with boxes"
        )
    return steps


def train_dataset(
    data_dir: str | pathlib.Path,
    manifest: Manifest,
    image_size: int,
    batch_size: int,
    seed: int,
    augment: AugmentConfig,
    start_step: int = 0,
) -> tf.data.Dataset:
    """TrainBatches without end, epoch after epoch; each batch is of one epoch.

    Images without boxes are left out, as the reference does.

    Args:
      data_dir: where the shards lie.
      manifest: of the split.
      image_size: S.
      batch_size: B.
      seed: of the order and of the augmentation.
      augment: what is done to the images.
      start_step: batches already used; they are skipped before their pictures are decoded.
    """
    steps = steps_per_epoch(manifest, batch_size)
    start_epoch, done = divmod(start_step, steps)
    files = _shard_paths(data_dir, manifest)

    def examples_of(epoch):
        # Of this function's graph alone: else the order would hang on the caller's global seed as well.
        tf.random.set_seed(_GRAPH_SEED)
        order_seed = tf.stack([tf.constant(seed, tf.int64), epoch])
        shuffled = tf.random.experimental.stateless_shuffle(files, order_seed)
        dataset = _read(tf.data.Dataset.from_tensor_slices(shuffled)).filter(_has_boxes)
        buffer_seed = tf.random.stateless_uniform([], order_seed, None, None, tf.int64)
        dataset = dataset.shuffle(_shuffle_buffer(manifest), seed=buffer_seed, reshuffle_each_iteration=False)
        places = tf.data.Dataset.range(steps * batch_size)
        first = tf.where(epoch == start_epoch, tf.cast(done * batch_size, tf.int64), 0)
        numbered = tf.data.Dataset.zip(places, dataset).skip(first)
        return numbered.map(lambda place, record: (epoch, place, record))

    def load(epoch, place, record):
        return _train_example(record, example_seed(seed, epoch, place), manifest, image_size, augment)

    # Not range(start_epoch, ...): the largest int64 is an end that no run reaches.
    epochs = tf.data.Dataset.range(start_epoch, np.iinfo(np.int64).max)
    dataset = epochs.flat_map(examples_of)
    dataset = dataset.map(load, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return dataset.batch(batch_size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def eval_dataset(data_dir: str | pathlib.Path, manifest: Manifest, image_size: int, batch_size: int) -> tf.data.Dataset:
    """EvalBatches of every image of the split, once, in the order of the shards; the last batch may be smaller."""

    def load(record):
        example = records.parse(record)
        num_boxes = tf.shape(example.category_ids)[0]
        image = image_ops.resize(image_ops.decode(example.encoded), image_size)
        return EvalBatch(
            image,
            example.source_id,
            example.height,
            example.width,
            _pad(example.boxes, manifest.max_boxes),
            _pad(example.category_ids, manifest.max_boxes),
            _pad(example.areas, manifest.max_boxes),
            _pad(example.is_crowd, manifest.max_boxes),
            num_boxes,
        )

    dataset = _read(tf.data.Dataset.from_tensor_slices(_shard_paths(data_dir, manifest)))
    dataset = dataset.map(load, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return dataset.batch(batch_size).prefetch(tf.data.AUTOTUNE)


def _shard_paths(data_dir: str | pathlib.Path, manifest: Manifest) -> list[str]:
    return [str(pathlib.Path(data_dir) / shard.file) for shard in manifest.shards]


def _shuffle_buffer(manifest: Manifest) -> int:
    record_bytes = sum(shard.bytes for shard in manifest.shards) // manifest.num_images
    return max(1, min(SHUFFLE_BUFFER, SHUFFLE_BYTES // max(record_bytes, 1)))


def _read(files: tf.data.Dataset) -> tf.data.Dataset:
    return files.interleave(
        tf.data.TFRecordDataset, cycle_length=_CYCLE, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )


def _has_boxes(record: tf.Tensor) -> tf.Tensor:
    return tf.size(records.parse(record).category_ids) > 0


def _train_example(record, seed, manifest: Manifest, image_size: int, augment: AugmentConfig) -> TrainBatch:
    example = records.parse(record)
    crop_seed, flip_seed, jitter_seed = tf.unstack(tf.random.split(seed, 3))
    boxes = _pad(example.boxes, manifest.max_boxes)
    classes = _pad(_class_numbers(example.category_ids, manifest), manifest.max_boxes)
    image = image_ops.decode(example.encoded)
    if augment.random_crop:
        crop = random_crop(boxes, classes > 0, crop_seed, augment.crop_tries)
        image, boxes = crop_pixels(image, crop.window), crop.boxes
        classes = tf.where(crop.kept, classes, 0)
    return TrainBatch(
        images=image_ops.resize(image, image_size),
        boxes=boxes,
        classes=classes,
        flip=random_flip(flip_seed) if augment.random_flip else tf.constant(False),
        jitter=random_jitter(jitter_seed),
    )


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
