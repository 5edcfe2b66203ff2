# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The TFRecord schema: the only file that knows feature names.

The names are those of the TensorFlow Object Detection API, so that its tools read our shards.
`image/object/class/label` holds the data set's own category id (COCO's 1..90), as that API writes it.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ssd_tf.data.annotations import AnnotatedImage
from ssd_tf.data.images import image_format

# Of the bytes that preparation writes. Raise it when the bytes of a record change (a feature, its type, how boxes are
# cleaned): a preparation that was interrupted then writes its finished shards again instead of mixing two formats.
# Reading does not look at it.
FORMAT_VERSION = 1

_BOX = "image/object/bbox/"


class Example(NamedTuple):
    """One parsed record; N boxes.

    Attributes:
      encoded: string, the image's file.
      source_id: string, the data set's image id.
      height, width: int64, in pixels.
      boxes: float32 [N, 4], [ymin, xmin, ymax, xmax], normalised.
      category_ids: int64 [N], the data set's own.
      areas: float32 [N], square pixels.
      is_crowd: bool [N].
      is_difficult: bool [N].
    """

    encoded: tf.Tensor
    source_id: tf.Tensor
    height: tf.Tensor
    width: tf.Tensor
    boxes: tf.Tensor
    category_ids: tf.Tensor
    areas: tf.Tensor
    is_crowd: tf.Tensor
    is_difficult: tf.Tensor


def serialize(image: AnnotatedImage, encoded: bytes, names: dict[int, str]) -> bytes:
    """The record of an image whose file holds `encoded`; `names` are the class names by category id."""
    boxes = image.boxes.astype(np.float32)
    features = {
        "image/encoded": _bytes([encoded]),
        "image/format": _bytes([image_format(encoded).encode()]),
        "image/filename": _bytes([image.name.encode()]),
        "image/source_id": _bytes([str(image.image_id).encode()]),
        "image/height": _ints([image.height]),
        "image/width": _ints([image.width]),
        **{_BOX + name: _floats(boxes[:, k]) for k, name in enumerate(("ymin", "xmin", "ymax", "xmax"))},
        "image/object/class/label": _ints(image.category_ids),
        "image/object/class/text": _bytes([names[i].encode() for i in image.category_ids.tolist()]),
        "image/object/area": _floats(image.areas),
        "image/object/is_crowd": _ints(image.is_crowd.astype(np.int64)),
    }
    # Left out where none is, as formats without this flag have it.
    if image.is_difficult is not None and image.is_difficult.any():
        features["image/object/difficult"] = _ints(image.is_difficult.astype(np.int64))
    # Deterministic: the same data set gives the same shards, byte for byte.
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def parse(serialized: tf.Tensor) -> Example:
    """The Example in a scalar string. Without areas or flags: the boxes' areas, no crowd, none difficult."""
    numbers = tf.io.VarLenFeature(tf.float32)
    features = tf.io.parse_single_example(
        serialized,
        {
            "image/encoded": tf.io.FixedLenFeature([], tf.string),
            "image/source_id": tf.io.FixedLenFeature([], tf.string),
            "image/height": tf.io.FixedLenFeature([], tf.int64),
            "image/width": tf.io.FixedLenFeature([], tf.int64),
            **{_BOX + name: numbers for name in ("ymin", "xmin", "ymax", "xmax")},
            "image/object/class/label": tf.io.VarLenFeature(tf.int64),
            "image/object/area": numbers,
            "image/object/is_crowd": tf.io.VarLenFeature(tf.int64),
            "image/object/difficult": tf.io.VarLenFeature(tf.int64),
        },
    )
    corners = [features[_BOX + name].values for name in ("ymin", "xmin", "ymax", "xmax")]
    category_ids = features["image/object/class/label"].values
    height, width = features["image/height"], features["image/width"]
    pixels = tf.cast(height * width, tf.float32)
    areas = features["image/object/area"].values
    box_areas = (corners[2] - corners[0]) * (corners[3] - corners[1]) * pixels
    no_flags = tf.zeros_like(category_ids)
    crowds, difficult = features["image/object/is_crowd"].values, features["image/object/difficult"].values
    return Example(
        encoded=features["image/encoded"],
        source_id=features["image/source_id"],
        height=height,
        width=width,
        boxes=tf.stack(corners, axis=-1),
        category_ids=category_ids,
        areas=tf.cond(tf.size(areas) > 0, lambda: areas, lambda: box_areas),
        is_crowd=tf.cond(tf.size(crowds) > 0, lambda: crowds, lambda: no_flags) > 0,
        is_difficult=tf.cond(tf.size(difficult) > 0, lambda: difficult, lambda: no_flags) > 0,
    )


def identity(serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The image id and the file name, "" where there is none, of the record in a scalar string; reads nothing else."""
    text = tf.io.FixedLenFeature([], tf.string)
    name = tf.io.FixedLenFeature([], tf.string, default_value="")
    features = tf.io.parse_single_example(serialized, {"image/source_id": text, "image/filename": name})
    return features["image/source_id"], features["image/filename"]


def has_boxes(serialized_n: tf.Tensor) -> tf.Tensor:
    """bool [N]: whether each of the records, strings [N], has a box; reads nothing else of them."""
    label = "image/object/class/label"
    labels = tf.io.parse_example(serialized_n, {label: tf.io.RaggedFeature(tf.int64)})[label]
    return labels.row_lengths() > 0


def _bytes(values) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def _floats(values) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def _ints(values) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
