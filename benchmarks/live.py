# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""How a fast source and a slow model get on for minutes: does the latency stay, does the memory stay?

python benchmarks/live.py --video=people.mp4 [--seconds=180] [--model=runs/mlperf] [--own_pace]

benchmarks/live_window.py does the same in the window. The video is read as fast as it can be, and again from its start
when it ends. Prints a line every ten seconds, then the first and the last of them together. Without --model an
untrained ssd300_resnet34 is taken, which finds 200 objects in every frame: more work than any real one. The first and
the last frame of each round do not count for the latency, since they wait for the model to finish the round before, or
have nothing newer to take their place.
"""

import argparse
import dataclasses
import os
import threading
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from ssd_tf.media.open import open_source
from ssd_tf.utils.hardware import host_bytes
from ssd_tf.viewer.engine.engine import Engine, Shown, State, View

LINE_SECONDS = 10


@dataclasses.dataclass(frozen=True)
class Line:
    """What was measured in some seconds."""

    source_fps: float
    shown_fps: float
    latency_p50_ms: float
    latency_p99_ms: float
    inference_ms: float
    memory_mb: float

    def __str__(self) -> str:
        return (
            f"{self.source_fps:10.1f} {self.shown_fps:9.2f} {self.latency_p50_ms:9.1f} {self.latency_p99_ms:9.1f} "
            f"{self.inference_ms:9.1f} {self.memory_mb:9.1f}"
        )


HEADER = "    source/s   shown/s    p50 ms    p99 ms  model ms    RSS MB"


class Meter:
    """Counts what is shown; is given every Shown, from any thread."""

    def __init__(self, frames: int) -> None:
        """Of a video of so many frames."""
        self._frames = frames
        self._lock = threading.Lock()
        self._shown: list[Shown] = []
        self._start = time.monotonic()

    def add(self, shown: Shown) -> None:
        # Without its image, which would be the leak that is looked for.
        with self._lock:
            self._shown.append(dataclasses.replace(shown, image=np.empty((0, 0, 3), np.uint8)))

    def line(self) -> Line:
        """Of the time since the last line."""
        with self._lock:
            shown, self._shown = self._shown, []
        now, start = time.monotonic(), self._start
        self._start = now
        stats = [entry.stats for entry in shown]
        inside = [entry for entry in shown if 0 < entry.index < self._frames - 1]
        latencies = [entry.stats.latency_ms for entry in inside] or [float("nan")]
        return Line(
            source_fps=float(np.median([entry.source_fps for entry in stats] or [0.0])),
            shown_fps=len(shown) / (now - start),
            latency_p50_ms=float(np.percentile(latencies, 50)),
            latency_p99_ms=float(np.percentile(latencies, 99)),
            inference_ms=float(np.mean([entry.inference_ms for entry in stats] or [float("nan")])),
            memory_mb=host_bytes() / 1e6,
        )


def parse_options(description: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video", required=True)
    parser.add_argument("--model", default="", help="As predict.py's.")
    parser.add_argument("--detector", default="ssd300_resnet34", help="Without --model.")
    parser.add_argument("--seconds", default=180, type=_seconds, help=f"{LINE_SECONDS} or more.")
    parser.add_argument("--own_pace", action="store_true", help="Read the video at its own pace.")
    return parser.parse_args()


def _seconds(text: str) -> int:
    if not text.isdecimal() or int(text) < LINE_SECONDS:
        raise argparse.ArgumentTypeError(f"expected a whole number of {LINE_SECONDS} or more. Received: {text}")
    return int(text)


def meter_of(video: str) -> Meter:
    with open_source(video) as source:
        return Meter(source.info.frames)


def main() -> None:
    options = parse_options(__doc__)
    meter = meter_of(options.video)
    running, problems = threading.Event(), []

    def on_state(state: State, text: str) -> None:
        if state is State.RUNNING:
            running.set()
        elif state is State.ENDED:
            engine.open(options.video)
        elif state in (State.LOST, State.FAILED):
            problems.append(text)
            running.set()

    engine = Engine(lambda: load(options), meter.add, on_state, View(size=(1280, 720)), fast=not options.own_pace)
    engine.start()
    engine.open(options.video)
    running.wait()
    lines = measure(meter, options.seconds, problems)
    start = time.monotonic()
    left = engine.close(timeout=10)
    print(f"closed in {time.monotonic() - start:.2f} s; threads that continue: {left or 'none'}")
    print(f"first {LINE_SECONDS} s: {lines[0]}\nlast {LINE_SECONDS} s:  {lines[-1]}")


def measure(meter: Meter, seconds: int, problems: list[str]) -> list[Line]:
    """Prints and returns the lines of so many seconds. Raises SystemExit where the engine has a problem."""
    lines = []
    meter.line()  # what came while the model was being loaded
    print(f"seconds {HEADER}")
    for end in range(LINE_SECONDS, seconds + 1, LINE_SECONDS):
        time.sleep(LINE_SECONDS)
        if problems:
            raise SystemExit(problems[0])
        lines.append(meter.line())
        print(f"{end:7d} {lines[-1]}", flush=True)
    return lines


def load(options: argparse.Namespace):
    """The model of --model, or an untrained one."""
    from ssd_tf import specs
    from ssd_tf.data.annotations import Category
    from ssd_tf.inference.load import load_predictor
    from ssd_tf.inference.predictor import Predictor
    from ssd_tf.models.ssd import build_model

    if options.model:
        return load_predictor(options.model)
    spec = specs.spec(options.detector)
    categories = tuple(Category(k, f"class {k}") for k in range(1, 81))
    return Predictor(spec, categories, build_model(spec, len(categories)))


if __name__ == "__main__":
    main()
