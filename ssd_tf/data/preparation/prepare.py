# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Readers -> TFRecord shards and a manifest, in parallel, with a report of everything that was not as it should be.

A shard appears under its name only when it is whole, and the manifest only when all shards are. A preparation that was
stopped resumes where it was: shards that are finished (see shards.py) are kept.
"""

import collections
import concurrent.futures
import os
import pathlib
import random
import re
import threading
from collections.abc import Mapping, Sequence

import tqdm
from absl import logging

from ssd_tf.data.annotations import AnnotatedDataset, AnnotatedImage, Category, ClassCount
from ssd_tf.data.manifest import LOOK, Manifest, save_manifest
from ssd_tf.data.preparation import beam
from ssd_tf.data.preparation.earlier import remove_leftovers, remove_notes, remove_old_split
from ssd_tf.data.preparation.findings import of_dataset
from ssd_tf.data.preparation.shards import ShardJob, ShardResult, finished, shard_name, write_shard
from ssd_tf.data.preparation.upright import CHOICES, UPRIGHT
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import is_file, make_folder
from ssd_tf.utils.text import counted, one_line, printable

# About 100 MB of COCO images in a shard; at least 4, so that small sets are read and written in parallel too.
IMAGES_PER_SHARD = 750
MIN_SHARDS = 4
# The order of the images in the shards is drawn once with this seed, so that sorted data sets are mixed.
_ORDER_SEED = 0
RUNNERS = ("local", "beam")


def prepare(
    dataset: AnnotatedDataset,
    output_dir: str | os.PathLike[str],
    split: str,
    source: dict[str, str],
    num_shards: int = 0,
    num_workers: int = 0,
    limit: int = 0,
    allow_missing: bool = False,
    runner: str = "local",
    beam_options: Sequence[str] = (),
    exif: str = UPRIGHT,
) -> Manifest:
    """Writes `split-00000-of-NNNNN.tfrecord` ... and `split.json` to output_dir.

    The files are a function of the data set and num_shards: those of a preparation that was stopped and run again, with
    any runner and any number of workers, are those of one that was not.

    Args:
      dataset: what a reader returned.
      output_dir: made if missing; an earlier preparation of the same split is replaced.
      split: its name: letters, digits, "_", "-" and ".".
      source: what the data set was read from, for the manifest.
      num_shards: 0 chooses by the number of images.
      num_workers: threads of the local runner; 0 takes one for each CPU core.
      limit: takes only the first so many images that have boxes; 0 takes all images.
      allow_missing: leave images out whose files are missing, instead of refusing to start.
      runner: local, or beam for an Apache Beam pipeline.
      beam_options: Beam's own, such as ["--runner=FlinkRunner"].
      exif: upright or raw: what the boxes are of in images that EXIF turns, where their size does not tell.

    Returns:
      The manifest, whose findings name what was clipped, dropped, unreadable or missing.

    Raises:
      FileNotFoundError: image files are missing.
      FileExistsError, NotADirectoryError: a file that no preparation wrote is in the way.
      ValueError: there is nothing to write, an argument is out of range, Apache Beam is wanted and not installed, or
        the images are in shards that would be replaced.
    """
    _check_arguments(split, num_shards, num_workers, limit, runner, beam_options, exif)
    pipeline = beam.open_pipeline(beam_options) if runner == "beam" else None
    images = list(dataset.images)
    if limit:
        images = [image for image in images if len(image.boxes)][:limit]
    findings: dict[str, list[str]] = collections.defaultdict(list)
    findings.update({kind: list(messages) for kind, messages in dataset.findings.items()})
    images = _without_missing(images, allow_missing, findings)
    if not images:
        raise UserError("the data set has no image to prepare")

    output = pathlib.Path(output_dir)
    make_folder(output)
    # Without its manifest the old split is not there any more; half-new shards are never taken for it.
    remove_old_split(output, split, images)
    jobs = _plan(images, dataset.categories, output, split, num_shards, exif)
    num_workers = num_workers or os.cpu_count() or 1
    results = _keep_finished(jobs, num_workers)
    rest = [job for job in jobs if job.path.name not in results]
    if pipeline is not None:
        results |= beam.write_shards(rest, pipeline)
    else:
        results |= _write_with_threads(rest, num_workers, f"prepare {split}", len(images))
    manifest = _summarize([results[job.path.name] for job in jobs], images, split, {**source, "exif": exif}, findings)
    remove_leftovers(output, split, keep={shard.file for shard in manifest.shards})
    save_manifest(manifest, output)
    # The notes go last: nothing is lost where the program is stopped before the manifest is there.
    remove_notes(output, split)
    return manifest


def report(manifest: Manifest, examples: int = 5) -> str:
    """What was prepared, as text: counts, boxes per class, and of each kind of finding the first few."""
    boxes = sum(count.boxes for count in manifest.classes)
    lines = [
        f"{manifest.split}: {counted(manifest.num_images, 'image')} ({manifest.num_images_with_boxes} with boxes), "
        f"{counted(boxes, 'box')}, {counted(len(manifest.classes), 'class')}, "
        f"{counted(len(manifest.shards), 'shard')}",
        f"{'class':>5} {'id':>5} {'images':>7} {'boxes':>7}  name",
    ]
    for k, count in enumerate(manifest.classes, start=1):
        lines.append(
            f"{k:5d} {count.category.id:5d} {count.images:7d} {count.boxes:7d}  {one_line(count.category.name)}"
        )
    if not any(kind for kind in manifest.findings if not kind.startswith(LOOK)):
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
    missing = {image.image_id for image in images if not is_file(image.path)}
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


def _plan(
    images: list[AnnotatedImage],
    categories: tuple[Category, ...],
    output: pathlib.Path,
    split: str,
    num_shards: int,
    exif: str,
) -> list[ShardJob]:
    """One job a shard. The same images in the same order give the same jobs."""
    images = images.copy()
    random.Random(_ORDER_SEED).shuffle(images)
    count = min(num_shards or max(MIN_SHARDS, len(images) // IMAGES_PER_SHARD), len(images))
    return [
        ShardJob(output / shard_name(split, k, count), tuple(images[k::count]), categories, exif) for k in range(count)
    ]


def _keep_finished(jobs: list[ShardJob], num_workers: int) -> dict[str, ShardResult]:
    """By file name, what an earlier preparation finished of these very jobs."""
    with concurrent.futures.ThreadPoolExecutor(num_workers) as pool:
        kept = {job.path.name: result for job, result in zip(jobs, pool.map(finished, jobs), strict=True) if result}
    if kept:
        logging.info("%d of %d shards were finished before and are kept", len(kept), len(jobs))
    return kept


def _write_with_threads(jobs: list[ShardJob], num_workers: int, title: str, total: int) -> dict[str, ShardResult]:
    """Writes the shards; by file name, what they hold. The decoder runs outside Python's lock."""
    stop = threading.Event()
    done_before = total - sum(len(job.images) for job in jobs)

    def on_image() -> None:
        if stop.is_set():
            raise InterruptedError("another shard failed")
        progress.update()

    pool = concurrent.futures.ThreadPoolExecutor(num_workers)
    with tqdm.tqdm(total=total, initial=done_before, unit="img", desc=title) as progress, pool:
        futures = {job.path.name: pool.submit(write_shard, job, on_image) for job in jobs}
        try:
            return {name: future.result() for name, future in futures.items()}
        except BaseException:
            stop.set()
            for future in futures.values():
                future.cancel()
            raise


def _summarize(
    results: list[ShardResult],
    images: list[AnnotatedImage],
    split: str,
    source: dict[str, str],
    missing: Mapping[str, list[str]],
) -> Manifest:
    findings = collections.defaultdict(list, {kind: list(messages) for kind, messages in missing.items()})
    for result in results:
        for kind, messages in result.findings.items():
            findings[kind].extend(messages)
    num_images = sum(result.shard.images for result in results)
    if not num_images:
        raise UserError("no image could be read; the first: " + printable(findings["unreadable"][0]))
    by_class = zip(*(result.classes for result in results), strict=True)
    classes = [ClassCount(c[0].category, sum(x.images for x in c), sum(x.boxes for x in c)) for c in by_class]
    findings.update(of_dataset(images, classes, sum(result.boxes_that_count for result in results)))
    return Manifest(
        split=split,
        classes=tuple(classes),
        num_images=num_images,
        num_images_with_boxes=sum(result.images_with_boxes for result in results),
        max_boxes=max(result.max_boxes for result in results),
        shards=tuple(result.shard for result in results),
        findings={kind: sorted(map(one_line, messages)) for kind, messages in sorted(findings.items())},
        source=source,
    )


def _check_arguments(
    split: str, num_shards: int, num_workers: int, limit: int, runner: str, beam_options: Sequence[str], exif: str
) -> None:
    if not re.fullmatch(r"[\w.-]+", split):
        raise UserError(f"split: expected a plain name such as train. Received: {split!r}")
    if min(num_shards, num_workers, limit) < 0:
        raise UserError(
            "expected numbers of at least 0. "
            f"Received: num_shards={num_shards}, num_workers={num_workers}, limit={limit}"
        )
    if runner not in RUNNERS:
        raise UserError(f"runner: expected one of {', '.join(RUNNERS)}. Received: {runner!r}")
    if exif not in CHOICES:
        raise UserError(f"exif: expected one of {', '.join(CHOICES)}. Received: {exif!r}")
    if beam_options and runner != "beam":
        raise UserError(f"beam options: expected them with runner=beam only. Received: {list(beam_options)}")
