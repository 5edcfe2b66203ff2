# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Images per second: training steps in float32 and bfloat16, prediction, and the input pipeline on synthetic images;
and how long a device waits for the host in each step (host_time.py).

python benchmarks/speed.py [--detector=ssd300_resnet34] [--batch_size=8] [--runs=5] [--annotations=FILE --images=FOLDER]

The input pipeline reads drawn shapes of 640 x 480, or the COCO images that are given; beside it is what decoding their
files alone takes. "predict" is of a loaded model, "evaluate" of one whose weights change, as in the training loop.
Prints the median of the runs after one warm-up, and the slowest and fastest run.
"""

import argparse
import os
import pathlib
import statistics
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import host_time
import keras
import numpy as np
import tensorflow as tf

from ssd_tf import specs
from ssd_tf.data.annotations import AnnotatedDataset
from ssd_tf.data.color_jitter import Jitter
from ssd_tf.data.examples import TrainBatch
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.formats.shapes import draw_shapes
from ssd_tf.data.pipeline import train_dataset
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.data.records import parse
from ssd_tf.inference.predictor import Predictor
from ssd_tf.models.ssd import build_model
from ssd_tf.settings import AugmentConfig
from ssd_tf.specs import DETECTORS, DetectorSpec
from ssd_tf.training.optimizer import SGD
from ssd_tf.training.precision import choose_jit_compile
from ssd_tf.training.step import make_train_step

CLASSES = 80
BOXES = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detector", default="ssd300_resnet34", choices=list(DETECTORS))
    parser.add_argument("--batch_size", default=8, type=int)
    parser.add_argument("--runs", default=5, type=int)
    parser.add_argument("--jit_compile", default="auto", choices=["auto", "on", "off"], help="as of train")
    parser.add_argument("--annotations", default="")
    parser.add_argument("--images", default="")
    options = parser.parse_args()
    spec = specs.spec(options.detector)
    print(f"{spec.name}, batch {options.batch_size}, {os.cpu_count()} CPU cores, GPUs: {_gpus()}")
    print(f"{'what':<22} {'median':>8} {'slowest':>8} {'fastest':>8}  images/s")
    batch = random_batch(spec, options.batch_size)
    jit_compile = choose_jit_compile(options.jit_compile, bool(tf.config.list_physical_devices("GPU")), False)
    for policy in ("float32", "mixed_bfloat16"):
        keras.mixed_precision.set_global_policy(policy)
        model = build_model(spec, CLASSES)
        optimizer = SGD(momentum=0.9, weight_decay=5e-4)
        step = make_train_step(spec, model, optimizer, AugmentConfig(), options.batch_size, jit_compile=jit_compile)
        rate = tf.constant(1e-4)
        measure(f"train {policy}", lambda step=step, rate=rate: step(batch, rate).numpy(), options)
        for name, frozen in (("predict", True), ("evaluate", False)):  # in the loop, where weights change
            predictor = Predictor(spec, (), model, frozen=frozen)
            measure(f"{name} {policy}", lambda predict=predictor: predict(batch.images).count.numpy(), options)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if options.annotations:
            batches = prepared_batches(read_coco(options.annotations, options.images), folder, spec, options.batch_size)
        else:
            batches = drawn_batches(folder, spec, options.batch_size)
        for what, dataset in (
            ("input pipeline", batches),
            ("decoding JPEG alone", decoded(folder, options.batch_size)),
        ):
            images = iter(dataset)
            measure(what, lambda images=images: next(images), options, repeat=20)
    host_time.report(options.runs)


def measure(what: str, call, options, repeat: int = 1) -> None:
    """Prints images/s of `call`, which handles a batch; each run calls it `repeat` times."""
    call()
    speeds = []
    for _ in range(options.runs):
        start = time.perf_counter()
        for _ in range(repeat):
            call()
        speeds.append(repeat * options.batch_size / (time.perf_counter() - start))
    print(f"{what:<22} {statistics.median(speeds):8.1f} {min(speeds):8.1f} {max(speeds):8.1f}")


def random_batch(spec: DetectorSpec, batch_size: int) -> TrainBatch:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0.0, 0.6, (batch_size, BOXES, 2))
    sizes = rng.uniform(0.05, 0.4, (batch_size, BOXES, 2))
    return TrainBatch(
        images=tf.constant(rng.integers(0, 256, (batch_size, spec.image_size, spec.image_size, 3)), tf.uint8),
        boxes=tf.constant(np.concatenate([corners, corners + sizes], -1), tf.float32),
        classes=tf.constant(rng.integers(1, CLASSES + 1, (batch_size, BOXES)), tf.int32),
        flip=tf.constant(rng.uniform(size=batch_size) < 0.5),
        jitter=Jitter(tf.constant(rng.permuted(np.tile(np.arange(4), (batch_size, 1)), axis=1), tf.int32),
                      tf.constant(np.tile([1.1, 0.9, 1.2, 0.02], (batch_size, 1)), tf.float32)),
        record=tf.range(batch_size, dtype=tf.int64),
        fault=tf.zeros([batch_size], tf.int32),
    )  # fmt: skip


def drawn_batches(folder: pathlib.Path, spec: DetectorSpec, batch_size: int) -> tf.data.Dataset:
    """Training batches of 640x480 JPEGs, COCO's usual size."""
    annotations = draw_shapes(folder, num_images=64, image_size=(640, 480))
    return prepared_batches(read_coco(annotations, folder / "images"), folder, spec, batch_size)


def prepared_batches(
    images: AnnotatedDataset, folder: pathlib.Path, spec: DetectorSpec, batch_size: int
) -> tf.data.Dataset:
    """Training batches of annotated images, whose shards are then in folder/data."""
    manifest = prepare(images, folder / "data", "train", source={})
    return train_dataset(folder / "data", manifest, spec, batch_size, seed=0, augment=AugmentConfig())


def decoded(folder: pathlib.Path, batch_size: int) -> tf.data.Dataset:
    """The JPEG files of the same shards, over and over: decoded, and nothing else."""
    shards = [str(path) for path in sorted((folder / "data").glob("*.tfrecord*"))]
    files = tf.data.TFRecordDataset(shards).map(lambda record: parse(record).encoded).cache().repeat()
    pixels = files.map(lambda file: tf.reduce_max(tf.io.decode_jpeg(file)), os.cpu_count(), deterministic=False)
    return pixels.batch(batch_size).prefetch(2)


def _gpus() -> str:
    return ", ".join(gpu.name for gpu in tf.config.list_physical_devices("GPU")) or "none"


if __name__ == "__main__":
    main()
