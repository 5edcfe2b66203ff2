# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What the scripts of this folder share: drawn data, runs of train.py, what a run left, and the table at the end."""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

ROOT = pathlib.Path(__file__).parent.parent.parent
TRAIN = ("--detector=ssd128_tiny", "--batch_size=8", "--precision=float32", "--log_every_steps=1")
SAVING = (*TRAIN, "--checkpoint_every_steps=3", "--eval_every_epochs=1")
# A run that makes no progress for so long hangs; starting one takes ten seconds on two cores.
PATIENCE_S = 300


class Row(NamedTuple):
    """One fault that was tried: what, how, what came of it, and whether that is what should."""

    fault: str
    tried: str
    outcome: str
    good: bool = True


def main(rows: Callable[[pathlib.Path], list[Row]], doc: str) -> None:
    """Runs one script: its faults on fresh data, then the table. Exits with status 1 where one did not behave."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", default=ROOT / "runs" / "faults", type=pathlib.Path, help="Emptied first.")
    output = parser.parse_args().output.resolve()
    shutil.rmtree(output, ignore_errors=True)
    prepare(output)
    finish(rows(output))


def finish(rows: list[Row]) -> None:
    """Prints the table and exits."""
    print_table(rows)
    sys.exit(0 if all(row.good for row in rows) else 1)


def print_table(rows: list[Row]) -> None:
    """In Markdown."""
    print("\n| fault | try | outcome |\n|---|---|---|")
    for row in rows:
        print(f"| {row.fault} | {row.tried} | {'' if row.good else '**wrong:** '}{row.outcome} |", flush=True)


def prepare(folder: pathlib.Path, images: int = 48, evaluated: int = 16) -> None:
    """FOLDER/data: synthetic images as split train, the first of them as val too; two shards of 0.5 MB, 6 steps an
    epoch.

    The images are of 320x240, so that a shard is much longer than the beginning that the manifest has a hash of.
    """
    shapes = folder / "shapes"
    python("-m", "ssd_tf.apps.shapes", f"--output_dir={shapes}", f"--num_images={images}")
    for split, limit in (("train", images), ("val", evaluated)):
        source = (f"--annotations={shapes}/annotations.json", f"--images={shapes}/images", f"--limit={limit}")
        flags = (f"--output_dir={folder}/data", f"--split={split}", "--num_shards=2")
        python("-m", "ssd_tf.apps.prepare", *source, *flags)


def train_command(data: pathlib.Path, model_dir: pathlib.Path, *flags: str) -> list[str]:
    return [sys.executable, str(ROOT / "train.py"), *flags, f"--data_dir={data}", f"--model_dir={model_dir}"]


def start(command: list[str], log: pathlib.Path, environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Starts a program; what it prints goes to the file."""
    print("+", *command, flush=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **(environment or {})}, stdout=file, stderr=file)


def train(data: pathlib.Path, model_dir: pathlib.Path, *flags: str) -> tuple[int, str]:
    """Trains until the end; exit status and what was printed."""
    log = log_of(model_dir)
    status = start(train_command(data, model_dir, *flags), log).wait(timeout=2 * PATIENCE_S)
    return status, log.read_text(errors="replace")


def train_well(data: pathlib.Path, model_dir: pathlib.Path, *flags: str) -> str:
    """The same for a run that must end well."""
    status, printed = train(data, model_dir, *flags)
    if status:
        raise RuntimeError(f"exit status {status}: {printed[-2000:]}")
    return printed


def log_of(model_dir: pathlib.Path, worker: int = 0) -> pathlib.Path:
    return model_dir.with_name(f"{model_dir.name}.{worker}.log")


def error_line(printed: str) -> str:
    """The line in which a program says why it stopped; empty where it does not."""
    return next((line for line in reversed(printed.splitlines()) if line.startswith("error: ")), "")


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> bool:
    """Waits for a condition; False where the process ended before.

    Raises:
      TimeoutError: neither came.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if process.poll() is not None:
            return False
        if time.monotonic() > deadline:
            raise TimeoutError(f"process {process.pid}: nothing happened for {PATIENCE_S} seconds")
        time.sleep(0.001)
    return True


def losses(model_dir: pathlib.Path) -> list[tuple[int, float]]:
    """(step, loss) of each line of metrics.jsonl that has one, in its order; half a line at the end is left out."""
    path = model_dir / "metrics.jsonl"
    whole = (
        [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")] if path.exists() else []
    )
    lines = [json.loads(line) for line in whole]
    return [(line["step"], line["loss"]) for line in lines if "loss" in line]


def curve(model_dir: pathlib.Path, tag: str = "train/loss") -> list[tuple[int, float]]:
    """(step, value) of a TensorBoard curve, by step."""
    found = []
    for path in (model_dir / "tensorboard").glob("events.out.tfevents.*"):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            found += [(event.step, tf.make_ndarray(v.tensor).item()) for v in event.summary.value if v.tag == tag]
    return sorted(found)


def state(model_dir: pathlib.Path, checkpoint: str = "") -> dict[str, np.ndarray]:
    """Weights and optimizer in a checkpoint, by name; of the last one where none is named."""
    reader = tf.train.load_checkpoint(checkpoint or str(model_dir / "checkpoints"))
    names = (name for name in reader.get_variable_to_shape_map() if name.startswith(("model/", "optimizer/")))
    return {name: reader.get_tensor(name) for name in names}


def differences(whole: pathlib.Path, resumed: pathlib.Path, steps: int) -> str:
    """What is not the same, bit for bit, in a run that continued as in one that was never stopped; empty if nothing."""
    found = []
    if [step for step, _ in losses(resumed)] != list(range(1, steps + 1)):
        found.append("steps in metrics.jsonl")
    if losses(resumed) != losses(whole):
        found.append("losses")
    if curve(resumed) != curve(whole) or len(curve(resumed)) != steps:
        found.append("TensorBoard's curve of the loss")
    if curve(resumed, "val/AP") != curve(whole, "val/AP"):
        found.append("TensorBoard's curve of AP")
    one, other = state(whole), state(resumed)
    if set(one) != set(other) or not all(np.array_equal(one[name], other[name]) for name in one):
        found.append("weights")
    return ", ".join(found)


def python(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True)
