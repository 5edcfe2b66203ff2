# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Seconds and memory of COCO's numbers on drawn detections: ours, and pycocotools, each run in a process of its own.

python benchmarks/evaluation.py [--images=5000] [--runs=3]

Ours is all of `coco_metrics`: the 12 numbers, each class's AP, what became of each detection and each truth. Of
pycocotools it is loading, evaluate, accumulate and summarize. Detections and truths are in memory in both, as dicts;
the memory is what the process needs beyond them at its peak.
"""

import argparse
import multiprocessing
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from ssd_tf.evaluation.coco_metrics import coco_metrics
from ssd_tf.utils.hardware import host_peak_bytes
from tests.evaluation.coco_cases import drawn_case, judged_by_pycocotools


def ours(case) -> list[float]:
    return list(coco_metrics(*case).summary.values())


def pycocotools(case) -> list[float]:
    return judged_by_pycocotools(*case).stats.tolist()


def run(name: str, num_images: int) -> tuple[float, float, int, list[float]]:
    """Seconds, megabytes, detections, and the 12 numbers."""
    case = drawn_case(num_images, num_classes=80, seed=0)
    before = host_peak_bytes()
    start = time.perf_counter()
    numbers = globals()[name](case)
    return time.perf_counter() - start, (host_peak_bytes() - before) / 1e6, len(case[1]), numbers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    found = {"ours": [], "pycocotools": []}
    for _ in range(options.runs):
        for name, runs in found.items():
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                runs.append(pool.apply(run, (name, options.images)))
    same = "equal" if found["ours"][0][3] == found["pycocotools"][0][3] else "NOT equal"
    print(f"{options.images} images, {found['ours'][0][2]} detections; the 12 numbers are {same}")
    print(f"{'':<12} {'seconds':>8} {'least':>8} {'most':>8} {'MB':>8}")
    for name, runs in found.items():
        seconds, megabytes = [run[0] for run in runs], [run[1] for run in runs]
        row = (statistics.median(seconds), min(seconds), max(seconds), statistics.median(megabytes))
        print(f"{name:<12} " + " ".join(f"{value:8.2f}" for value in row))
    ratios = [statistics.median(run[k] for run in found["pycocotools"]) for k in (0, 1)]
    ratios = [ratio / statistics.median(run[k] for run in found["ours"]) for k, ratio in enumerate(ratios)]
    print(f"pycocotools takes {ratios[0]:.1f} times as long, and {ratios[1]:.1f} times the memory")


if __name__ == "__main__":
    main()
