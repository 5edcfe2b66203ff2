# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Milliseconds of a training step and of one image's detections, ours and our peers', in turn.

python benchmarks/peers/compare.py [--pairs=10] [--tasks train predict] [--precisions float32 bfloat16] [--compiled]
    [--before=CHECKOUT]

ssd300_resnet34 with 80 classes, the same weights, images and targets for all. Each side is a process of its own that
computes when it is told to, PAUSE_S after the other one: ours, a peer, ours, a peer, after two turns of each that do
not count. A turn is one training step, or CALLS["predict"] images, one after the other, of which the mean counts. So
two never compute at once, and other work on the machine meets both. Prints the medians, and of the ratio
ours : peer the median of the pairs and its quartiles, by the clock and of the processor's time, in which threads that
wait for each other count. Each side has as many threads as the machine has cores.

train: forward, loss, gradients, and SGD's update. "ours" flips, jitters colours, normalises and matches in it, as a run
does; "ours, targets given" gets normalised images and targets, as PyTorch does. PyTorch eager, and with --compiled by
torch.compile too, which had not compiled a training step on two cores after four minutes.
predict: one uint8 image to detections, NMS included.
With --before one peer more: our side of another checkout of this repository, which has benchmarks/peers or a copy of
today's, to see what a change brought.
"""

import argparse
import contextlib
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

# Of compiling, most of all.
START_LIMIT_S = 600
# Threads of a runtime may spin for a while after its answer.
PAUSE_S = 0.2
CALLS = {"train": 1, "predict": 5}
COMPILED, BEFORE = "pytorch compiled", "before"
HERE = pathlib.Path(__file__).parent
CHECKOUT = HERE.parent.parent
SIDES = {
    "train": ("ours, targets given", "pytorch", COMPILED, BEFORE),
    "predict": ("pytorch", COMPILED, "onnxruntime", "openvino", BEFORE),
}


class Side:
    """A process that computes on request. Raises RuntimeError where it cannot start: what it needs is not installed."""

    def __init__(self, name: str, task: str, precision: str, folder: pathlib.Path, checkout: pathlib.Path):
        self._calls = CALLS[task]
        self._log = (folder / f"{time.monotonic_ns()}.log").open("w+")
        command = [sys.executable, checkout / "benchmarks" / "peers" / "side.py", name, task, precision, folder]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        limit = threading.Timer(START_LIMIT_S, self._process.kill)
        limit.start()
        try:
            self.says = self._answer()
        except RuntimeError:
            self.close()
            raise
        finally:
            limit.cancel()

    def milliseconds(self) -> tuple[float, float]:
        """Of a call: by the clock, and of the processor; means of a turn."""
        time.sleep(PAUSE_S)
        clocks, processors = zip(*(self._call() for _ in range(self._calls)), strict=True)
        return statistics.mean(clocks), statistics.mean(processors)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._log.close()

    def _call(self) -> tuple[float, float]:
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        clock, processor = self._answer().split()
        return float(clock), float(processor)

    def _answer(self) -> str:
        line = self._process.stdout.readline()
        if not line:
            self._log.seek(0)
            said = "" if self._process.wait() < 0 else self._log.read().strip()
            raise RuntimeError(said.splitlines()[-1] if said else f"no answer within {START_LIMIT_S} s")
        return line.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--tasks", nargs="+", default=list(SIDES), choices=list(SIDES))
    parser.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"], choices=["float32", "bfloat16"])
    parser.add_argument("--batch_size", type=int, default=8)
    parser.add_argument("--compiled", action="store_true")
    parser.add_argument("--before", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run([sys.executable, HERE / "inputs.py", folder, str(options.batch_size)], check=True)
        print(f"ssd300_resnet34, training batch {options.batch_size}, {os.cpu_count()} cores, {options.pairs} pairs")
        title = f"{'ours':>8} {'peer':>8}  ratio (quartiles)   "
        print(f"{'ms':<44} {title} {title}\n{'':<44} {'by the clock':<37} of the processor")
        for task in options.tasks:
            for precision in options.precisions:
                for peer in SIDES[task]:
                    if (peer == COMPILED and not options.compiled) or (peer == BEFORE and not options.before):
                        continue
                    name, checkout = ("ours", options.before) if peer == BEFORE else (peer, CHECKOUT)
                    print(f"{task + ', ' + precision + ', ' + peer:<44} ", end="", flush=True)
                    print(text_of(name, task, precision, folder, checkout, options.pairs), flush=True)


def text_of(peer: str, task: str, precision: str, folder: pathlib.Path, checkout: pathlib.Path, pairs: int) -> str:
    with contextlib.closing(Side("ours", task, precision, folder, CHECKOUT)) as ours:
        try:
            with contextlib.closing(Side(peer, task, precision, folder, checkout)) as side:
                found = in_turn(ours, side, pairs)
        except RuntimeError as error:
            return f"skipped: {error}"
        clock, processor = (row_of([(mine[k], theirs[k]) for mine, theirs in found]) for k in (0, 1))
        return f"{clock} {processor}  ({ours.says}; peer: {side.says})"


def in_turn(ours: Side, peer: Side, pairs: int) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    return [(ours.milliseconds(), peer.milliseconds()) for _ in range(pairs + 2)][2:]


def row_of(pairs: list[tuple[float, float]]) -> str:
    """Medians of ours and of the peer's, median and quartiles of their ratio."""
    ratios = [mine / theirs for mine, theirs in pairs]
    low, ratio, high = statistics.quantiles(ratios, n=4) if len(pairs) > 1 else ratios * 3
    ours, peer = (statistics.median(values) for values in zip(*pairs, strict=True))
    return f"{ours:8.0f} {peer:8.0f} {ratio:6.2f} ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    main()
