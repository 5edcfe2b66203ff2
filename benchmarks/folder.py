# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Images per second of predict.py on a folder, beside what the model alone does on images that are ready.

python benchmarks/folder.py [--images=FOLDER] [--num_images=200] [--detector=ssd300_resnet34] [--precision=bfloat16]

A run is the model on all batches, then the folder: read, decoded, resized, detected, drawn and written as JPEG. The
weights are random; what is found costs next to nothing to draw. Prints the median of the runs, slowest and fastest.
"""

import argparse
import itertools
import os
import pathlib
import statistics
import tempfile
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from ssd_tf import specs
from ssd_tf.data.annotations import Category
from ssd_tf.data.formats.shapes import draw_shapes
from ssd_tf.inference.files import predict_images
from ssd_tf.inference.predictor import Predictor
from ssd_tf.media.inputs import find_images
from ssd_tf.models.ssd import build_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", default="", help="a folder; drawn images of 640x480 where it is not given")
    parser.add_argument("--num_images", type=int, default=200)
    parser.add_argument("--detector", default="ssd300_resnet34")
    parser.add_argument("--precision", default="bfloat16", choices=["float32", "bfloat16"])
    parser.add_argument("--batch_size", type=int, default=8)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    if options.precision == "bfloat16":
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    spec = specs.spec(options.detector)
    classes = tuple(Category(k, f"class {k}") for k in range(1, 81))
    predictor = Predictor(spec, classes, build_model(spec, len(classes)), frozen=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if not options.images:
            draw_shapes(folder / "drawn", options.num_images, image_size=(640, 480))
        found = find_images(options.images or str(folder / "drawn" / "images"))
        files = list(itertools.islice(itertools.cycle(found), options.num_images))
        ready = tf.zeros([options.batch_size, spec.image_size, spec.image_size, 3], tf.uint8)

        def model_alone() -> None:
            for _ in range(-(-len(files) // options.batch_size)):
                np.asarray(predictor(ready).count)

        def whole_folder() -> None:
            predict_images(predictor, files, folder / "out", 0.5, options.batch_size)

        works: dict[str, Callable[[], None]] = {"model alone": model_alone, "folder": whole_folder}
        for work in works.values():
            work()
        speeds: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(options.runs):
            for name, work in works.items():
                start = time.perf_counter()
                work()
                speeds[name].append(len(files) / (time.perf_counter() - start))
    print(f"{options.detector}, {options.precision}, batches of {options.batch_size}, {len(files)} images")
    print(f"{'images/s':<14} {'median':>8} {'slowest':>8} {'fastest':>8}")
    for name, values in speeds.items():
        print(f"{name:<14} {statistics.median(values):8.1f} {min(values):8.1f} {max(values):8.1f}")
    ratio = statistics.median(speeds["folder"]) / statistics.median(speeds["model alone"])
    print(f"folder / model alone: {ratio:.2f}")


if __name__ == "__main__":
    main()
