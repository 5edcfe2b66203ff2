# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Examples that cannot be read: what the pipeline says of them, and what a run does about it.

The pipeline cannot raise for one record, and need not: it marks the example and continues. The program that meets the
mark reads the record again, to say what is wrong with it, and stops where it must.
"""

import collections
import pathlib

import numpy as np
import tensorflow as tf
from absl import logging

from ssd_tf.data import images as image_ops
from ssd_tf.data import records
from ssd_tf.data.manifest import Manifest
from ssd_tf.utils.errors import UserError, first_line

# Marks of an example. A faulty one is a black image without boxes, whose loss is 0: so a bad file neither ends a run
# nor moves the other examples.
NO_FAULT, BAD_IMAGE, BAD_RECORD = 0, 1, 2
# So many are described in full; the others are counted.
_DESCRIBED = 20


class BadExamples:
    """Counts the faulty examples of a run.

    Args:
      data_dir, manifest: the split that they are of.
      skip_bad_records: continue over records that cannot be read. Images that cannot be decoded are always left out.

    Attributes:
      records: the faulty records' numbers, each with its mark.
    """

    def __init__(self, data_dir: str | pathlib.Path, manifest: Manifest, skip_bad_records: bool):
        self._data_dir, self._manifest, self._skip = data_dir, manifest, skip_bad_records
        self.records: dict[int, int] = {}

    def add(self, numbers: np.ndarray, marks: np.ndarray) -> None:
        """Reports those of a batch that are new: int64 [B] record numbers, int32 [B] marks.

        Raises:
          ValueError: a record cannot be read, and is not to be skipped; the message names the file and the record.
        """
        for number, mark in zip(numbers.tolist(), marks.tolist(), strict=True):
            if mark == NO_FAULT or number in self.records:
                continue
            self.records[number] = mark
            if mark == BAD_RECORD and not self._skip:
                raise UserError(
                    f"{describe_fault(self._data_dir, self._manifest, number)}. Prepare the split "
                    f"{self._manifest.split!r} again; only training can be asked to skip records that cannot be read"
                )
            if len(self.records) <= _DESCRIBED:
                logging.warning("left out: %s", describe_fault(self._data_dir, self._manifest, number))

    def summary(self) -> str:
        """How many examples were left out; empty where none was."""
        counts = collections.Counter(self.records.values())
        if not counts:
            return ""
        return (
            f"left out of split {self._manifest.split!r}: {counts[BAD_IMAGE]} images that cannot be decoded, "
            f"{counts[BAD_RECORD]} records that cannot be read"
        )


def locate(manifest: Manifest, number: int) -> tuple[str, int]:
    """The shard's file name, and the record's number in it, from 0.

    Raises:
      ValueError: the split has no such record.
    """
    rest = number
    for shard in manifest.shards:
        if 0 <= rest < shard.images:
            return shard.file, rest
        rest -= shard.images
    raise UserError(f"expected a record number from 0 to {manifest.num_images - 1}. Received: {number}")


def read_record(data_dir: str | pathlib.Path, manifest: Manifest, number: int) -> bytes:
    """One record, looked for from the beginning of its shard.

    Raises:
      ValueError: it cannot be read; the message names the file, the record and the reason. That is the first record
        of the shard which cannot be read, since those behind it are lost with it.
    """
    file, index = locate(manifest, number)
    path = pathlib.Path(data_dir) / file
    reached = 0
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            if reached == index:
                return record
            reached += 1
    except tf.errors.OpError as error:
        raise UserError(f"{path}, record {reached}: cannot be read: {first_line(error)}") from error
    raise UserError(f"{path}, record {reached}: the file ends before it")


def describe_fault(data_dir: str | pathlib.Path, manifest: Manifest, number: int) -> str:
    """What is wrong with a record that the pipeline could not use: the file, the record's number, the reason."""
    file, index = locate(manifest, number)
    where = f"{pathlib.Path(data_dir) / file}, record {index}"
    try:
        example = records.parse(tf.constant(read_record(data_dir, manifest, number)))
    except ValueError as error:
        return str(error)
    except tf.errors.OpError as error:
        return f"{where}: not a record of ssd_tf: {first_line(error)}"
    image_id = example.source_id.numpy().decode(errors="replace")
    where = f"{where} (image id {image_id})"
    unknown = set(example.category_ids.numpy().tolist()) - {category.id for category in manifest.categories}
    if unknown:
        return f"{where}: a box of class id {min(unknown)}, which the manifest does not list"
    try:
        image_ops.decode(example.encoded)
    except tf.errors.OpError as error:
        return f"{where}: the image cannot be decoded: {first_line(error)}"
    return f"{where}: could not be used, although it can be read now; is the image id a whole number?"


def image_ids(data_dir: str | pathlib.Path, manifest: Manifest, numbers: list[int]) -> list[str]:
    """The image id of each of these records; "unreadable" for one that is. Each shard is read once."""
    wanted: dict[str, dict[int, int]] = collections.defaultdict(dict)
    for number in numbers:
        file, index = locate(manifest, number)
        wanted[file][index] = number
    found: dict[int, str] = {}
    for file, places in wanted.items():
        path = pathlib.Path(data_dir) / file
        if not path.is_file():
            continue
        shard = tf.data.TFRecordDataset(str(path)).ignore_errors(log_warning=False)
        for index, content in shard.take(max(places) + 1).enumerate().as_numpy_iterator():
            if index in places:
                try:
                    source_id = records.parse(tf.constant(content)).source_id
                except tf.errors.OpError:
                    continue  # unreadable
                found[places[index]] = source_id.numpy().decode(errors="replace")
    return [found.get(number, "unreadable") for number in numbers]
