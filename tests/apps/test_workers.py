# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Two workers train together, as processes: they stop together, and neither waits for ever when the other is gone."""

import re
import signal
import sys

import pytest

from tests.apps.conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks" / "faults"))

import common
import workers


def test_other_worker_ends_within_a_minute_when_one_is_killed(prepared, tmp_path):
    flags = (*common.TRAIN, "--eval_every_epochs=0", "--steps=500")
    row = workers.one_lost(prepared, tmp_path / "workers", flags, 1, signal.SIGKILL, workers=2)
    assert row.good, row.outcome


@pytest.mark.proof
def test_signal_to_one_worker_stops_both_after_the_same_step(prepared, tmp_path):
    model_dir = tmp_path / "workers"
    flags = (*common.TRAIN, "--eval_every_epochs=0", "--checkpoint_every_epochs=0", "--steps=500")
    processes = workers.start_all(prepared, model_dir, flags, 2)
    try:
        common.wait_until(lambda: len(common.losses(model_dir)) >= 4, processes[0])
        processes[1].send_signal(signal.SIGTERM)  # worker 0, who saves, learns of it from a step
        statuses = [process.wait(timeout=120) for process in processes]
    finally:
        for process in processes:
            process.kill()
    printed = [common.log_of(model_dir, index).read_text(errors="replace") for index in range(2)]
    assert statuses == [75, 75], printed
    first, second = (re.findall(r"interrupted at step (\d+)", text) for text in printed)
    assert len(first) == 1 and first == second
    assert common.losses(model_dir)[-1][0] == int(first[0])
    assert [path.stem for path in (model_dir / "checkpoints").glob("*.index")] == [f"ckpt-{first[0]}"]
