# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What is looked at: the splits of a folder that `prepare` wrote, or annotation files, as `prepare` takes them."""

import itertools
import os
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ssd_tf.data.annotations import AnnotatedDataset, AnnotatedImage
from ssd_tf.data.formats.readers import AUTO, as_paths, read_dataset
from ssd_tf.data.formats.tfrecord import read_tfrecord
from ssd_tf.data.manifest import Manifest, load_manifest
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import files_like

AnyPath = str | os.PathLike[str]

# The usual splits in their order; others come after them.
_FIRST = ("train", "val", "test")


class Source(NamedTuple):
    """A part of a data set before its images are read.

    Attributes:
      name: such as "train".
      dataset: its images, and what reading its annotations found.
      findings: what preparation found and wrote into the manifest; None where it was not prepared: then the images are
        checked as preparation does it.
    """

    name: str
    dataset: AnnotatedDataset
    findings: Mapping[str, Sequence[str]] | None = None


def prepared_sources(data_dir: AnyPath) -> list[Source]:
    """Every split that `prepare` wrote to a folder: train, val and test first.

    Raises:
      FileNotFoundError: there is none, or a shard is missing.
      ValueError: a shard is not the one of its manifest, or is damaged.
    """
    folder = pathlib.Path(data_dir)
    if not folder.is_dir():
        raise FileNotFoundError(f"data_dir: expected a folder that prepare wrote. Received: {folder}")
    shards = [path.name for path in files_like(folder, "*.tfrecord")]
    written = {re.sub(r"-\d+-of-\d+\.tfrecord$", "", name) for name in shards}
    splits = [path.stem for path in files_like(folder, "*.json") if path.stem in written]
    if not splits:
        what = "shards without a manifest" if shards else "none"
        raise FileNotFoundError(f"{folder}: expected a split that prepare wrote. Received: {what}")
    splits.sort(key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name))
    return [prepared_source(folder, load_manifest(folder, name)) for name in splits]


def annotated_sources(
    annotations: AnyPath | Sequence[AnyPath],
    images: AnyPath | Sequence[AnyPath] = "",
    format: str = AUTO,
    subsets: Sequence[str] = (),
    classes: AnyPath | Sequence[str] = (),
) -> list[Source]:
    """Each of the annotations, or each subset of them, as a part of its own.

    Args:
      annotations, images, format, classes: as read_dataset has them.
      subsets: such as ["train", "val"], of annotations that list several; none: all that is there, as one part.

    Raises:
      FileNotFoundError, ValueError: as read_dataset does.
    """
    paths, folders = as_paths(annotations), as_paths(images) or [""]
    if len(folders) not in (1, len(paths)):
        raise UserError(f"images: expected one folder, or one for each of {len(paths)}. Received: {len(folders)}")
    folders = folders * len(paths) if len(folders) == 1 else folders
    found = []
    for name, path, folder in zip(_names(paths), paths, folders, strict=True):
        for subset in subsets or [""]:
            dataset, _ = read_dataset([path], folder, format, subset, classes)
            found.append(Source(" ".join(filter(None, (name, subset))) or "all", dataset))
    return found


def _names(paths: Sequence[str]) -> list[str]:
    """What tells the paths apart, such as "train2017" and "val2017"; nothing for a single one."""
    if len(paths) == 1:
        return [""]
    for names in ([pathlib.Path(path).stem for path in paths], [pathlib.Path(path).parent.name for path in paths]):
        if len(set(names)) == len(paths) and all(names):
            alike = re.sub("[^_.-]*$", "", _common_beginning(names))  # such as "instances_"
            return [name.removeprefix(alike) or name for name in names]
    return list(paths)


def _common_beginning(names: Sequence[str]) -> str:
    same = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return "".join(letters[0] for letters in same)


def prepared_source(data_dir: AnyPath, manifest: Manifest) -> Source:
    """A split that `prepare` wrote, by its manifest; ValueError where a shard is damaged."""
    folder = pathlib.Path(data_dir)
    names = [count.category.name for count in manifest.classes]
    images: list[AnnotatedImage] = []
    for shard in manifest.shards:
        if shard.images:
            images += read_tfrecord(folder / shard.file, classes=names, label_map=None).images
    dataset = AnnotatedDataset(manifest.categories, tuple(images))
    return Source(manifest.split, dataset, manifest.findings)
