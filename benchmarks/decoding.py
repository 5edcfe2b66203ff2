# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Milliseconds from offsets and logits to detections, of one image with few and with very many candidates.

python benchmarks/decoding.py [--detector=ssd300_resnet34] [--runs=15]

Few: eight objects before background, as a trained model answers; many: random logits, of which most classes have more
candidates than are looked at. By XLA (`ssd_tf.detect`), in a graph without XLA (a SavedModel), and by NumPy (LiteRT and
ONNX files). Median, fastest and slowest run, the six cases in turn.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

import ssd_tf
from ssd_tf.export.litert_detect import decode

CLASSES = 80
OBJECTS, ANCHORS_OF_OBJECT = 8, 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detector", default="ssd300_resnet34")
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    spec = ssd_tf.spec(options.detector)
    anchors = ssd_tf.default_boxes(spec)
    how = spec.detection
    works = {}
    for name, (offsets, logits) in {"few": few(spec.num_anchors), "many": many(spec.num_anchors)}.items():
        given = (tf.constant(offsets[None]), tf.constant(logits[None]))
        plain = tf.function(lambda o, x: ssd_tf.detect(spec, o, x, jit_compile=False).count)
        settings = (spec.variances, how.score_threshold, how.iou_threshold, how.max_detections)
        works[f"{name}, XLA"] = lambda given=given: ssd_tf.detect(spec, *given).count.numpy()
        works[f"{name}, without XLA"] = lambda given=given, plain=plain: plain(*given).numpy()
        works[f"{name}, NumPy"] = lambda o=offsets, x=logits, s=settings: decode(o, x, anchors, *s)
    times: dict[str, list[float]] = {name: [] for name in works}
    for run in range(options.runs + 2):  # the first two are for compiling
        for name, work in works.items():
            start = time.perf_counter()
            work()
            if run > 1:
                times[name].append(1e3 * (time.perf_counter() - start))
    print(f"{'milliseconds':<18} {'median':>8} {'fastest':>8} {'slowest':>8}")
    for name, values in times.items():
        print(f"{name:<18} {statistics.median(values):8.2f} {min(values):8.2f} {max(values):8.2f}")


def few(num_anchors: int) -> tuple[np.ndarray, np.ndarray]:
    """Offsets [A, 4] and logits [A, C + 1]."""
    rng = np.random.default_rng(0)
    offsets, logits = rng.normal(0, 0.5, (num_anchors, 4)), rng.normal(0, 1, (num_anchors, CLASSES + 1))
    logits[:, 0] += 9
    for _ in range(OBJECTS):
        start = rng.integers(0, num_anchors - ANCHORS_OF_OBJECT)
        logits[start : start + ANCHORS_OF_OBJECT, rng.integers(1, CLASSES + 1)] += rng.uniform(7, 12, ANCHORS_OF_OBJECT)
    return offsets.astype(np.float32), logits.astype(np.float32)


def many(num_anchors: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    offsets, logits = rng.normal(0, 1, (num_anchors, 4)), rng.normal(0, 2, (num_anchors, CLASSES + 1))
    return offsets.astype(np.float32), logits.astype(np.float32)


if __name__ == "__main__":
    main()
