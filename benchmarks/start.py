# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Seconds from a command to its answer: help, a mistake in a flag, and the objects of one image by a model's form.

python benchmarks/start.py [--models a.tflite a.onnx runs/mine] [--runs=5]

Each run is a process of its own, as a user starts it. Without models, an ssdlite320_mobilenet_v2 with random weights is
exported to LiteRT and ONNX. With a LiteRT file `stream` runs too, without a window: it writes a video of that one
image. Prints the median of the runs, fastest and slowest.
"""

import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import PIL.Image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="*", default=[], type=pathlib.Path)
    parser.add_argument("--runs", default=5, type=int)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        image, found = pathlib.Path(name) / "image.png", pathlib.Path(name) / "found"
        models = options.models or exported(pathlib.Path(name))
        lite = [model for model in models if model.suffix == ".tflite"]
        PIL.Image.effect_mandelbrot((640, 480), (-2, -1, 1, 1), 50).convert("RGB").save(image)
        flags = [f"--input={image}", f"--output_dir={found}"]
        streamed = ["--headless", f"--source={image}", f"--output={found.with_suffix('.mp4')}"]
        cases = {
            "train --help": (["train", "--help"], 0),
            "prepare, no --annotations": (["prepare", "--output_dir=x", "--split=val"], 1),
            "evaluate --model alone": (["evaluate", "--model=x"], 1),
            "train, a flag that there is not": (["train", "--modeldir=x"], 1),
            **{f"predict {model.name}": (["predict", f"--model={model}", *flags], 0) for model in models},
            **{f"stream {model.name}": (["stream", f"--model={model}", *streamed], 0) for model in lite},
        }
        print(f"{'':<32} {'median':>8} {'least':>8} {'most':>8}  seconds")
        for title, (arguments, status) in cases.items():
            seconds = [run(arguments, status) for _ in range(options.runs)]
            row = (statistics.median(seconds), min(seconds), max(seconds))
            print(f"{title:<32} " + " ".join(f"{value:8.2f}" for value in row))


def exported(folder: pathlib.Path) -> list[pathlib.Path]:
    import ssd_tf  # not above: what is measured imports no TensorFlow

    detector = ssd_tf.Detector("ssdlite320_mobilenet_v2", ["cat", "dog"])
    return [pathlib.Path(detector.export(folder / file)) for file in ("model.tflite", "model.onnx")]


def run(arguments: list[str], status: int) -> float:
    command = [sys.executable, "-m", "ssd_tf", *arguments]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != status:
        sys.exit(f"{' '.join(command)}: expected exit status {status}. Received: {done.returncode}\n{done.stderr}")
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
