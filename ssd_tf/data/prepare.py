# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Readers -> TFRecord shards and a manifest, in parallel, with a report of everything that was not as it should be.

Every picture is decoded once with the decoder that training uses, so that a bad file is found here and not hours into
a run. A shard appears under its name only when it is whole, and the manifest only when all shards are.
"""

import collections
import concurrent.futures
import json
import os
import pathlib
import random
import re
import threading

import tensorflow as tf
import tqdm

from ssd_tf.data import images as image_ops
from ssd_tf.data import records
from ssd_tf.data.annotations import AnnotatedDataset, AnnotatedImage, clean_boxes, count_classes
from ssd_tf.data.manifest import Manifest, Shard, describe_shard, manifest_path, save_manifest
from ssd_tf.files import atomic_path

# About 100 MB of COCO pictures in a shard; at least 4, so that small sets are read and written in parallel too.
IMAGES_PER_SHARD = 750
MIN_SHARDS = 4
# The order of the images in the shards is drawn once with this seed, so that sorted data sets are mixed.
_ORDER_SEED = 0


def prepare(
    dataset: AnnotatedDataset,
    output_dir: str | os.PathLike[str],
    split: str,
    source: dict[str, str],
    num_shards: int = 0,
    num_workers: int = 0,
    limit: int = 0,
    allow_missing: bool = False,
) -> Manifest:
    """Writes `split-00000-of-NNNNN.tfrecord` ... and `split.json` to output_dir.

    Args:
      dataset: what a reader returned.
      output_dir: made if missing; an earlier preparation of the same split is replaced.
      split: its name: letters, digits, "_", "-" and ".".
      source: what the data set was read from, for the manifest.
      num_shards: 0 chooses by the number of images.
      num_workers: threads; 0 takes one for each CPU core.
      limit: takes only the first so many images that have boxes; 0 takes all images.
      allow_missing: leave images out whose files are missing, instead of refusing to start.

    Returns:
      The manifest, whose findings name what was clipped, dropped, unreadable or missing.

    Raises:
      FileNotFoundError: picture files are missing.
      ValueError: there is nothing to write, or an argument is out of range.
    """
    if not re.fullmatch(r"[\w.-]+", split):
        raise ValueError(f"split: expected a plain name such as train. Received: {split!r}")
    if min(num_shards, num_workers, limit) < 0:
        raise ValueError(
            "expected numbers of at least 0. "
            f"Received: num_shards={num_shards}, num_workers={num_workers}, limit={limit}"
        )
    images = list(dataset.images)
    if limit:
        images = [image for image in images if len(image.boxes)][:limit]
    findings: dict[str, list[str]] = collections.defaultdict(list)
    images = _without_missing(images, allow_missing, findings)
    if not images:
        raise ValueError("the data set has no image to prepare")

    random.Random(_ORDER_SEED).shuffle(images)
    num_shards = min(num_shards or max(MIN_SHARDS, len(images) // IMAGES_PER_SHARD), len(images))
    output = pathlib.Path(output_dir)
    output.mkdir(parents=True, exist_ok=True)
    # Without its manifest the old split is not there any more; half-new shards are never taken for it.
    _remove_old_manifest(manifest_path(output, split))
    for stale in output.glob(f".{split}-?????-of-?????.tfrecord.*.tmp"):
        stale.unlink()

    names = {category.id: category.name for category in dataset.categories}
    parts = [images[k::num_shards] for k in range(num_shards)]
    written = _write_shards(parts, output, split, names, num_workers or os.cpu_count() or 1)
    for _, problems in written:
        for kind, messages in problems.items():
            findings[kind].extend(messages)
    kept = [image for part, _ in written for image in part]
    if not kept:
        raise ValueError("no picture could be read; the first: " + findings["unreadable"][0])
    shards = [
        describe_shard(output / _shard_name(split, k, num_shards), len(part)) for k, (part, _) in enumerate(written)
    ]
    manifest = Manifest(
        split=split,
        classes=tuple(count_classes(dataset.categories, kept)),
        num_images=len(kept),
        num_images_with_boxes=sum(1 for image in kept if len(image.boxes)),
        max_boxes=max(len(image.boxes) for image in kept),
        shards=tuple(shards),
        findings={kind: sorted(messages) for kind, messages in sorted(findings.items()) if messages},
        source=source,
    )
    _remove_old_shards(output, split, shards)
    save_manifest(manifest, output)
    return manifest


def report(manifest: Manifest, examples: int = 5) -> str:
    """What was prepared, as text: counts, boxes per class, and of each kind of finding the first few."""
    boxes = sum(count.boxes for count in manifest.classes)
    lines = [
        f"{manifest.split}: {manifest.num_images} images ({manifest.num_images_with_boxes} with boxes), {boxes} boxes, "
        f"{len(manifest.classes)} classes, {len(manifest.shards)} shards",
        f"{'class':>5} {'id':>5} {'images':>7} {'boxes':>7}  name",
    ]
    for k, count in enumerate(manifest.classes, start=1):
        lines.append(f"{k:5d} {count.category.id:5d} {count.images:7d} {count.boxes:7d}  {count.category.name}")
    if not manifest.findings:
        lines.append("Nothing was dropped, clipped or unreadable.")
    for kind, messages in manifest.findings.items():
        lines.append(f"{kind}: {len(messages)}")
        lines.extend(f"  {message}" for message in messages[:examples])
        if len(messages) > examples:
            lines.append(f"  ... all of them in {manifest.split}.json")
    return "\n".join(lines)


def _without_missing(
    images: list[AnnotatedImage], allow_missing: bool, findings: dict[str, list[str]]
) -> list[AnnotatedImage]:
    missing = {image.image_id for image in images if not image.path.is_file()}
    if not missing:
        return images
    first = next(image for image in images if image.image_id in missing)
    if not allow_missing:
        raise FileNotFoundError(
            f"{len(missing)} of {len(images)} annotated images have no file; the first: {first.path} "
            f"(image id {first.image_id}). Check --images, or pass --allow_missing to leave them out"
        )
    findings["missing"] = [str(image.path) for image in images if image.image_id in missing]
    return [image for image in images if image.image_id not in missing]


def _write_shards(parts, output: pathlib.Path, split: str, names: dict[int, str], num_workers: int):
    """The (images kept, findings) of each shard, written by threads: the decoder runs outside Python's lock."""
    stop = threading.Event()
    total = sum(len(part) for part in parts)
    pool = concurrent.futures.ThreadPoolExecutor(num_workers)
    with tqdm.tqdm(total=total, unit="img", desc=f"prepare {split}") as progress, pool:
        futures = [
            pool.submit(_write_shard, part, output / _shard_name(split, k, len(parts)), names, stop, progress)
            for k, part in enumerate(parts)
        ]
        try:
            return [future.result() for future in futures]
        except BaseException:
            stop.set()
            for future in futures:
                future.cancel()
            raise


def _write_shard(
    images: list[AnnotatedImage], path: pathlib.Path, names: dict[int, str], stop: threading.Event, progress: tqdm.tqdm
) -> tuple[list[AnnotatedImage], dict[str, list[str]]]:
    kept, findings = [], collections.defaultdict(list)
    with atomic_path(path) as temporary, tf.io.TFRecordWriter(str(temporary)) as writer:
        for image in images:
            if stop.is_set():
                raise InterruptedError("another shard failed")
            progress.update()
            encoded, problem = _read_picture(image)
            if problem:
                findings["unreadable"].append(f"{image.path.name}: {problem}")
                continue
            cleaned, messages = clean_boxes(image)
            for message in messages:
                findings[message.split(":")[0]].append(f"{image.path.name}: {message}")
            writer.write(records.serialize(cleaned, encoded, names))
            kept.append(cleaned)
    return kept, dict(findings)


def _read_picture(image: AnnotatedImage) -> tuple[bytes, str]:
    """The file's bytes, and why the picture cannot be used, or an empty string."""
    try:
        encoded = image.path.read_bytes()
        image_ops.picture_format(encoded)
        height, width, _ = image_ops.decode(tf.constant(encoded)).shape
    except OSError as error:
        return b"", f"cannot be read ({error.strerror})"
    except ValueError as error:
        return b"", f"not a readable picture ({error})"
    except tf.errors.InvalidArgumentError as error:
        return b"", f"not a readable picture ({error.message.splitlines()[0][:120]})"
    if (height, width) != (image.height, image.width):
        return b"", f"the file is {width}x{height}, its annotations are for {image.width}x{image.height}"
    return encoded, ""


def _shard_name(split: str, index: int, num_shards: int) -> str:
    return f"{split}-{index:05d}-of-{num_shards:05d}.tfrecord"


def _remove_old_manifest(path: pathlib.Path) -> None:
    """Removes the manifest of an earlier preparation, and nothing else that has its name, such as annotations."""
    if not path.is_file():
        return
    try:
        is_manifest = "shards" in json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, TypeError):
        is_manifest = False
    if not is_manifest:
        raise FileExistsError(
            f"{path} is not a manifest, and in the way of one: choose another --output_dir or --split"
        )
    path.unlink()


def _remove_old_shards(output: pathlib.Path, split: str, shards: list[Shard]) -> None:
    current = {shard.file for shard in shards}
    pattern = re.compile(re.escape(split) + r"-\d{5}-of-\d{5}\.tfrecord")
    for path in output.iterdir():
        if pattern.fullmatch(path.name) and path.name not in current:
            path.unlink()
