# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""kill -9 of a trainer 20 times, at random moments of start-up, steps, saves and evaluations; and SIGTERM.

python benchmarks/faults/kills.py

It is started again each time. What it leaves at the end must be, bit for bit, what a run leaves that nobody stopped:
losses, TensorBoard's curves without overlap or gap, weights and optimizer.
"""

import itertools
import pathlib
import random
import signal
import time
from collections.abc import Sequence

import common

KILLS, TERMS, STEPS = 20, 4, 72
# Each with the seconds from its beginning to the signal, at most. A save lasts some hundredths of a second.
MOMENTS = {"start-up": 9.0, "a step": 0.3, "a save": 0.06, "an evaluation": 2.0}
EPOCH_STEPS = 6


def rows(folder: pathlib.Path) -> list[common.Row]:
    whole = folder / "whole"
    flags = (*common.SAVING, f"--steps={STEPS}")
    common.train_well(folder / "data", whole, *flags)
    moments = [*itertools.islice(itertools.cycle(MOMENTS), KILLS)]
    return [
        interrupted(folder, whole, flags, STEPS, signal.SIGKILL, moments),
        interrupted(folder, whole, flags, STEPS, signal.SIGTERM, moments[:TERMS]),
    ]


def interrupted(
    folder: pathlib.Path,
    whole: pathlib.Path,
    flags: Sequence[str],
    steps: int,
    number: signal.Signals,
    moments: Sequence[str],
) -> common.Row:
    """Sends a run the signal at each of the moments, starts it again each time, and compares it with `whole`."""
    model_dir = folder / number.name
    tried = f"{len(moments)} times in {steps} steps: " + ", ".join(
        f"{moments.count(moment)} in {moment}" for moment in MOMENTS if moment in moments
    )
    chance = random.Random(0)
    statuses = []
    for moment in moments:
        log = common.log_of(model_dir, len(statuses))
        before = _metrics(model_dir), _saves(model_dir)
        process = common.start(common.train_command(folder / "data", model_dir, *flags), log)
        common.wait_until(lambda moment=moment, before=before: _begins(moment, model_dir, *before), process)
        time.sleep(chance.uniform(0, MOMENTS[moment]))
        process.send_signal(number)
        statuses.append(process.wait(timeout=common.PATIENCE_S))
        last = max((step for step, _ in common.losses(model_dir)), default=0)
        print(f"{number.name} {len(statuses)} in {moment}, step {last}: status {statuses[-1]}", flush=True)
    common.train_well(folder / "data", model_dir, *flags)
    wrong = common.differences(whole, model_dir, steps)
    outcome = f"not the same: {wrong}" if wrong else "losses, curves, weights and optimizer bit for bit the same"
    # Before the loop starts, SIGTERM ends the process at once: there is nothing to save.
    expected = {-signal.SIGKILL} if number == signal.SIGKILL else {75, -signal.SIGTERM}
    ends = ", ".join(f"{status} ({statuses.count(status)} times)" for status in sorted(set(statuses)))
    return common.Row(number.name, tried, f"exit status {ends}; {outcome}", not wrong and set(statuses) <= expected)


def _begins(moment: str, model_dir: pathlib.Path, metrics_before: str, saves_before: set[str]) -> bool:
    """Whether a run that was just started has reached the moment."""
    if moment == "start-up":
        return True
    if moment == "a save":
        return bool(_saves(model_dir) - saves_before)
    # Steps that will come again are dropped from the metrics first; what comes after the checkpoint then is new.
    if _metrics(model_dir) == metrics_before:
        return False
    last = max((step for step, _ in common.losses(model_dir)), default=0)
    return last > _saved_step(model_dir) and (moment == "a step" or last % EPOCH_STEPS == 0)


def _metrics(model_dir: pathlib.Path) -> str:
    path = model_dir / "metrics.jsonl"
    return path.read_text() if path.exists() else ""


def _saves(model_dir: pathlib.Path) -> set[str]:
    """The names of all files and folders of checkpoints, half ones too."""
    return {path.name for path in (model_dir / "checkpoints").glob("ckpt-*")}


def _saved_step(model_dir: pathlib.Path) -> int:
    return max((int(name[5:-6]) for name in _saves(model_dir) if name.endswith(".index")), default=0)


if __name__ == "__main__":
    common.main(rows, __doc__ or "")
