# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The manifest of a prepared split (train.json beside its shards): classes, counts, shards, findings.

It is written last, so a split with a manifest is whole. Each shard's size and the hash of its beginning are kept, so
that shards of another data set are found out before training starts.
"""

import dataclasses
import hashlib
import json
import pathlib
from typing import Any

from ssd_tf.data.annotations import Category, ClassCount
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import parse_json, write_atomically

# Enough to cover the start of an image, little enough to check 256 shards in a moment.
_HEAD_BYTES = 65536
# Kinds of findings that are kept, but worth a look, begin so.
LOOK = "look: "
NOTHING_COUNTS = f"{LOOK}nothing counts"


@dataclasses.dataclass(frozen=True)
class Shard:
    """A file of records: its name beside the manifest, and what it must be."""

    file: str
    images: int
    bytes: int
    head_sha256: str


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What a prepared split holds.

    Attributes:
      split: its name, such as "train".
      classes: class k (1..C) is entry k - 1; with the sparse id, and counts of images and boxes.
      num_images: records in the shards.
      num_images_with_boxes: those that training uses.
      max_boxes: G, the most boxes of any image.
      shards: in the order of their numbers.
      findings: what preparation dropped, clipped or could not read, and what it kept that is worth a look: messages by
        kind.
      source: the paths and the format that the split was made from.
    """

    split: str
    classes: tuple[ClassCount, ...]
    num_images: int
    num_images_with_boxes: int
    max_boxes: int
    shards: tuple[Shard, ...]
    findings: dict[str, list[str]]
    source: dict[str, str]

    @property
    def categories(self) -> tuple[Category, ...]:
        return tuple(count.category for count in self.classes)


def notes(manifest: Manifest) -> list[str]:
    """What belongs beside every number that is measured on the split: what of the annotations is not in it."""
    found = []
    count = {kind: len(messages) for kind, messages in manifest.findings.items()}
    boxes = sum(one.boxes for one in manifest.classes)
    dropped, clipped = count.get("dropped", 0), count.get("clipped", 0)
    left_out = count.get("missing", 0) + count.get("unreadable", 0)
    if dropped or clipped:
        found.append(
            f"AP is of the cleaned boxes: {boxes} of {boxes + dropped}, {clipped} of them clipped to their image"
        )
    if left_out:
        found.append(
            f"AP is of {manifest.num_images} of {manifest.num_images + left_out} images: the others cannot be read"
        )
    if NOTHING_COUNTS in manifest.findings:
        found.append("nothing counts: no image has a box that is not a crowd, so AP is not defined")
    return [f"split {manifest.split!r}: {note}" for note in found]


def manifest_path(data_dir: str | pathlib.Path, split: str) -> pathlib.Path:
    return pathlib.Path(data_dir) / f"{split}.json"


def describe_shard(path: pathlib.Path, images: int) -> Shard:
    """The Shard of a finished file."""
    with path.open("rb") as file:
        head = hashlib.sha256(file.read(_HEAD_BYTES)).hexdigest()
    return Shard(path.name, images, path.stat().st_size, head)


def save_manifest(manifest: Manifest, data_dir: str | pathlib.Path) -> None:
    """Writes the manifest, atomically."""
    content = dataclasses.asdict(manifest)
    content["classes"] = [
        {"class": k, **dataclasses.asdict(c.category), "images": c.images, "boxes": c.boxes}
        for k, c in enumerate(manifest.classes, start=1)
    ]
    write_atomically(manifest_path(data_dir, manifest.split), json.dumps(content, indent=1) + "\n")


def load_manifest(data_dir: str | pathlib.Path, split: str) -> Manifest:
    """The manifest of a split, after checking that the shards are those it was written for.

    Raises:
      FileNotFoundError: no such split has been prepared, or a shard is missing.
      ValueError: the file is no manifest, or a shard is not the one it lists.
    """
    path = manifest_path(data_dir, split)
    if not path.is_file():
        prepared = sorted(p.stem for p in pathlib.Path(data_dir).glob("*.json"))
        hint = f"; prepared splits there: {', '.join(prepared)}" if prepared else ""
        raise FileNotFoundError(
            f"no manifest {path}: split {split!r} has not been prepared in {data_dir}{hint}. "
            "See python -m ssd_tf.apps.prepare --help"
        )
    try:
        manifest = _from_json(parse_json(path.read_text()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not a manifest of ssd_tf ({error})") from error
    for shard in manifest.shards:
        _check_shard(path, shard)
    return manifest


def _from_json(content: dict[str, Any]) -> Manifest:
    classes = tuple(ClassCount(Category(c["id"], c["name"]), c["images"], c["boxes"]) for c in content["classes"])
    shards = tuple(Shard(**shard) for shard in content["shards"])
    return Manifest(**{**content, "classes": classes, "shards": shards})


def _check_shard(manifest: pathlib.Path, expected: Shard) -> None:
    path = manifest.parent / expected.file
    if not path.is_file():
        raise FileNotFoundError(f"{manifest} lists {expected.file}, which is missing beside it")
    found = describe_shard(path, expected.images)
    if found != expected:
        raise UserError(
            f"{path} is not the shard that {manifest.name} was written for: expected {expected.bytes} bytes that begin "
            f"with sha256 {expected.head_sha256[:12]}. Received: {found.bytes} bytes, {found.head_sha256[:12]}. "
            "Prepare the data set again"
        )
