# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Shards cut off or overwritten with noise, and an image inside a whole record that cannot be decoded.

python benchmarks/faults/bad_records.py

A record that cannot be read ends the run with its file and number, unless --skip_bad_records counts it. An image that
cannot be decoded is always left out and counted.
"""

import os
import pathlib
import re
import shutil

import common
import numpy as np
import tensorflow as tf

from ssd_tf.data.manifest import describe_shard, load_manifest, manifest_path

SHARD = "train-00000-of-00002.tfrecord"
# One in the middle of its shard, far behind the beginning that the manifest has a hash of.
RECORD = 15
SKIP = "--skip_bad_records"


def rows(folder: pathlib.Path) -> list[common.Row]:
    flags = (*common.TRAIN, "--steps=18", "--eval_every_epochs=0")
    return [
        cut_before(folder, flags),
        noise(folder, flags),
        noise(folder, (*flags, SKIP)),
        cut_while_it_runs(folder, flags),
        cut_while_it_runs(folder, (*flags, SKIP)),
        bad_images(folder, flags),
    ]


def cut_before(folder: pathlib.Path, flags: tuple[str, ...]) -> common.Row:
    data = _copy(folder, "cut_before")
    os.truncate(data / SHARD, (data / SHARD).stat().st_size // 2)
    status, printed = common.train(data, folder / "cut_before", *flags)
    error = common.error_line(printed)
    good = status == 1 and f"{SHARD} is not the shard" in error and not common.losses(folder / "cut_before")
    return common.Row("shard cut off", "before the start", f"status {status}, before any step: {_short(error)}", good)


def noise(folder: pathlib.Path, flags: tuple[str, ...]) -> common.Row:
    """Noise over a record; the shard stays as long as it was, and begins as it did."""
    name = "noise_skipped" if SKIP in flags else "noise"
    data = _copy(folder, name)
    overwrite(data / SHARD, RECORD)
    status, printed = common.train(data, folder / name, *flags)
    return _judged("shard overwritten with noise", f"record {RECORD} of 24", flags, status, printed)


def cut_while_it_runs(folder: pathlib.Path, flags: tuple[str, ...]) -> common.Row:
    name = "cut_running_skipped" if SKIP in flags else "cut_running"
    data, model_dir = _copy(folder, name), folder / name
    process = common.start(common.train_command(data, model_dir, *flags), common.log_of(model_dir))
    # Of the first epoch, all is in memory by now.
    common.wait_until(lambda: len(common.losses(model_dir)) >= 2, process)
    os.truncate(data / SHARD, _places(data / SHARD)[RECORD] + 100)
    status = process.wait(timeout=common.PATIENCE_S)
    printed = common.log_of(model_dir).read_text(errors="replace")
    return _judged("shard cut off", f"while training runs, in record {RECORD} of 24", flags, status, printed)


def bad_images(folder: pathlib.Path, flags: tuple[str, ...]) -> common.Row:
    """One of each split is noise behind its first bytes; the record around it is whole."""
    data = _copy(folder, "images")
    for split in ("train", "val"):
        spoil_image(data, split, 3)
    status, printed = common.train(data, folder / "images", *flags)
    counts = re.findall(r"left out of split '(\w+)': (\d+) images that cannot be decoded, (\d+) records", printed)
    good = status == 0 and sorted(counts) == [("train", "1", "0"), ("val", "1", "0")] and "(image id" in printed
    counted = ", ".join(f"{images} of {split}" for split, images, _ in counts)
    return common.Row(
        "image that cannot be decoded",
        "in whole records of train and val",
        f"status {status}; left out: {counted}",
        good,
    )


def overwrite(path: pathlib.Path, record: int) -> None:
    """Puts noise over the middle of one record of a shard."""
    start, end = _places(path)[record : record + 2]
    noise = np.random.default_rng(0).integers(0, 256, (end - start) // 2, np.uint8).tobytes()
    with path.open("r+b") as file:
        file.seek(start + (end - start) // 4)
        file.write(noise)


def spoil_image(data: pathlib.Path, split: str, number: int) -> None:
    """Puts noise over the image in one record of the split's first shard; the checksums and the manifest fit it."""
    manifest = load_manifest(data, split)
    path = data / manifest.shards[0].file
    contents = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    example = tf.train.Example.FromString(contents[number])
    encoded = example.features.feature["image/encoded"].bytes_list.value
    encoded[0] = encoded[0][:4] + np.random.default_rng(0).bytes(len(encoded[0]) - 4)
    contents[number] = example.SerializeToString(deterministic=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for content in contents:
            writer.write(content)
    before, after = manifest.shards[0], describe_shard(path, manifest.shards[0].images)
    text = manifest_path(data, split).read_text().replace(before.head_sha256, after.head_sha256)
    manifest_path(data, split).write_text(text.replace(f'"bytes": {before.bytes}', f'"bytes": {after.bytes}', 1))


def _judged(fault: str, tried: str, flags: tuple[str, ...], status: int, printed: str) -> common.Row:
    if SKIP not in flags:
        error = common.error_line(printed)
        good = status == 1 and f"{SHARD}, record {RECORD}" in error
        return common.Row(fault, tried, f"status {status}: {_short(error)}", good)
    summary = re.findall(r"left out of split 'train': .* (\d+) records that cannot be read", printed)
    # From the damage on, the shard is lost.
    good = status == 0 and summary == [str(24 - RECORD)]
    return common.Row(fault, f"{tried}, {SKIP}", f"status {status}; records left out: {', '.join(summary)}", good)


def _copy(folder: pathlib.Path, name: str) -> pathlib.Path:
    return pathlib.Path(shutil.copytree(folder / "data", folder / f"data_{name}"))


def _places(path: pathlib.Path) -> list[int]:
    """Where each record of a shard begins, and where the last one ends."""
    places = [0]
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        places.append(places[-1] + 16 + len(record))  # length and two checksums around each
    return places


def _short(error: str) -> str:
    return re.sub(r"\S*/", "", error)[:150]


if __name__ == "__main__":
    common.main(rows, __doc__ or "")
