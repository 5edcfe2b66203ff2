# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Training in bfloat16 against float32: the same images in the same order, from the same weights.

python benchmarks/precision.py --data=FOLDER [--steps=300] [--batch_size=4] [--output=runs/precision]

FOLDER holds annotations/instances_train2017.json and train2017/ (COCO 2017, or some of it). Prints both losses, each
the mean of the last 50 steps, and their largest difference; writes losses.csv and losses.png. Ends with status 1 where
the difference is above 3 %.
"""

import argparse
import csv
import pathlib
import sys
import time

import keras
import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from ssd_tf import specs
from ssd_tf.data.formats.coco import read_coco
from ssd_tf.data.manifest import Manifest
from ssd_tf.data.pipeline import train_dataset
from ssd_tf.data.preparation.prepare import prepare
from ssd_tf.models.ssd import build_model
from ssd_tf.settings import AugmentConfig, OptimizerConfig
from ssd_tf.training.optimizer import make_optimizer
from ssd_tf.training.schedule import Schedule, learning_rate
from ssd_tf.training.step import make_train_step, read_result

DETECTOR = "ssd300_resnet34"
POLICIES = ("float32", "mixed_bfloat16")
SMOOTHED_OVER = 50
ALLOWED = 0.03
# The reference's rate, for a batch of 32. At ten times of it a run from scratch has spikes at places of its own in
# either precision, and comparing them says nothing.
REFERENCE_RATE, WARMUP_STEPS = 2.5e-3, 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--steps", default=300, type=int)
    parser.add_argument("--batch_size", default=4, type=int)
    parser.add_argument("--output", default=pathlib.Path("runs/precision"), type=pathlib.Path)
    options = parser.parse_args()
    if options.steps <= SMOOTHED_OVER:
        parser.error(f"--steps: expected more than {SMOOTHED_OVER}")
    dataset = read_coco(options.data / "annotations" / "instances_train2017.json", options.data / "train2017")
    source = {"format": "coco", "annotations": str(options.data), "images": str(options.data)}
    manifest = prepare(dataset, options.output / "data", "train", source=source)
    losses, weights = {}, None
    for policy in POLICIES:
        start = time.perf_counter()
        losses[policy], weights = train(policy, options, manifest, weights)
        seconds = time.perf_counter() - start
        print(
            f"{policy}: {options.steps} steps of {options.batch_size} images in {seconds / 60:.1f} minutes",
            flush=True,
        )
    smoothed = {policy: smooth(values) for policy, values in losses.items()}
    report(losses, smoothed, options.output)
    difference = np.abs(smoothed[POLICIES[1]] / smoothed[POLICIES[0]] - 1.0)
    print("step  " + "  ".join(f"{policy:>14}" for policy in POLICIES) + "  difference")
    for k in range(0, len(difference), SMOOTHED_OVER):
        row = "  ".join(f"{smoothed[policy][k]:14.4f}" for policy in POLICIES)
        print(f"{k + SMOOTHED_OVER:4d}  {row}  {difference[k]:9.2%}")
    print(f"largest difference of the smoothed losses: {difference.max():.2%} (allowed: {ALLOWED:.0%})")
    sys.exit(int(difference.max() > ALLOWED))


def train(policy: str, options: argparse.Namespace, manifest: Manifest, weights: list[np.ndarray] | None):
    """The loss of each step, and the weights that the run started from: those given, else fresh ones."""
    keras.mixed_precision.set_global_policy(policy)
    keras.utils.set_random_seed(0)
    spec = specs.spec(DETECTOR)
    model = build_model(spec, len(manifest.categories))
    if weights is None:
        weights = model.get_weights()
    model.set_weights(weights)
    augment = AugmentConfig()
    step = make_train_step(spec, model, make_optimizer(OptimizerConfig(), model), augment, options.batch_size)
    schedule = Schedule(REFERENCE_RATE * options.batch_size / 32, warmup_steps=WARMUP_STEPS)
    data = train_dataset(options.output / "data", manifest, spec, options.batch_size, 0, augment)
    losses = []
    for number, batch in enumerate(data.take(options.steps)):
        losses.append(read_result(step(batch, tf.constant(learning_rate(schedule, number), tf.float32))).loss)
        if number % 20 == 19:
            print(f"{policy} step {number + 1}: loss {losses[-1]:.3f}", file=sys.stderr, flush=True)
    return np.array(losses), weights


def smooth(losses: np.ndarray) -> np.ndarray:
    """The mean of the last 50 steps, from step 50 on."""
    return np.convolve(losses, np.full(SMOOTHED_OVER, 1.0 / SMOOTHED_OVER), mode="valid")


def report(losses: dict[str, np.ndarray], smoothed: dict[str, np.ndarray], folder: pathlib.Path) -> None:
    """losses.csv and losses.png."""
    with (folder / "losses.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["step", *losses])
        writer.writerows([number, *values] for number, values in enumerate(zip(*losses.values(), strict=True), start=1))
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    # The wider line below shows where the two are one.
    for color, width, policy in zip(("tab:blue", "tab:orange"), (4.5, 1.5), losses, strict=True):
        steps = np.arange(1, len(losses[policy]) + 1)
        axes.plot(steps, losses[policy], color=color, alpha=0.25, linewidth=0.8)
        axes.plot(steps[SMOOTHED_OVER - 1 :], smoothed[policy], color=color, linewidth=width, label=policy)
    axes.set(xlabel="step", ylabel="loss", title=f"{DETECTOR}: each step, and the mean of {SMOOTHED_OVER}")
    axes.set_ylim(0, np.percentile(losses[POLICIES[0]], 98))
    axes.legend()
    figure.savefig(folder / "losses.png", dpi=110)


if __name__ == "__main__":
    main()
