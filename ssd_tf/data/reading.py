# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Reading shards: every record has a number in its split, and one that cannot be read does not end the stream.

Numbers run through the shards one after another, as the manifest lists them. A shard that is cut off or overwritten
gives an empty string for each record from the damage on: where the next one begins is not known any more. So all other
records keep their places, and a run that continues over bad records can still be resumed exactly.
"""

import itertools
import pathlib
import re
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ssd_tf.data.manifest import Manifest

# Shards read side by side.
_CYCLE = 16


def numbered_records(data_dir: str | pathlib.Path, manifest: Manifest, order_seed: tf.Tensor | None) -> tf.data.Dataset:
    """(number int64, record string) of every record of the split, once; an empty string where it cannot be read.

    Args:
      data_dir: where the shards lie.
      manifest: of the split.
      order_seed: int [2], shuffles the shards; None keeps their order.
    """
    # Taken as patterns below.
    files = [re.sub(r"([\[\]*?\\])", r"\\\1", str(pathlib.Path(data_dir) / shard.file)) for shard in manifest.shards]
    counts = [shard.images for shard in manifest.shards]
    starts = [0, *itertools.accumulate(counts)][:-1]
    order = tf.range(len(files))
    if order_seed is not None:
        order = tf.random.experimental.stateless_shuffle(order, order_seed)
    shards = tuple(tf.gather(values, order) for values in (files, tf.cast(counts, tf.int64), tf.cast(starts, tf.int64)))
    return tf.data.Dataset.from_tensor_slices(shards).interleave(
        _numbered_shard, cycle_length=_CYCLE, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )


def _numbered_shard(pattern: tf.Tensor, count: tf.Tensor, start: tf.Tensor) -> tf.data.Dataset:
    # Of a file that is not there, ignore_errors would try the same again for ever.
    there = tf.io.matching_files(pattern)
    whole = tf.data.TFRecordDataset(there).ignore_errors(log_warning=False)
    missing = tf.data.Dataset.from_tensors(tf.constant(b"")).repeat(count)
    return whole.concatenate(missing).take(count).enumerate(start)


def or_default(function: Callable[[Any], Any], argument: Any, otherwise: Any) -> Any:
    """function(argument), or `otherwise` where that raises: tensors of the same types, shapes may differ."""
    tried = tf.data.Dataset.from_tensors(argument).map(function).ignore_errors(log_warning=False)
    return tried.concatenate(tf.data.Dataset.from_tensors(otherwise)).take(1).get_single_element()
