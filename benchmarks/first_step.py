# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Seconds of what lies before a run's second training step, by part: compare.py's step of ssd300_resnet34.

python benchmarks/first_step.py [--precision=bfloat16] [--batch_size=8] [--runs=3]

Each run is a process of its own, on a batch in memory. The first step has XLA's compilation of augmentation, matching
and loss in it; a later one is like all others. "Once in a run" is tracing and the first step, less a later one.
Prints the median of the runs, by the clock and of the processor.
"""

import argparse
import itertools
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
# What `once` measures, in order.
PARTS = ("imports", "model and weights", "tracing", "first step", "second step", "a later step")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--precision", default="bfloat16", choices=["float32", "bfloat16"])
    parser.add_argument("--batch_size", default=8, type=int)
    parser.add_argument("--runs", default=3, type=int)
    parser.add_argument("--once", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        print(json.dumps(once(options.once, options.precision)))
        return
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, HERE / "peers" / "inputs.py", folder, str(options.batch_size)], check=True)
        command = [sys.executable, __file__, f"--precision={options.precision}", f"--once={folder}"]
        runs = [json.loads(subprocess.check_output(command, text=True)) for _ in range(options.runs)]
    parts = {
        part: [statistics.median(run[k][which] for run in runs) for which in (0, 1)] for k, part in enumerate(PARTS)
    }
    once_in_a_run = [parts["tracing"][k] + parts["first step"][k] - parts["a later step"][k] for k in (0, 1)]
    parts["once in a run"] = once_in_a_run
    print(f"ssd300_resnet34, {options.precision}, batch {options.batch_size}, median of {options.runs} runs, seconds")
    print(f"{'':<20} {'by the clock':>12} {'of the processor':>17}")
    for part, (clock, processor) in parts.items():
        print(f"{part:<20} {clock:12.2f} {processor:17.2f}")


def once(folder: pathlib.Path, precision: str) -> list[tuple[float, float]]:
    """Seconds by the clock and of the processor of each of PARTS."""
    times = [(time.perf_counter(), time.process_time())]

    def done() -> None:
        times.append((time.perf_counter(), time.process_time()))

    sys.path[:0] = [str(HERE / "peers"), str(HERE.parent)]
    import ours

    done()
    step, batch, rate = ours.training(precision, folder)
    done()
    step.get_concrete_function(batch, rate)
    done()
    for _ in range(3):
        step(batch, rate).numpy()
        done()
    return [(end[0] - start[0], end[1] - start[1]) for start, end in itertools.pairwise(times)]


if __name__ == "__main__":
    main()
