# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""One of three workers is killed or stopped in the middle of a run: the others must end by themselves, and soon.

python benchmarks/faults/workers.py

Their exit status is 75, run the same command again; which must resume from the last checkpoint.
"""

import json
import pathlib
import signal
import socket
import subprocess
import time

import common

WORKERS = 3
# What the others may take to end.
LIMIT_S = 60
_STEPS = 80


def rows(folder: pathlib.Path) -> list[common.Row]:
    flags = (*common.TRAIN, "--checkpoint_every_steps=5", "--eval_every_epochs=0", f"--steps={_STEPS}")
    model_dir = folder / "workers"
    lost = [
        one_lost(folder / "data", model_dir, flags, worker, number)
        for worker, number in ((1, signal.SIGKILL), (0, signal.SIGKILL), (2, signal.SIGSTOP), (0, signal.SIGSTOP))
    ]
    return [*lost, restarted(folder / "data", model_dir, flags)]


def one_lost(
    data: pathlib.Path,
    model_dir: pathlib.Path,
    flags: tuple[str, ...],
    worker: int,
    number: signal.Signals,
    workers: int = WORKERS,
) -> common.Row:
    """Starts the workers, goes 8 steps further than before, sends one the signal, and waits for the others."""
    before = len(common.losses(model_dir))
    processes = start_all(data, model_dir, flags, workers)
    # Those that come again after the last checkpoint are dropped from the metrics first.
    common.wait_until(lambda: len(common.losses(model_dir)) >= before + 8, processes[0])
    sent = time.monotonic()
    processes[worker].send_signal(number)
    others = [process for index, process in enumerate(processes) if index != worker]
    statuses = [_status(process, sent + LIMIT_S) for process in others]
    seconds = time.monotonic() - sent
    for process in processes:
        process.kill()
        process.wait()
    logs = [common.log_of(model_dir, index).read_text(errors="replace") for index in range(workers) if index != worker]
    reported = all("another worker is gone" in common.error_line(log) for log in logs)
    outcome = f"the others end after {seconds:.1f} s with status {', '.join(map(str, statuses))}, "
    outcome += '"another worker is gone"' if reported else "without a clear error"
    who = f"worker {worker} of {workers}" + (" (the chief)" if worker == 0 else "")
    print(f"{number.name} to {who}: {outcome}", flush=True)
    return common.Row("worker lost", f"{number.name} to {who}", outcome, set(statuses) == {75} and reported)


def restarted(
    data: pathlib.Path, model_dir: pathlib.Path, flags: tuple[str, ...], workers: int = WORKERS, steps: int = _STEPS
) -> common.Row:
    """Starts all workers again, and lets them come to the end."""
    processes = start_all(data, model_dir, flags, workers)
    statuses = [_status(process, time.monotonic() + common.PATIENCE_S) for process in processes]
    printed = common.log_of(model_dir).read_text(errors="replace")
    resumed = next((line for line in printed.splitlines() if line.startswith("resuming at step")), "not resumed")
    whole = [step for step, _ in common.losses(model_dir)] == list(range(1, steps + 1))
    outcome = (
        f"{resumed}, status {', '.join(map(str, statuses))}, steps {'without' if whole else 'WITH'} gap or overlap"
    )
    good = set(statuses) == {0} and whole and resumed.startswith("resuming")
    return common.Row("worker lost", "all started again", outcome, good)


def start_all(
    data: pathlib.Path, model_dir: pathlib.Path, flags: tuple[str, ...], workers: int
) -> list[subprocess.Popen[bytes]]:
    """One process for each worker, which talk over 127.0.0.1."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(workers)]
    addresses = [f"127.0.0.1:{server.getsockname()[1]}" for server in sockets]
    for server in sockets:
        server.close()
    command = common.train_command(data, model_dir, *flags)
    processes = []
    for index in range(workers):
        cluster = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        processes.append(common.start(command, common.log_of(model_dir, index), {"TF_CONFIG": json.dumps(cluster)}))
    return processes


def _status(process: subprocess.Popen[bytes], deadline: float) -> int | str:
    try:
        return process.wait(timeout=max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return "none: it hangs"


if __name__ == "__main__":
    common.main(rows, __doc__ or "")
