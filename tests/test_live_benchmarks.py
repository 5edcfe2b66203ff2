# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The benchmarks of the live window refuse what they cannot measure, and count a window that stands still."""

import pathlib
import subprocess
import sys

import pytest

BENCHMARKS = pathlib.Path(__file__).parent.parent / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))


@pytest.mark.parametrize("seconds", ["0", "9", "-10", "ten"])
def test_less_than_a_line_is_refused(seconds):
    command = [sys.executable, str(BENCHMARKS / "live.py"), "--video=a.mp4", f"--seconds={seconds}"]
    done = subprocess.run(command, cwd=BENCHMARKS.parent, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "--seconds: expected a whole number of 10 or more" in done.stderr and seconds in done.stderr


def test_wait_that_still_goes_on_counts():
    pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
    from live_window import longest_wait

    assert longest_wait([1.0, 1.5, 2.0], 2.125) == 0.5
    assert longest_wait([1.0], 11.0) == 10.0
