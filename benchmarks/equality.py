# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Proof that a run is the same on one device, on several, and on several machines: losses and weights, side by side.

python benchmarks/equality.py [--detector=ssd128_tiny] [--steps=20] [--batch_size=16]

Each configuration is a run of train.py on synthetic images: 1 device; 2 and 4 virtual devices of the CPU; 2 and 3
worker processes that talk over 127.0.0.1. With batch norm synchronised, and with the whole backbone frozen. 16 images
on 3 workers are parts of 6, 5 and 5. Differences are to the run on one device, and must stay within 1e-4 of it.

All start from the same short training, with a warm-up of 100 steps to the reference's rate. With fresh weights, or at
the full rate, negatives that are equally hard to the last digit are soon mined in another order: the runs part ways.
"""

import argparse
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys

import numpy as np

from ssd_tf import specs

ROOT = pathlib.Path(__file__).parent.parent
ALLOWED = 1e-4
# Name, virtual devices, workers.
CONFIGURATIONS = (
    ("1 device", 0, 1),
    ("2 virtual devices", 2, 1),
    ("4 virtual devices", 4, 1),
    ("2 workers", 0, 2),
    ("3 workers", 0, 3),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detector", default="ssd128_tiny")
    parser.add_argument("--steps", default=20, type=int)
    parser.add_argument("--batch_size", default=16, type=int)
    parser.add_argument("--output", default=ROOT / "runs" / "equality", type=pathlib.Path)
    options = parser.parse_args()
    shutil.rmtree(options.output, ignore_errors=True)
    prepare(options.output)
    train = [f"--detector={options.detector}", f"--batch_size={options.batch_size}"]
    start = options.output / "start"
    run(options.output / "data", start, [*train, "--steps=200", "--learning_rate=5e-3", "--lr_warmup_steps=50"], 0, 1)
    train += [f"--steps={options.steps}", "--lr_warmup_steps=100", f"--init_from={start}"]
    stages = len(specs.spec(options.detector).backbone.stages)
    worst = 0.0
    for title, flag in (
        ("batch norm synchronised", "--sync_bn"),
        ("backbone frozen", f"--freeze_backbone_stages={stages}"),
    ):
        runs = {}
        for name, devices, workers in CONFIGURATIONS:
            model_dir = options.output / flag.strip("-").split("=")[0] / name.replace(" ", "_")
            run(options.output / "data", model_dir, [*train, flag], devices, workers)
            runs[name] = model_dir
        worst = max(worst, compare(title, runs))
    sys.exit(0 if worst <= ALLOWED else f"a difference of {worst:.1e} is above {ALLOWED:.0e}")


def prepare(folder: pathlib.Path) -> None:
    """Draws 64 images and prepares them as train and val."""
    shapes = f"{folder}/shapes"
    python("-m", "ssd_tf.apps.shapes", f"--output_dir={shapes}", "--num_images=64", "--width=160", "--height=120")
    for split in ("train", "val"):
        source = (f"--annotations={shapes}/annotations.json", f"--images={shapes}/images")
        python("-m", "ssd_tf.apps.prepare", *source, f"--output_dir={folder}/data", f"--split={split}")


def run(data: pathlib.Path, model_dir: pathlib.Path, flags: list[str], devices: int, workers: int) -> None:
    """Trains, in several processes where there are several workers; a failed one ends the program."""
    ports = free_ports(workers)
    command = [sys.executable, "train.py", *flags, f"--data_dir={data}", f"--model_dir={model_dir}"]
    command += ["--log_every_steps=1", "--eval_every_epochs=0", "--precision=float32"]
    command += [f"--num_virtual_devices={devices}"] if devices else []
    print("+", *command, f"({workers} workers)" if workers > 1 else "", flush=True)
    model_dir.parent.mkdir(parents=True, exist_ok=True)
    processes = []
    for index in range(workers):
        environment = dict(os.environ)
        if workers > 1:
            cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
            environment["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
        log = model_dir.with_name(f"{model_dir.name}.{index}.log").open("w")
        processes.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log))
    statuses = [process.wait() for process in processes]
    if any(statuses):
        sys.exit(f"failed: see {model_dir}.*.log")


def compare(title: str, runs: dict[str, pathlib.Path]) -> float:
    """Prints the table of one set of runs, and returns the largest difference in it."""
    print(f"\n{title}\n| run | largest difference of a loss | of a weight |\n|---|---|---|")
    reference = next(iter(runs.values()))
    worst = 0.0
    for name, model_dir in runs.items():
        loss = np.max(np.abs(losses(model_dir) - losses(reference)))
        pairs = zip(weights(model_dir), weights(reference), strict=True)
        weight = max(float(np.max(np.abs(a - b))) for a, b in pairs)
        worst = max(worst, float(loss), weight)
        print(f"| {name} | {loss:.1e} | {weight:.1e} |")
    first, last = losses(reference)[[0, -1]]
    print(f"The loss goes from {first:.3f} to {last:.3f}.\n", flush=True)
    return worst


def losses(model_dir: pathlib.Path) -> np.ndarray:
    lines = [json.loads(line) for line in (model_dir / "metrics.jsonl").read_text().splitlines()]
    return np.array([line["loss"] for line in lines if "loss" in line])


def weights(model_dir: pathlib.Path) -> list[np.ndarray]:
    """Of the last checkpoint, by name."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(model_dir / "checkpoints"))
    names = sorted(name for name in reader.get_variable_to_shape_map() if name.startswith("model/"))
    return [reader.get_tensor(name) for name in names]


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in sockets]
    for server in sockets:
        server.close()
    return ports


def python(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True)


if __name__ == "__main__":
    main()
