# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Every image is read once: can it be read, what is odd about it, and the hash by which copies are known."""

import collections
import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
import tqdm

from ssd_tf.data.annotations import AnnotatedImage, Category, clean_boxes, count_classes
from ssd_tf.data.images import decode
from ssd_tf.data.preparation import findings
from ssd_tf.data.preparation.shards import check_image
from ssd_tf.data.preparation.stored_images import look_into
from ssd_tf.inference.ahead import map_ahead
from ssd_tf.inspection.duplicates import difference_hash
from ssd_tf.inspection.sources import Source
from ssd_tf.utils.files import is_file
from ssd_tf.utils.text import is_text

# Images that are read before their turn: enough for all cores, few enough that an interrupt does not wait for many.
_AHEAD = 64


@dataclasses.dataclass(frozen=True)
class Split:
    """A part of a data set whose images were read; N of them.

    Attributes:
      name: such as "train".
      categories: in the data set's order.
      images: all, with clean boxes; upright, where they could be read.
      readable: bool [N].
      hashes: uint64 [N], of duplicates.py; 0 where an image could not be read.
      findings: messages by kind: what was changed, left out, or is worth a look.
      is_prepared: the images lie in shards, upright.
    """

    name: str
    categories: tuple[Category, ...]
    images: tuple[AnnotatedImage, ...]
    readable: np.ndarray
    hashes: np.ndarray
    findings: Mapping[str, Sequence[str]]
    is_prepared: bool

    @property
    def names(self) -> dict[int, str]:
        """Class names by the data set's ids."""
        return {category.id: category.name for category in self.categories}

    @property
    def class_of(self) -> dict[int, int]:
        """Class 1..C by the data set's ids."""
        return {category.id: k for k, category in enumerate(self.categories, start=1)}


def read_split(source: Source) -> Split:
    """Reads every image of a part, in threads, with a progress bar. An image that cannot be read keeps its boxes."""
    is_prepared = source.findings is not None
    look = _look_at_prepared if is_prepared else _look_at
    noted: dict[str, list[str]] = collections.defaultdict(list)
    for kind, messages in (*source.dataset.findings.items(), *(source.findings or {}).items()):
        noted[kind] += messages
    images, hashes = [], []
    given = source.dataset.images
    looked_at = map_ahead(look, given, _AHEAD)
    for image, found_hash, found in tqdm.tqdm(looked_at, total=len(given), unit="img", desc=f"inspect {source.name}"):
        images.append(image)
        hashes.append(found_hash)
        for kind, message in found:
            noted[kind].append(message)
    if not is_prepared:
        counts = count_classes(source.dataset.categories, images)
        noted.update(findings.of_dataset(images, counts, sum(int((~image.is_crowd).sum()) for image in images)))
    return Split(
        source.name,
        source.dataset.categories,
        tuple(images),
        np.array([found_hash is not None for found_hash in hashes], bool),
        np.array([np.uint64(0) if found_hash is None else found_hash for found_hash in hashes], np.uint64),
        dict(sorted(noted.items())),
        is_prepared,
    )


def read_pixels(split: Split, place: int) -> np.ndarray:
    """The image at a place, uint8 RGB [H, W, 3], upright; it must be readable."""
    encoded = split.images[place].read_bytes()
    # As it was looked at: what one decoder takes may be too large for another.
    return decode(tf.constant(encoded)).numpy() if split.is_prepared else look_into(encoded, pixels_too=True).pixels


_Looked = tuple[AnnotatedImage, np.uint64 | None, list[tuple[str, str]]]


def _look_at(image: AnnotatedImage) -> _Looked:
    """The image as it would be prepared, its hash, None where it cannot be read, and what was found."""
    if not is_text(image.name):
        return clean_boxes(image)[0], None, [("unreadable", f"{image.name}: expected a name in UTF-8")]
    if not is_file(image.path):
        return clean_boxes(image)[0], None, [("missing", str(image.path))]
    try:
        file, image, found = check_image(image, image.read_bytes(), pixels_too=True)
    except OSError as error:
        return clean_boxes(image)[0], None, [("unreadable", f"{image.name}: cannot be read ({error.strerror})")]
    named = [(kind, f"{image.name}: {message}") for kind, message in found]
    if file is None:
        return clean_boxes(image)[0], None, named
    return image, difference_hash(file.pixels), named


def _look_at_prepared(image: AnnotatedImage) -> _Looked:
    try:
        pixels = decode(tf.constant(image.read_bytes()))
    except (OSError, tf.errors.InvalidArgumentError):
        return image, None, [("unreadable", f"{image.name}: not readable in its shard any more")]
    return image, difference_hash(pixels.numpy()), []
