# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The benchmarks of the live window: refused lengths, the longest wait, and a window that does not grow."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

from tests.fixtures.live import write_video

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


def test_wait_that_still_continues_counts():
    pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
    from live_window import longest_wait

    assert longest_wait([1.0, 1.5, 2.0], 2.125) == 0.5
    assert longest_wait([1.0], 11.0) == 10.0


@pytest.mark.proof
def test_window_runs_for_a_minute_without_growing(tmp_path):
    pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
    video = write_video(tmp_path / "grey.mp4", frames=250)
    command = [sys.executable, str(BENCHMARKS / "live_window.py"), f"--video={video}", "--detector=ssd128_tiny"]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [*command, "--seconds=60"],
        cwd=BENCHMARKS.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "threads that did not end within a second: none" in done.stdout
    rows = [[float(x) for x in line.split()] for line in done.stdout.splitlines() if re.match(r" +\d+0 ", line)]
    assert [row[0] for row in rows] == [10, 20, 30, 40, 50, 60]
    assert all(row[2] > 0 for row in rows), done.stdout  # frames are shown to the end
    # Megabytes, after the first lines, in which TensorFlow still takes its buffers. An image that is kept for each of
    # the frames of 10 seconds would be 2.8 MB each.
    assert rows[-1][6] - rows[2][6] < 50, done.stdout
