# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Where the time of a training step goes, by kind of operation, from TensorFlow's profiler.

python benchmarks/peers/step_profile.py [--precision=bfloat16] [--batch_size=8] [--steps=2]

Time is that of operations, of which two may run beside each other; XLA's programs (augmentation, matching, loss) are
one line. The step is that of compare.py's "ours".
"""

import argparse
import collections
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent.parent))

import ours
import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

XLA = "ThunkExecutor::Execute"
MOST = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--precision", default="bfloat16", choices=["float32", "bfloat16"])
    parser.add_argument("--batch_size", default=8, type=int)
    parser.add_argument("--steps", default=2, type=int)
    options = parser.parse_args()
    inputs = pathlib.Path(__file__).parent / "inputs.py"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run([sys.executable, inputs, folder, str(options.batch_size)], check=True)
        step = ours.make(False, "train", options.precision, folder)
        step(), step()
        with tf.profiler.experimental.Profile(str(folder / "profile")):
            for _ in range(options.steps):
                step()
        times = times_of(next((folder / "profile").rglob("*.xplane.pb")))
    total = sum(times.values())
    convolutions = sum(value for kind, value in times.items() if "Conv2D" in kind)
    print(f"{options.precision}: {total / options.steps:.0f} ms a step, convolutions {convolutions / total:.1%}")
    for kind, value in sorted(times.items(), key=lambda item: -item[1])[:MOST]:
        print(f"{kind:<45} {value / options.steps:8.1f} {value / total:6.1%}")


def times_of(path: pathlib.Path) -> dict[str, float]:
    """Milliseconds by kind of operation, over all threads."""
    space = xplane_pb2.XSpace.FromString(path.read_bytes())
    times: dict[str, float] = collections.defaultdict(float)
    for plane in space.planes:
        if plane.name != "/host:CPU":
            continue
        for line in plane.lines:
            for event in line.events:
                name = plane.event_metadata[event.metadata_id].name
                operation, _, kind = name.rpartition(":")
                if name == XLA:
                    times["XLA's programs"] += event.duration_ps / 1e9
                # "name of the node:its kind"; what runs a function holds the time of all that is in it.
                elif operation and ":" not in operation and kind.strip() == kind and "Execute" not in operation:
                    times[kind] += event.duration_ps / 1e9
    return times


if __name__ == "__main__":
    main()
