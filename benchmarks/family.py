# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Every detector: trained for some steps on real images, exported to each form, compared, measured.

python benchmarks/family.py --data=FOLDER [--detectors=NAME ...] [--steps=100] [--batch_size=2] [--output=runs/family]

FOLDER holds annotations/instances_{train,val}2017.json, train2017/ and val2017/ (COCO 2017, or some of it). A detector
that OUTPUT has already is not trained and exported again, so that a second call measures all in one run. Prints two
tables: what came of training and exports, and what each detector costs. Ends with status 1 where a loss did not fall,
or a float32 form found other objects than the checkpoint.
"""

import argparse
import gc
import json
import math
import pathlib
import shutil
import statistics
import sys
import time

import keras
import numpy as np

from ssd_tf import specs
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.manifest import Manifest, load_manifest
from ssd_tf.data.pipeline import images
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.export.description import describe
from ssd_tf.export.forms import export_forms
from ssd_tf.inference.load import load_predictor
from ssd_tf.inference.predictor import load_model
from ssd_tf.performance.comparison import Row, compare
from ssd_tf.settings import train_config
from ssd_tf.specs import DETECTORS, DetectorSpec
from ssd_tf.training.loop import train
from ssd_tf.utils.hardware import cpu_name

FORMS = ("saved_model", "litert_float32", "litert_int8", "onnx")
# Of the first and of the last steps, whose mean losses are compared.
WINDOW = 20
# A fraction of the detections: those near the threshold, or two of equal score, may change places.
SAME = 0.98
WARM_UP, TIMED = 3, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--detectors", nargs="+", default=list(DETECTORS), choices=list(DETECTORS))
    parser.add_argument("--steps", default=100, type=int)
    parser.add_argument("--batch_size", default=2, type=int)
    parser.add_argument("--images", default=16, type=int, help="of val, for the comparison")
    parser.add_argument("--output", default=pathlib.Path("runs/family"), type=pathlib.Path)
    options = parser.parse_args()
    data = options.output / "data"
    for split, most in (("train", 0), ("val", options.images)):
        prepare_split(options.data, data, split, most)
    manifest = load_manifest(data, "val")
    made, cost, failed = [], [], []
    for name in options.detectors:
        spec, folder = specs.spec(name), options.output / name
        if not (folder / "done").exists():
            make(spec, folder, data, options)
        first, last = losses(folder / "run")
        rows = compare({"checkpoint": str(folder / "run"), **forms(folder)}, data, manifest, spec).rows
        made.append(made_row(name, first, last, rows))
        cost.append(cost_row(spec, folder, rows, data, manifest))
        same = all(row.partners >= SAME for row in rows if row.name != "litert_int8")
        if not (last < first and same):
            failed.append(name)
        print(made[-1], cost[-1], sep="\n", flush=True)
    print(f"\n{options.steps} steps of {options.batch_size} images; forms compared on {manifest.num_images} images")
    print(table(("detector", "loss at first", "at last", *(f"same in {form}" for form in FORMS)), made))
    print(f"\n{cpu_name()}, milliseconds an image: median of {manifest.num_images}, of bfloat16 of {TIMED}")
    columns = ("input", "anchors", "parameters", "GMACs", "float32", "bfloat16", "LiteRT float32", "LiteRT int8")
    print(table(("detector", *columns, "int8 MB"), cost))
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def prepare_split(source: pathlib.Path, data: pathlib.Path, split: str, most: int) -> None:
    if (data / f"{split}.json").exists():
        return
    dataset = read_coco(source / "annotations" / f"instances_{split}2017.json", source / f"{split}2017")
    prepare(dataset, data, split, source={"format": "coco", "annotations": str(source)}, limit=most)


def make(spec: DetectorSpec, folder: pathlib.Path, data: pathlib.Path, options: argparse.Namespace) -> None:
    """Trains a detector and writes its forms; takes minutes."""
    shutil.rmtree(folder, ignore_errors=True)
    start = time.perf_counter()
    outcome = train(
        train_config(
            detector=spec.name,
            data_dir=str(data),
            model_dir=str(folder / "run"),
            steps=options.steps,
            epochs=0,
            batch_size=options.batch_size,
            # Low enough for VGG-16 from random weights, without batch normalisation.
            learning_rate=1e-3,
            lr_warmup_steps=20,
            clip_gradient_norm=10.0,
            eval_every_epochs=0,
            precision="float32",
            log_every_steps=1,
        )
    )
    if outcome.interrupted:
        sys.exit(f"{spec.name}: interrupted at step {outcome.step}")
    info, model = load_model(folder / "run")
    calibration = images(data, load_manifest(data, "train"), spec, 32)
    (folder / "forms").mkdir()
    export_forms(describe(info), model, folder / "forms", FORMS, calibration)
    (folder / "done").touch()
    print(f"{spec.name}: trained and exported in {(time.perf_counter() - start) / 60:.1f} minutes", flush=True)


def forms(folder: pathlib.Path) -> dict[str, str]:
    """Paths by name, as `export_forms` has written them."""
    (version,) = (folder / "forms" / "saved_model").iterdir()
    litert = {name: str(folder / "forms" / f"{name}.tflite") for name in ("litert_float32", "litert_int8")}
    return {"saved_model": str(version), **litert, "onnx": str(folder / "forms" / "onnx.onnx")}


def losses(run: pathlib.Path) -> tuple[float, float]:
    """The mean of the first and of the last steps."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    found = [line["loss"] for line in lines if "loss" in line]
    return statistics.mean(found[:WINDOW]), statistics.mean(found[-WINDOW:])


def made_row(name: str, first: float, last: float, rows: list[Row]) -> tuple[str, ...]:
    return (f"`{name}`", f"{first:.2f}", f"{last:.2f}", *(f"{100 * row.partners:.1f} %" for row in rows[1:]))


def cost_row(
    spec: DetectorSpec, folder: pathlib.Path, rows: list[Row], data: pathlib.Path, manifest: Manifest
) -> tuple[str, ...]:
    by_name = {row.name: row for row in rows}
    milliseconds = bfloat16_ms(folder / "run", images(data, manifest, spec, TIMED))
    _, model = load_model(folder / "run")
    int8 = by_name["litert_int8"]
    values = (
        f"{spec.image_size}",
        f"{spec.num_anchors:,}",
        f"{sum(math.prod(weight.shape) for weight in model.trainable_weights):,}",
        f"{multiplications(model) / 1e9:.2f}",
        f"{by_name['checkpoint'].p50_ms:.0f}",
        f"{milliseconds:.0f}",
        f"{by_name['litert_float32'].p50_ms:.0f}",
        f"{int8.p50_ms:.0f}",
        f"{int8.file_mb:.1f}",
    )
    keras.backend.clear_session()
    gc.collect()
    return (f"`{spec.name}`", *values)


def bfloat16_ms(run: pathlib.Path, shown: list[np.ndarray]) -> float:
    """The median time of an image, from pixels to detections, where the checkpoint computes in bfloat16."""
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    predictor = load_predictor(run)
    keras.mixed_precision.set_global_policy("float32")
    seconds = []
    for image in (shown[:1] * WARM_UP) + shown:
        start = time.perf_counter()
        np.asarray(predictor(image[None]).count)
        seconds.append(time.perf_counter() - start)
    return 1e3 * statistics.median(seconds[WARM_UP:])


def multiplications(model: keras.Model) -> int:
    """Multiply-adds of the convolutions for one image; all else is little beside them."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
            _, height, width, channels = layer.output.shape
            rows, columns, into = layer.kernel.shape[:3]
            # Of a depthwise kernel each channel sees itself alone.
            inputs = 1 if isinstance(layer, keras.layers.DepthwiseConv2D) else into
            total += height * width * channels * rows * columns * inputs
    return total


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
