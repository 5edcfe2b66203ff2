# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""One shard: annotated images -> a file of records, and beside it a note by which the finished shard is known again.

Every image is decoded once, a JPEG file to an eighth of its sides, so that a bad file is found here and not hours into
a run. Threads (prepare.py) and Apache Beam (beam.py) call the same `write_shard`, which is a function of its job alone.
"""

import collections
import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ssd_tf.data import records
from ssd_tf.data.annotations import AnnotatedImage, Category, ClassCount, clean_boxes, count_classes
from ssd_tf.data.image_files import TRANSPOSED
from ssd_tf.data.kinds import TENSORFLOW_KINDS
from ssd_tf.data.manifest import Shard, describe_shard
from ssd_tf.data.preparation import findings
from ssd_tf.data.preparation.stored_images import Stored, bytes_of, look_into
from ssd_tf.data.preparation.upright import UPRIGHT, upright_annotations
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import atomic_path, write_atomically
from ssd_tf.utils.text import is_text

# A kind of finding: images that TensorFlow does not decode as they are.
REENCODED = "re-encoded"


@dataclasses.dataclass(frozen=True)
class ShardJob:
    """A shard to write: where to, and which images, in their order.

    `categories` are all of the data set. `exif` is one of upright.CHOICES: what the boxes of turned images are of.
    """

    path: pathlib.Path
    images: tuple[AnnotatedImage, ...]
    categories: tuple[Category, ...]
    exif: str = UPRIGHT


@dataclasses.dataclass(frozen=True)
class ShardResult:
    """What a written shard holds.

    Attributes:
      shard: the file.
      classes: counts of every category, in the data set's order.
      images_with_boxes: those of its images that have a box.
      max_boxes: the most boxes of an image.
      boxes_that_count: those that are no crowds.
      findings: messages by kind: what was dropped, clipped or unreadable.
      all_read: no image file failed to be read. One that failed may be there again at the next try.
    """

    shard: Shard
    classes: tuple[ClassCount, ...]
    images_with_boxes: int
    max_boxes: int
    boxes_that_count: int
    findings: dict[str, list[str]]
    all_read: bool


def shard_name(split: str, index: int, num_shards: int) -> str:
    """train-00000-of-00008.tfrecord"""
    return f"{split}-{index:05d}-of-{num_shards:05d}.tfrecord"


def note_path(shard: pathlib.Path) -> pathlib.Path:
    """The note of a finished shard; it stays until the manifest is written."""
    return shard.with_name(f"{shard.name}.done")


def write_shard(job: ShardJob, on_image: Callable[[], object] = lambda: None) -> ShardResult:
    """Writes a shard, which appears under its name only when it is whole, and before it its note.

    Args:
      job: what to write.
      on_image: called before each image; what it raises ends the work.

    Raises:
      OSError or tf.errors.OpError: the shard cannot be written.
    """
    # Before the images are read: one that is replaced meanwhile is not taken for the one that was read.
    fingerprint = _fingerprint(job)
    with atomic_path(job.path) as temporary:
        kept, noted, all_read = _write_records(job, temporary, on_image)
        counts = [len(image.boxes) for image in kept]
        result = ShardResult(
            shard=dataclasses.replace(describe_shard(temporary, len(kept)), file=job.path.name),
            classes=tuple(count_classes(job.categories, kept)),
            images_with_boxes=sum(count > 0 for count in counts),
            max_boxes=max(counts, default=0),
            boxes_that_count=sum(int((~image.is_crowd).sum()) for image in kept),
            findings=noted,
            all_read=all_read,
        )
        note = {"job": fingerprint, "sha256": _sha256(temporary), "result": dataclasses.asdict(result)}
        # Before the shard has its name: there is never one that no note says is a preparation's own.
        write_atomically(note_path(job.path), json.dumps(note, indent=1) + "\n")
    return result


def make_record(
    image: AnnotatedImage, encoded: bytes, names: dict[int, str], exif: str = UPRIGHT
) -> tuple[bytes | None, AnnotatedImage, list[tuple[str, str]]]:
    """The record of an image whose file holds `encoded`.

    Args:
      image: its annotations.
      encoded: the image's file.
      names: class names by category id.
      exif: as ShardJob has it.

    Returns:
      The serialised record, or None where the image cannot be used; the image as it is recorded; and what was found: as
      check_image returns them.
    """
    file, image, found = check_image(image, encoded, exif, pixels_too=False)
    if file is None:
        return None, image, found
    return records.serialize(image, bytes_of(file, encoded), names), image, found


def check_image(
    image: AnnotatedImage, encoded: bytes, exif: str = UPRIGHT, *, pixels_too: bool
) -> tuple[Stored | None, AnnotatedImage, list[tuple[str, str]]]:
    """Decodes an image and looks at its annotations. The arguments are make_record's and look_into's.

    Returns:
      What the file holds, or None where the image cannot be used; the image with clean boxes, upright; and what was
      found, as (kind, message): "unreadable", REENCODED, "clipped", "dropped", or what is worth a look.
    """
    found = []
    try:
        file = look_into(encoded, pixels_too)
    except UserError as error:
        return None, image, [("unreadable", f"not a readable image ({error})")]
    height, width = file.height, file.width
    if file.orientation != 1:
        stored = (width, height) if file.orientation >= TRANSPOSED else (height, width)
        image, message = upright_annotations(image, file.orientation, stored, exif)
        found.append((message, f"EXIF orientation {file.orientation}"))
    if file.kind not in TENSORFLOW_KINDS:
        found.append((REENCODED, f"{file.kind} as {'PNG' if file.is_lossless else 'JPEG'}"))
    if (height, width) != (image.height, image.width):
        message = f"the file is {width}x{height}, its annotations are for {image.width}x{image.height}"
        return None, image, [("unreadable", message)]
    cleaned, messages = clean_boxes(image)
    found += [(message.split(":")[0], message) for message in messages]
    found += findings.of_image(image, cleaned)
    return file, cleaned, found


def finished(job: ShardJob) -> ShardResult | None:
    """What an earlier run left of the very same job: same annotations, same images, and the shard as it was written.

    An image counts as the same while its path, size and time of change are. None where the shard is to be written.
    """
    note = _read_note(job.path)
    if note is None or not note.result.all_read or note.job != _fingerprint(job) or not job.path.is_file():
        return None
    if describe_shard(job.path, note.result.shard.images) != note.result.shard or _sha256(job.path) != note.sha256:
        return None
    return note.result


def written(path: pathlib.Path) -> ShardResult:
    """What the note of a shard says that another process has just written.

    Raises:
      OSError: shard and note are not there, or do not belong together.
    """
    note = _read_note(path)
    if note is None or not path.is_file() or describe_shard(path, note.result.shard.images) != note.result.shard:
        raise OSError(
            f"{path}: expected a shard and its note {note_path(path).name}. Received: they are not there whole"
        )
    return note.result


def _write_records(
    job: ShardJob, path: pathlib.Path, on_image: Callable[[], object]
) -> tuple[list[AnnotatedImage], dict[str, list[str]], bool]:
    """The images as they were recorded, the findings, and whether every image file could be read."""
    names = {category.id: category.name for category in job.categories}
    kept: list[AnnotatedImage] = []
    noted: dict[str, list[str]] = collections.defaultdict(list)
    all_read = True
    with tf.io.TFRecordWriter(str(path)) as writer:
        for image in job.images:
            on_image()
            if not is_text(image.name):
                noted["unreadable"].append(f"{image.name}: expected a name in UTF-8")
                continue
            try:
                encoded = image.read_bytes()
            except OSError as error:
                noted["unreadable"].append(f"{image.name}: cannot be read ({error.strerror})")
                all_read = False
                continue
            record, cleaned, problems = make_record(image, encoded, names, job.exif)
            for kind, message in problems:
                noted[kind].append(f"{image.name}: {message}")
            if record is not None:
                writer.write(record)
                kept.append(cleaned)
    return kept, dict(noted), all_read


@dataclasses.dataclass(frozen=True)
class _Note:
    job: str
    sha256: str
    result: ShardResult


def _read_note(shard: pathlib.Path) -> _Note | None:
    path = note_path(shard)
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return _Note(content["job"], content["sha256"], _result_from_json(content["result"]))
    except (ValueError, KeyError, TypeError):
        return None  # No note of ours, or a damaged one: the shard is written again, and the note with it.


def _result_from_json(content: dict[str, Any]) -> ShardResult:
    classes = tuple(ClassCount(Category(**c["category"]), c["images"], c["boxes"]) for c in content["classes"])
    return ShardResult(**{**content, "shard": Shard(**content["shard"]), "classes": classes})


def _fingerprint(job: ShardJob) -> str:
    """Stands for what decides the bytes of the shard: record format, annotations, state of the images."""
    digest = hashlib.sha256()
    digest.update(repr((records.FORMAT_VERSION, job.path.name, job.categories, job.exif)).encode())
    for image in job.images:
        facts = (
            image.image_id,
            str(image.path.absolute()),
            image.height,
            image.width,
            image.without_size,
            len(image.boxes),
        )
        digest.update(repr((facts, _state_of(image.path))).encode())
        if image.stored is not None:
            digest.update(repr(image.stored).encode())
        flags = () if image.is_difficult is None else (image.is_difficult,)
        for array in (image.boxes, image.category_ids, image.areas, image.is_crowd, *flags):
            digest.update(array.tobytes())
    return digest.hexdigest()


def _state_of(image: pathlib.Path) -> tuple[int, int]:
    """Size and time of change; a file that has gone has none, and is reported when it is to be read."""
    try:
        stat = image.stat()
    except OSError:
        return -1, -1
    return stat.st_size, stat.st_mtime_ns


def _sha256(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
