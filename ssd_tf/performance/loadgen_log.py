# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""LoadGen's logs: where they go, what the summary says, and what an accuracy test found.

A detection in the accuracy log is a row of seven float32, as MLPerf's own SSD logs it: image, ymin, xmin, ymax, xmax,
score, class. The image is its number in the test, boxes are normalised, classes are 1..C. K: detections of an image.
"""

import json
import pathlib
import re
from typing import Any

import numpy as np

from ssd_tf.data.formats.coco_results import Results, coco_results
from ssd_tf.geometry.detections import Detections
from ssd_tf.performance.loadgen_images import SplitImages
from ssd_tf.utils.errors import UserError

SUMMARY_LOG, DETAIL_LOG, ACCURACY_LOG = "mlperf_log_summary.txt", "mlperf_log_detail.txt", "mlperf_log_accuracy.json"

# The numbers in a row, and their places.
_NUMBERS = 7
_IMAGE, _BOX, _SCORE, _CLASS = 0, slice(1, 5), 5, 6


def start_logs(loadgen: Any, folder: pathlib.Path) -> Any:
    """Empties the logs of an earlier test in this folder, and returns LoadGen's settings for new ones.

    Raises:
      OSError: the logs cannot be written.
    """
    for name in (SUMMARY_LOG, DETAIL_LOG, ACCURACY_LOG):
        # Fails where LoadGen, which would say nothing, could not write either.
        (folder / name).write_bytes(b"")
    output = loadgen.LogOutputSettings()
    output.outdir = str(folder)
    output.copy_summary_to_stdout = False
    settings = loadgen.LogSettings()
    settings.log_output = output
    settings.enable_trace = False
    return settings


def require_whole(folder: pathlib.Path) -> pathlib.Path:
    """The summary of a test that has ended, where its logs are all on the disk; LoadGen itself would say nothing.

    Raises:
      OSError: one of them is cut off.
    """
    summary, detail = (folder / name for name in (SUMMARY_LOG, DETAIL_LOG))
    last_lines = re.compile(r"errors? encountered.*\n", re.IGNORECASE)
    for path, is_whole in (
        (summary, bool(last_lines.search(summary.read_text()))),
        (detail, detail.read_bytes().endswith(b"\n")),
    ):
        if not is_whole:
            raise OSError(f"{path}: LoadGen could not write all of it; is the disk full?")
    return summary


def key_lines(summary: str) -> list[str]:
    """The lines of LoadGen's summary that hold the result: its first part, and the counts of warnings and errors."""
    head, _, rest = summary.partition("Additional Stats")
    counts = [line for line in rest.splitlines() if "encountered" in line]
    return [line for line in [*head.splitlines(), *counts] if line.strip("= ")]


def log_rows(found: Detections, k: int, index: int) -> np.ndarray:
    """Image k of a batch of detections (NumPy), which is image `index`, as float32 [K, 7] for the log."""
    count = int(found.count[k])
    columns = (np.full(count, index), found.boxes[k, :count], found.scores[k, :count], found.classes[k, :count])
    return np.ascontiguousarray(np.column_stack(columns), np.float32)


def read_accuracy_log(path: str | pathlib.Path, num_images: int) -> list[np.ndarray]:
    """The answers in LoadGen's log of an accuracy test: entry i is float32 [K, 7] of image i.

    LoadGen asks twice for some images, to fill up its last query; the first answer counts.

    Raises:
      OSError: the file cannot be read.
      ValueError: it is no such log, or lacks an image.
    """
    found: dict[int, np.ndarray] = {}
    try:
        for entry in json.loads(pathlib.Path(path).read_text(encoding="utf-8")):
            rows = np.frombuffer(bytes.fromhex(entry["data"]), "<f4").reshape(-1, _NUMBERS)
            if (rows[:, _IMAGE] != entry["qsl_idx"]).any():
                raise UserError(f"the answer to image {entry['qsl_idx']} is of image {rows[0, _IMAGE]:g}")
            found.setdefault(entry["qsl_idx"], rows)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not the log of an accuracy test of ssd_tf ({error})") from error
    if set(found) != set(range(num_images)):
        raise UserError(f"{path}: expected answers to {num_images} images. Received: to {len(found)}")
    return [found[index] for index in range(num_images)]


def results_of_log(path: str | pathlib.Path, split_images: SplitImages) -> Results:
    """What the log of an accuracy test found, in COCO's results format and in the images' order.

    Raises:
      As `read_accuracy_log`.
    """
    results = []
    for image, rows in zip(
        split_images.ground_truth["images"], read_accuracy_log(path, len(split_images)), strict=True
    ):
        found = Detections(
            rows[None, :, _BOX],
            rows[None, :, _SCORE],
            rows[None, :, _CLASS].astype(np.int32),
            np.array([len(rows)], np.int32),
        )
        results.append(coco_results(found, 0, split_images.categories, image["id"], image["height"], image["width"]))
    return Results.joined(results)
