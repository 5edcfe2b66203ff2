# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Shows live what a detector finds in a webcam, in a Qt window; in a video, a stream or a folder of images too.

pip install 'ssd_tf[app]'
python examples/stream_ssd.py --model=runs/ssdrn34
python examples/stream_ssd.py --model=mine_int8.tflite --source=street.mp4

F1 in the window lists its keys. `ssd_tf stream` is the same with a --headless mode.
"""

import argparse
import sys

from ssd_tf.apps.cli import end_process
from ssd_tf.viewer.engine.engine import View
from ssd_tf.viewer.window.program import run_window, wait_for_recordings


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a model_dir, a checkpoint, or any saved or exported form")
    parser.add_argument("--source", default="0", help="a camera's number, a file, rtsp://..., http://..., or a folder")
    parser.add_argument("--score_threshold", type=float, default=0.3, help="show detections with a score above this")
    options = parser.parse_args(argv)

    def load_model():
        # Called in a thread: TensorFlow takes seconds to import, and the window is there before it.
        from ssd_tf.inference.load import load_predictor

        predictor = load_predictor(options.model)
        print(f"{options.model}: {predictor.spec.name} for {len(predictor.categories)} classes", flush=True)
        return predictor

    outcome = run_window(load_model, options.model, options.source, View(score_threshold=options.score_threshold))
    if outcome.problem:
        print(f"error: {outcome.problem}", file=sys.stderr)
    wait_for_recordings()
    return 1 if outcome.problem else 0


if __name__ == "__main__":
    end_process(main())  # a thread may still be loading the model, or be in the middle of a frame
