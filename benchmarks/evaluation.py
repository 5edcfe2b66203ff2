# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Seconds and memory of COCO's numbers on drawn detections: ours, and pycocotools, each run in a process of its own.

python benchmarks/evaluation.py [--images=5000] [--runs=3]

Ours is all of `coco_metrics`: the 12 numbers, each class's AP, what became of each detection and each truth. Of
pycocotools it is loading, evaluate, accumulate and summarize. Detections are in memory as each has them: arrays for
ours, as `evaluate` gathers them, and a dict each for pycocotools and for "ours, of dicts". The memory is what the
process needs beyond them at its peak.
"""

import argparse
import json
import multiprocessing
import pathlib
import statistics
import sys
import tempfile
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from ssd_tf.data.formats.coco_results import Results
from ssd_tf.evaluation.coco_metrics import coco_metrics
from ssd_tf.utils.hardware import host_peak_bytes
from tests.evaluation.coco_cases import drawn_case, judged_by_pycocotools

OURS, OF_DICTS, PYCOCOTOOLS = "ours", "ours, of dicts", "pycocotools"


def write_case(folder: pathlib.Path, num_images: int) -> int:
    """Draws truths and detections into two files; how many detections."""
    ground_truth, rows = drawn_case(num_images, num_classes=80, seed=0)
    found = Results.of(rows)
    (folder / "truths.json").write_text(json.dumps(ground_truth))
    ids = {"image_ids": found.image_ids.astype(np.int64), "category_ids": found.category_ids.astype(np.int64)}
    np.savez(folder / "results.npz", **ids, boxes=found.boxes, scores=found.scores)
    return len(rows)


def read_case(folder: pathlib.Path) -> tuple[dict, Results]:
    with np.load(folder / "results.npz") as arrays:
        results = Results(**arrays)
    return json.loads((folder / "truths.json").read_text()), results


def run(name: str, folder: pathlib.Path) -> tuple[float, float, list[float]]:
    """Seconds, megabytes, and the 12 numbers."""
    ground_truth, results = read_case(folder)
    given = results if name == OURS else list(results)
    before, start = host_peak_bytes(), time.perf_counter()
    if name == PYCOCOTOOLS:
        numbers = judged_by_pycocotools(ground_truth, given).stats.tolist()
    else:
        numbers = list(coco_metrics(ground_truth, given).summary.values())
    return time.perf_counter() - start, (host_peak_bytes() - before) / 1e6, numbers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    found: dict[str, list[tuple[float, float, list[float]]]] = {OURS: [], OF_DICTS: [], PYCOCOTOOLS: []}
    with tempfile.TemporaryDirectory() as name:
        count = write_case(pathlib.Path(name), options.images)
        for _ in range(options.runs):
            for side, runs in found.items():
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    runs.append(pool.apply(run, (side, pathlib.Path(name))))
    same = "equal" if found[OURS][0][2] == found[PYCOCOTOOLS][0][2] else "NOT equal"
    print(f"{options.images} images, {count} detections; the 12 numbers are {same}")
    print(f"{'':<14} {'seconds':>8} {'least':>8} {'most':>8} {'MB':>8}")
    for side, runs in found.items():
        seconds, megabytes = [run[0] for run in runs], [run[1] for run in runs]
        row = (statistics.median(seconds), min(seconds), max(seconds), statistics.median(megabytes))
        print(f"{side:<14} " + " ".join(f"{value:8.2f}" for value in row))
    ratios = [statistics.median(run[k] for run in found[PYCOCOTOOLS]) for k in (0, 1)]
    ratios = [ratio / statistics.median(run[k] for run in found[OURS]) for k, ratio in enumerate(ratios)]
    print(f"pycocotools takes {ratios[0]:.1f} times as long, and {ratios[1]:.1f} times the memory")


if __name__ == "__main__":
    main()
