# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Two workers train together, as processes, and neither waits for ever when the other is gone."""

import signal
import sys

from tests.apps.conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks" / "faults"))

import common
import workers


def test_other_worker_ends_within_a_minute_when_one_is_killed(prepared, tmp_path):
    flags = (*common.TRAIN, "--eval_every_epochs=0", "--steps=500")
    row = workers.one_lost(prepared, tmp_path / "workers", flags, 1, signal.SIGKILL, workers=2)
    assert row.good, row.outcome
