# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Images of a prepared split as people look at them: by image id, in their own shape, small enough to show.

The pipeline gives what the model sees, squares of one size; these are for reports.
"""

import itertools
import math
import pathlib
from collections.abc import Collection, Iterator
from typing import NamedTuple

import cv2
import numpy as np
import tensorflow as tf

from ssd_tf.data import images as image_ops
from ssd_tf.data import records
from ssd_tf.data.manifest import Manifest
from ssd_tf.data.reading import numbered_records, or_default


class NamedImage(NamedTuple):
    """uint8 RGB [H, W, 3], and the name of the file it was prepared from; "" where the record does not have it."""

    image: np.ndarray
    file_name: str


def read_images(
    data_dir: str | pathlib.Path,
    manifest: Manifest,
    image_ids: Collection[int] | None = None,
    limit: int = 16,
    max_side: int = 640,
) -> dict[int, NamedImage]:
    """Images by image id, in the order of `eval_dataset`; those that cannot be read are left out.

    Args:
      data_dir: where the split lies.
      manifest: of the split.
      image_ids: the images wanted; None takes the first ones of the split.
      limit: at most so many.
      max_side: larger images are made smaller, to this longer side in pixels; their shape is kept.
    """
    found = _readable(data_dir, manifest, image_ids)
    wanted = limit if image_ids is None else min(limit, len(set(image_ids)))
    return {
        image_id: NamedImage(shrunk(image, max_side), name) for image_id, image, name in itertools.islice(found, wanted)
    }


def _readable(
    data_dir: str | pathlib.Path, manifest: Manifest, image_ids: Collection[int] | None
) -> Iterator[tuple[int, np.ndarray, str]]:
    def identify(_, record):
        return (*or_default(_identity, record, (False, tf.constant(0, tf.int64), tf.constant(b""))), record)

    dataset = numbered_records(data_dir, manifest, None).map(identify).filter(lambda known, *_: known)
    if image_ids is not None:
        wanted = tf.constant(list(image_ids), tf.int64)
        dataset = dataset.filter(lambda _, image_id, *__: tf.reduce_any(image_id == wanted))
    for _, image_id, name, record in dataset:
        try:
            image = image_ops.decode(records.parse(record).encoded).numpy()
        except tf.errors.InvalidArgumentError:
            continue  # the evaluation of the same split reports it
        yield int(image_id), image, name.numpy().decode(errors="replace")


def _identity(record: tf.Tensor) -> tuple[bool, tf.Tensor, tf.Tensor]:
    """True, the image id as a number, which is how the evaluation takes it, and the file's name."""
    source_id, name = records.identity(record)
    return True, tf.strings.to_number(source_id, tf.int64), name


def shrunk(image: np.ndarray, max_side: int) -> np.ndarray:
    """uint8 RGB [H, W, 3] with a longer side of at most so many pixels; smaller images stay as they are."""
    height, width = image.shape[:2]
    scale = max_side / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, math.floor(width * scale)), max(1, math.floor(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
