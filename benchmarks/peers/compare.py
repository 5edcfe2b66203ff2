# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Milliseconds of a training step and of one image's detections, ours and our peers', in turn.

python benchmarks/peers/compare.py [--pairs=10] [--tasks train predict] [--precisions float32 bfloat16] [--batch_size=8]

ssd300_resnet34 with 80 classes, the same weights, images and targets for all. Each side is a process of its own that
computes when it is told to, so that two never compute at once: ours, a peer, ours, a peer, after two calls of each that
do not count. Prints the medians, and of the ratio ours : peer the median of the pairs and its quartiles, so that other
work on the machine meets both. Each side has as many threads as the machine has cores.

train: forward, loss, gradients, and SGD's update. "ours" flips, jitters colours, normalises and matches in it, as a run
does; "ours, targets given" gets normalised images and targets, as PyTorch does. PyTorch eager, and compiled.
predict: one uint8 image to detections, NMS included.
"""

import argparse
import contextlib
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
from typing import NamedTuple

HERE = pathlib.Path(__file__).parent
SIDES = {
    "train": ("ours, targets given", "pytorch", "pytorch compiled"),
    "predict": ("pytorch", "pytorch compiled", "onnxruntime", "openvino"),
}


class Side:
    """A process that computes on request. Raises RuntimeError where it cannot start: what it needs is not installed."""

    def __init__(self, name: str, task: str, precision: str, folder: pathlib.Path):
        self._log = (folder / f"{name} {task} {precision}.log").open("w+")
        command = [sys.executable, HERE / "side.py", name, task, precision, folder]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        try:
            self.says = self._answer()
        except RuntimeError:
            self.close()
            raise

    def milliseconds(self) -> float:
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._answer())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._log.close()

    def _answer(self) -> str:
        line = self._process.stdout.readline()
        if not line:
            self._log.seek(0)
            raise RuntimeError((self._log.read().strip() or "no answer").splitlines()[-1])
        return line.strip()


class Row(NamedTuple):
    """Medians in milliseconds, and quartiles of the ratio of ours to the peer's."""

    ours: float
    peer: float
    ratios: list[float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--tasks", nargs="+", default=list(SIDES), choices=list(SIDES))
    parser.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"], choices=["float32", "bfloat16"])
    parser.add_argument("--batch_size", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run([sys.executable, HERE / "inputs.py", folder, str(options.batch_size)], check=True)
        print(f"ssd300_resnet34, training batch {options.batch_size}, {os.cpu_count()} cores, {options.pairs} pairs")
        print(f"{'':<44} {'ours ms':>9} {'peer ms':>9} {'ratio':>6}  quartiles")
        for task in options.tasks:
            for precision in options.precisions:
                for peer in SIDES[task]:
                    print(f"{task + ', ' + precision + ', ' + peer:<44} ", end="", flush=True)
                    print(text_of(peer, task, precision, folder, options.pairs), flush=True)


def text_of(peer: str, task: str, precision: str, folder: pathlib.Path, pairs: int) -> str:
    with contextlib.closing(Side("ours", task, precision, folder)) as ours:
        try:
            side = Side(peer, task, precision, folder)
        except RuntimeError as error:
            return f"skipped: {error}"
        with contextlib.closing(side):
            row = in_turn(ours, side, pairs)
            low, ratio, high = row.ratios
            numbers = f"{row.ours:9.1f} {row.peer:9.1f} {ratio:6.2f}  {low:.2f} to {high:.2f}"
            return f"{numbers}  ({ours.says}; peer: {side.says})"


def in_turn(ours: Side, peer: Side, pairs: int) -> Row:
    found = [(ours.milliseconds(), peer.milliseconds()) for _ in range(pairs + 2)][2:]
    ratios = [mine / theirs for mine, theirs in found]
    quartiles = statistics.quantiles(ratios, n=4) if pairs > 1 else ratios * 3
    return Row(statistics.median(f[0] for f in found), statistics.median(f[1] for f in found), quartiles)


if __name__ == "__main__":
    main()
