# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What things cost as they grow: training by batch, matching by boxes, detection by candidates, evaluation by images,
preparation by images, memory by annotations, the input pipeline by threads.

python benchmarks/growth.py [--only=training,matching,...] [--detector=ssd128_tiny]

Each line is of a process of its own: milliseconds or seconds, the same for one piece, and the memory that the process
needed at its peak beyond what it had before. A cost for one piece that rises is growth beyond the work.
"""

import argparse
import concurrent.futures
import multiprocessing
import os
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TQDM_DISABLE", "1")
sys.path[:0] = [str(pathlib.Path(__file__).parent.parent), str(pathlib.Path(__file__).parent)]

SSD = "ssd300_resnet34"
# Calls that are not counted, since they compile, and calls that are.
WARM_UP, TIMED = 2, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(SIZES))
    parser.add_argument("--detector", default="ssd128_tiny", help="of training and the input pipeline")
    options = parser.parse_args()
    print("| what | size | time | for one | peak MB |\n|---|---|---|---|---|")
    for name in options.only.split(","):
        what, unit, sizes = SIZES[name]
        for size in sizes:
            seconds, pieces, megabytes = in_process(globals()[name], size, options.detector)
            time_of = f"{seconds:.1f} s" if seconds >= 1 else f"{1e3 * seconds:.1f} ms"
            one = f"{1e3 * seconds / pieces:.3g} ms"
            print(f"| {what} | {size:,} {unit} | {time_of} | {one} | {megabytes:.0f} |", flush=True)


# By the name of their function: what is measured, what is counted, and the sizes.
SIZES = {
    "training": ("training step, for an image", "images in a batch", (1, 2, 4, 8, 16, 32)),
    "matching": (f"matching of 8 images, {SSD}, for an image", "boxes an image", (1, 10, 50, 200)),
    "detection": (f"detection, {SSD}, 80 classes", "anchors over the threshold", (0, 10, 100, 1000, 8732)),
    "evaluation": ("COCO's numbers, for an image", "images", (1000, 5000, 20_000)),
    "preparation": ("preparation of 64 x 64 images, for an image", "images", (10_000, 100_000)),
    "annotations": ("reading a COCO file, for an annotation", "annotations", (10_000, 100_000, 860_001)),
    "pipeline": ("input pipeline, 640 x 480, for an image", "threads", (1, 2, 4)),
}


def in_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function returns in a new process."""
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()


def timed(call: Callable[[], object]) -> float:
    """The median time of a call, after some that are not counted."""
    seconds = []
    for _ in range(WARM_UP + TIMED):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[WARM_UP:])


def once(call: Callable[[], object]) -> tuple[float, float]:
    """The time of a single call, and by how many megabytes it raised the peak of the process."""
    from ssd_tf.utils.hardware import host_peak_bytes

    before, start = host_peak_bytes(), time.perf_counter()
    call()
    return time.perf_counter() - start, (host_peak_bytes() - before) / 1e6


def training(batch_size: int, detector: str) -> tuple[float, int, float]:
    import speed
    import tensorflow as tf

    from ssd_tf import specs
    from ssd_tf.models.ssd import build_model
    from ssd_tf.settings import AugmentConfig
    from ssd_tf.training.optimizer import SGD
    from ssd_tf.training.step import make_train_step
    from ssd_tf.utils.hardware import host_peak_bytes

    spec = specs.spec(detector)
    model = build_model(spec, speed.CLASSES)
    step = make_train_step(spec, model, SGD(momentum=0.9, weight_decay=5e-4), AugmentConfig(), batch_size)
    batch, rate = speed.random_batch(spec, batch_size), tf.constant(1e-4)
    before = host_peak_bytes()
    seconds = timed(lambda: step(batch, rate).numpy())
    return seconds, batch_size, (host_peak_bytes() - before) / 1e6


def matching(boxes: int, _: str) -> tuple[float, int, float]:
    import numpy as np

    import ssd_tf
    from ssd_tf.utils.hardware import host_peak_bytes

    rng = np.random.default_rng(0)
    low = rng.uniform(0, 0.6, (8, boxes, 2)).astype(np.float32)
    gt_boxes = np.concatenate([low, low + rng.uniform(0.05, 0.4, low.shape).astype(np.float32)], -1)
    gt_classes = rng.integers(1, 81, (8, boxes)).astype(np.int32)
    ssd_tf.match(SSD, gt_boxes[:, :1], gt_classes[:, :1])  # imports TensorFlow
    before = host_peak_bytes()
    return timed(lambda: ssd_tf.match(SSD, gt_boxes, gt_classes)[1].numpy()), 8, (host_peak_bytes() - before) / 1e6


def detection(candidates: int, _: str) -> tuple[float, int, float]:
    """The anchors over the threshold are of random classes, with random boxes: most overlap little."""
    import numpy as np
    import tensorflow as tf

    import ssd_tf
    from ssd_tf.utils.hardware import host_peak_bytes

    rng = np.random.default_rng(0)
    anchors = ssd_tf.spec(SSD).num_anchors
    logits = rng.normal(0, 0.1, (1, anchors, 81)).astype(np.float32)
    logits[..., 0] = 12.0
    some = rng.choice(anchors, candidates, replace=False)
    logits[0, some, rng.integers(1, 81, candidates)] = rng.uniform(12, 16, candidates)
    offsets = tf.constant(rng.normal(0, 1, (1, anchors, 4)).astype(np.float32))
    logits, before = tf.constant(logits), host_peak_bytes()
    return timed(lambda: ssd_tf.detect(SSD, offsets, logits).count.numpy()), 1, (host_peak_bytes() - before) / 1e6


def evaluation(images: int, _: str) -> tuple[float, int, float]:
    import evaluation as coco

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        in_process(coco.write_case, folder, images)  # takes more memory than what is measured
        seconds, megabytes, _ = coco.run(coco.OURS, folder)
    return seconds, images, megabytes


def preparation(images: int, _: str) -> tuple[float, int, float]:
    import dataclasses

    from ssd_tf.data.formats.coco import read_coco
    from ssd_tf.data.formats.shapes import draw_shapes
    from ssd_tf.data.preparation.prepare import prepare

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        dataset = read_coco(draw_shapes(folder / "drawn", 100, image_size=(64, 64)), folder / "drawn" / "images")
        dataset = dataclasses.replace(dataset, images=dataset.images * (images // 100))
        seconds, megabytes = once(lambda: prepare(dataset, folder / "data", "train", {}))
    return seconds, images, megabytes


def annotations(count: int, _: str) -> tuple[float, int, float]:
    import preparation as scale

    from ssd_tf.data.formats.coco import read_coco

    scale.IMAGES, scale.ANNOTATIONS = count // 7, count  # as many in an image as in COCO
    with tempfile.TemporaryDirectory() as name:
        path = pathlib.Path(name) / "annotations.json"
        scale.write_annotations(path)
        seconds, megabytes = once(lambda: read_coco(path, name))
    return seconds, count, megabytes


def pipeline(threads: int, detector: str) -> tuple[float, int, float]:
    import speed

    from ssd_tf import specs
    from ssd_tf.utils.hardware import host_peak_bytes

    os.cpu_count = lambda: threads  # what the pipeline takes its threads by
    with tempfile.TemporaryDirectory() as name:
        batches = iter(speed.drawn_batches(pathlib.Path(name), specs.spec(detector), 8))
        before = host_peak_bytes()
        seconds = timed(lambda: [next(batches) for _ in range(10)])
    return seconds, 80, (host_peak_bytes() - before) / 1e6


if __name__ == "__main__":
    main()
