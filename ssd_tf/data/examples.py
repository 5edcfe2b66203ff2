# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Records -> examples: the image decoded, augmented and resized, with its boxes; those of training and of evaluation.

Nothing here raises for a record that cannot be read: its example is marked. Letters: B images of a batch, S image side,
G boxes of an image, padded.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import tensorflow as tf

from ssd_tf.data import images as image_ops
from ssd_tf.data import records
from ssd_tf.data.augmentation import augmentation_of, mean_color, random_colors, random_flip, random_view
from ssd_tf.data.bad_examples import BAD_IMAGE, BAD_RECORD, NO_FAULT
from ssd_tf.data.color_jitter import Jitter
from ssd_tf.data.distortion import Distortion
from ssd_tf.data.manifest import Manifest
from ssd_tf.data.mixing import MOSAIC_IMAGES, Labelled, mixup, mosaic
from ssd_tf.data.reading import or_default
from ssd_tf.settings import AugmentConfig
from ssd_tf.specs import DetectorSpec

# The record number of what fills up the last batch of an evaluation.
FILLING = -1
# What is read of a record, the encoded image first.
Parsed = TypeVar("Parsed", bound=tuple)
_BLACK_PIXEL = np.zeros([1, 1, 3], np.uint8)
# Folded into an example's seed for what it is mixed with; whatever is drawn otherwise is drawn from its splits.
_MIXING = 1


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


def partners_of(augment: AugmentConfig) -> int:
    """How many other images an image may be mixed with."""
    return MOSAIC_IMAGES - 1 if augment.mosaic else int(augment.mixup > 0)


def train_example(
    number: tf.Tensor,
    record: tf.Tensor,
    partners: Sequence[tf.Tensor],
    seed: tf.Tensor,
    manifest: Manifest,
    spec: DetectorSpec,
    augment: AugmentConfig,
) -> TrainBatch:
    """The example of a record, one of TrainBatch's without B.

    Args:
      number: the record's, in the split.
      record: of the shard.
      partners: `partners_of` other records of the split, which the image may be mixed with.
      seed: int32 [2], of everything that is drawn.
      manifest: of the split.
      spec: of the detector.
      augment: what is done to the image.
    """

    crop_seed, flip_seed, jitter_seed = tf.unstack(tf.random.split(seed, 3))
    mosaic_seed, mixup_seed = tf.unstack(tf.random.split(tf.random.experimental.stateless_fold_in(seed, _MIXING), 2))

    # A function of TensorFlow, so that what all images need is traced once.
    read = tf.function(lambda content: _read(content, manifest, augment), autograph=False)

    def mixed(image: Labelled, probability: float, others: Sequence[tf.Tensor], mix_seed: tf.Tensor, mix: Callable):
        draw_seed, mix_seed = tf.unstack(tf.random.split(mix_seed, 2))
        drawn = (fault == NO_FAULT) & (tf.random.stateless_uniform([], draw_seed) < probability)
        most = image.classes.shape[0] + len(others) * manifest.max_boxes
        return _mixed(image, drawn, others, read, lambda one, labelled: mix(one, labelled, mix_seed), most)

    def view_of(labelled: Labelled, view_seed: tf.Tensor) -> tuple[Labelled, tf.Tensor]:
        view = random_view(*labelled, view_seed, augment, mean_color(spec.preprocessing))
        image = image_ops.resize(view.image, spec.image_size, spec.preprocessing.antialias)
        return Labelled(image, view.boxes, view.classes), view.image_area

    def with_three(image: Labelled, others: Sequence[Labelled], mix_seed: tf.Tensor) -> Labelled:
        # Twice the side, so that a crop of it is as sharp as one of an image.
        return mosaic([image, *others], 2 * spec.image_size, mix_seed)

    def with_one(view: Labelled, others: Sequence[Labelled], mix_seed: tf.Tensor) -> Labelled:
        view_seed, share_seed = tf.unstack(tf.random.split(mix_seed, 2))
        return mixup(view, view_of(others[0], view_seed)[0], share_seed)

    image, fault = read(record)
    if augment.mosaic:
        image, _ = mixed(image, augment.mosaic, partners[: MOSAIC_IMAGES - 1], mosaic_seed, with_three)
    shown, image_area = view_of(image, crop_seed)
    if augment.mixup:
        shown, is_mixed = mixed(shown, augment.mixup, partners[:1], mixup_seed, with_one)
        # The other image shines through what zoom-out filled.
        image_area = tf.where(is_mixed, (0.0, 0.0, 1.0, 1.0), image_area)
    return TrainBatch(
        images=shown.image,
        boxes=shown.boxes,
        classes=shown.classes,
        flip=random_flip(flip_seed) if augmentation_of(augment).flip else tf.constant(False),
        jitter=random_colors(jitter_seed, augment, image_area),
        record=number,
        fault=fault,
    )


def _read(record: tf.Tensor, manifest: Manifest, augment: AugmentConfig) -> tuple[Labelled, tf.Tensor]:
    """The image that a record holds, with its boxes padded to G, and its mark; a faulty one is a black pixel."""

    def parse(content):
        example = records.parse(content)
        boxes, classes = example.boxes, _class_numbers(example.category_ids, manifest)
        if not augment.train_on_difficult:
            boxes, classes = boxes[~example.is_difficult], classes[~example.is_difficult]
        return example.encoded, boxes, classes

    unreadable = (tf.constant(b""), tf.zeros([0, 4]), tf.zeros([0], tf.int32))
    (_, boxes, classes), image, fault = _parse_and_decode(parse, record, unreadable)
    # Where there is no image there are no boxes either.
    count = tf.where(fault == NO_FAULT, tf.shape(classes)[0], 0)
    boxes, classes = _pad(boxes[:count], manifest.max_boxes), _pad(classes[:count], manifest.max_boxes)
    return Labelled(image, boxes, classes), fault


def _parse_and_decode(
    parse: Callable[[tf.Tensor], Parsed], record: tf.Tensor, unreadable: Parsed
) -> tuple[Parsed, tf.Tensor, tf.Tensor]:
    """What `parse` makes of a record, first of all the encoded image; the image; and the mark.

    A faulty record is `unreadable` and a black pixel; where its image alone cannot be decoded, a black pixel.
    """

    def all_of_it(content):
        parsed = parse(content)
        return parsed, image_ops.decode(parsed[0]), NO_FAULT

    def without_image(content):
        return parse(content), BAD_IMAGE

    parsed, image, fault = or_default(all_of_it, record, (unreadable, _BLACK_PIXEL, BAD_RECORD))
    # Trying takes a tenth of a millisecond: what it is that fails is tried only where something does.
    parsed, fault = tf.cond(
        fault == NO_FAULT,
        lambda: (parsed, fault),
        lambda: or_default(without_image, record, (unreadable, BAD_RECORD)),
    )
    return parsed, image, fault


def _mixed(
    image: Labelled,
    drawn: tf.Tensor,
    partners: Sequence[tf.Tensor],
    read: Callable[[tf.Tensor], tuple[Labelled, tf.Tensor]],
    mix: Callable[[Labelled, Sequence[Labelled]], Labelled],
    most: int,
) -> tuple[Labelled, tf.Tensor]:
    """The image mixed with what is read of its partners' records, and True; where that is not drawn, or one of them
    cannot be read, the image alone, its boxes padded to `most`, as many as all of them have, and False."""
    alone = Labelled(image.image, _pad(image.boxes, most), _pad(image.classes, most))

    def with_partners():
        others, faults = zip(*map(read, partners), strict=True)
        readable = tf.reduce_all(tf.stack(faults) == NO_FAULT)
        return tf.cond(readable, lambda: (mix(image, others), True), lambda: (alone, False))

    return tf.cond(drawn, with_partners, lambda: (alone, False))


def eval_example(
    number: tf.Tensor,
    record: tf.Tensor,
    manifest: Manifest,
    spec: DetectorSpec,
    input_size: tuple[int, int] | None = None,
) -> EvalBatch:
    """The example of a record, one of EvalBatch's without B. The image has the detector's size, or this height and
    width."""

    def parse(content):
        example = records.parse(content)
        return example._replace(source_id=tf.strings.to_number(example.source_id, tf.int64))

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
    example, image, fault = _parse_and_decode(parse, record, unreadable)
    return EvalBatch(
        image_ops.resize(image, input_size or spec.image_size, spec.preprocessing.antialias),
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
        fault=fault,
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
