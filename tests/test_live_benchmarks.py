# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The benchmarks of the live window refuse what they cannot measure, and count a window that stands still."""

import pathlib
import sys

import pytest

BENCHMARKS = pathlib.Path(__file__).parent.parent / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))


@pytest.mark.parametrize("seconds", ["0", "9", "-10", "ten"])
def test_less_than_a_line_is_refused(seconds, monkeypatch, capsys):
    import live

    monkeypatch.setattr(sys, "argv", ["live.py", "--video=a.mp4", f"--seconds={seconds}"])
    with pytest.raises(SystemExit) as ended:
        live.main()
    error = capsys.readouterr().err
    assert ended.value.code == 2
    assert "--seconds: expected a whole number of 10 or more" in error and seconds in error


def test_wait_that_still_goes_on_counts():
    pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
    from live_window import longest_wait

    assert longest_wait([1.0, 1.5, 2.0], 2.125) == 0.5
    assert longest_wait([1.0], 11.0) == 10.0
