# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Images per second of predict.py on a folder, beside what the model alone does on images that are ready.

python benchmarks/folder.py [--images=FOLDER] [--num_images=200] [--detector=ssd300_resnet34] [--precision=bfloat16]

A run is the model on all batches, then the folder: read, decoded, resized, detected, drawn and written as JPEG. The
weights are drawn so that an image has some hundred candidates, as of a trained net; the eight best are kept, about as
many as a photo of COCO's has. Prints the median of the runs, slowest and fastest.
"""

import argparse
import dataclasses
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
from peers.inputs import CLASSES, drawn_model

from ssd_tf import specs
from ssd_tf.data.annotations import Category
from ssd_tf.data.formats.shapes import draw_shapes
from ssd_tf.data.image_files import read_image
from ssd_tf.data.images import resize
from ssd_tf.inference.files import predict_images
from ssd_tf.inference.predictor import Predictor
from ssd_tf.media.inputs import find_images
from ssd_tf.models.preprocessing import preprocess

# Of an image: how many are kept, and from which score on.
OBJECTS, THRESHOLD = 8, 0.05


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
    spec = dataclasses.replace(spec, detection=dataclasses.replace(spec.detection, max_detections=OBJECTS))
    classes = tuple(Category(k, f"class {k}") for k in range(1, CLASSES + 1))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if not options.images:
            draw_shapes(folder / "drawn", options.num_images, image_size=(640, 480))
        found = find_images(options.images or str(folder / "drawn" / "images"))
        files = list(itertools.islice(itertools.cycle(found), options.num_images))
        some = [read_image(file) for file in files[: options.batch_size]]
        ready = np.stack([resize(image, spec.image_size).numpy() for image in some])
        predictor = Predictor(spec, classes, drawn_model(spec, preprocess(ready, spec)), frozen=True)

        def model_alone() -> None:
            for _ in range(-(-len(files) // options.batch_size)):
                np.asarray(predictor(ready, THRESHOLD).count)

        def whole_folder() -> int:
            return predict_images(predictor, files, folder / "out", THRESHOLD, options.batch_size).detections

        works: dict[str, Callable[[], int | None]] = {"model alone": model_alone, "folder": whole_folder}
        model_alone()
        objects = whole_folder() / len(files)
        if objects < OBJECTS / 2:
            raise SystemExit(f"expected about {OBJECTS} objects in an image. Found: {objects:.1f}")
        speeds: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(options.runs):
            for name, work in works.items():
                start = time.perf_counter()
                work()
                speeds[name].append(len(files) / (time.perf_counter() - start))
    images = f"{len(files)} images of {objects:.1f} objects"
    print(f"{options.detector}, {options.precision}, batches of {options.batch_size}, {images}")
    print(f"{'images/s':<14} {'median':>8} {'slowest':>8} {'fastest':>8}")
    for name, values in speeds.items():
        print(f"{name:<14} {statistics.median(values):8.1f} {min(values):8.1f} {max(values):8.1f}")
    ratio = statistics.median(speeds["folder"]) / statistics.median(speeds["model alone"])
    print(f"folder / model alone: {ratio:.2f}")


if __name__ == "__main__":
    main()
