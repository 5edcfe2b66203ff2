# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The live window for minutes: frames a second, latency, memory, and the longest time that it did not answer.

python benchmarks/live_window.py --video=people.mp4 [--seconds=180] [--model=runs/mlperf] [--own_pace]

As benchmarks/live.py, in the window that users see, 1080 x 680, with all its threads. A timer asks the window every ten
milliseconds whether it is there; "stall" is the longest that it kept the timer waiting. Without a screen:
QT_QPA_PLATFORM=offscreen, or under Xvfb.
"""

import itertools
import time

from live import HEADER, LINE_SECONDS, load, meter_of, parse_options
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from ssd_tf.viewer.engine.engine import State, View
from ssd_tf.viewer.window.main_window import MainWindow
from ssd_tf.viewer.window.program import keep_opengl_away, require_display
from ssd_tf.viewer.window.saving import default_folder
from ssd_tf.viewer.window.theme import apply_theme

_TICK_MS = 10


def main() -> None:
    options = parse_options(__doc__)
    meter = meter_of(options.video)
    require_display()
    keep_opengl_away()
    app = QApplication([])
    apply_theme(app)
    window = MainWindow(lambda: load(options), options.model, View(), default_folder(), fast=not options.own_pace)
    window.frame_shown.connect(meter.add)
    window.closed.connect(app.quit)
    ticks, lines = [time.monotonic()], []

    def tick() -> None:
        ticks.append(time.monotonic())
        if window.state is State.ENDED:
            window.open_source(options.video)
        elif window.state in (State.LOST, State.FAILED):
            raise SystemExit(f"the window stands still: {window.state}")

    def report() -> None:
        lines.append(f"{meter.line()} {1000 * longest_wait(ticks, time.monotonic()):9.1f}")
        print(f"{LINE_SECONDS * len(lines):7d} {lines[-1]}", flush=True)
        del ticks[:-1]
        if LINE_SECONDS * len(lines) >= options.seconds:
            window.close()

    ticker, reporter = QTimer(interval=_TICK_MS), QTimer(interval=1000 * LINE_SECONDS)
    ticker.timeout.connect(tick)
    reporter.timeout.connect(report)

    def begin() -> None:
        window.frame_shown.disconnect(begin)
        meter.line()  # what came while the model was being loaded
        print(f"{app.platformName()}, {window.view.pixel_size} pixels\nseconds {HEADER}  stall ms", flush=True)
        ticks[:] = [time.monotonic()]
        ticker.start()
        reporter.start()

    window.frame_shown.connect(begin)
    window.show()
    window.start(options.video)
    app.exec()
    print(f"first {LINE_SECONDS} s: {lines[0]}\nlast {LINE_SECONDS} s:  {lines[-1]}")
    print(f"threads that did not end within a second: {window.unfinished or 'none'}")


def longest_wait(ticks: list[float], now: float) -> float:
    """Seconds between two ticks, or since the last: a window that stands still makes none."""
    return max(after - before for before, after in itertools.pairwise([*ticks, now]))


if __name__ == "__main__":
    main()
