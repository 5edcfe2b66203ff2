# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Shows live what a model finds in a camera, a video, a stream or a folder of pictures.

python -m ssd_tf.apps.stream --source=0 --model=runs/mlperf
python -m ssd_tf.apps.stream --source=street.mp4 --model=runs/mlperf --headless --output=found.mp4
"""

import pathlib
import sys
import threading
import time
from typing import NoReturn

from absl import flags

from ssd_tf.apps import cli
from ssd_tf.utils.extras import import_extra

FLAGS = flags.FLAGS
flags.DEFINE_string("model", None, cli.MODEL_HELP, required=True)
flags.DEFINE_string(
    "source",
    "0",
    "A camera's number, a video, rtsp://... or http://..., a folder of pictures or a pattern such as 'photos/*.jpg'.",
)
flags.DEFINE_float("score_threshold", 0.3, "Show detections with a score above this.", 0.0, 1.0)
flags.DEFINE_boolean("headless", False, "Without a window: write the annotated frames to --output.")
flags.DEFINE_string("output", "", "The mp4 file that --headless writes.")


def main() -> int:
    if FLAGS.headless != bool(FLAGS.output):
        wanted, received = ("--output=FILE.mp4", "--headless") if FLAGS.headless else ("--headless", "--output")
        raise ValueError(f"{received}: expected {wanted} with it. Received: {received} alone")
    _require_model(FLAGS.model)
    return _headless() if FLAGS.headless else _window()


def _window() -> NoReturn:
    from ssd_tf.media.source import find_source
    from ssd_tf.viewer.engine.engine import View

    try:
        import_extra("PySide6.QtWidgets")
    except ImportError as error:  # PySide6 is there, a library of the system that it needs is not
        raise OSError(f"Qt cannot be loaded: {error}. --headless --output=out.mp4 works without it") from error
    from ssd_tf.viewer.window.program import run_window

    find_source(FLAGS.source).close()  # says at once that a file is not there; the window opens it itself
    outcome = run_window(_load_model, FLAGS.model, FLAGS.source, View(score_threshold=FLAGS.score_threshold))
    # As EXIT_KEYBOARD and EXIT_TERMINATED.
    status = 128 + outcome.ended_by if outcome.ended_by else cli.EXIT_OK
    if outcome.problem:
        status = cli.EXIT_MISTAKE
        print(f"error: {outcome.problem}", file=sys.stderr, flush=True)
    for thread in threading.enumerate():  # a recording that is still being written
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join()
    # TensorFlow's own end takes seconds after the window is gone, and nothing can stop a model that is being loaded or
    # is in the middle of a frame.
    cli.leave(status)


def _headless() -> int:
    """Writes what is found in every frame to a video."""
    from ssd_tf.media.source import open_source
    from ssd_tf.media.video_writer import VideoWriter

    with open_source(FLAGS.source) as source, VideoWriter(FLAGS.output, source.info.fps) as writer:
        predictor = _load_model()
        from ssd_tf.inference.video import annotate_source

        start = time.monotonic()
        done = annotate_source(predictor, source, writer, FLAGS.score_threshold)
        speed = done.frames / max(time.monotonic() - start, 1e-9)
    where = f"the video is {FLAGS.output}" if writer.frames else "no video was written"
    print(f"{done.objects} objects in {done.frames} frames, {speed:.1f} frames/s; {where}")
    if done.problem:
        raise OSError(done.problem)
    return cli.EXIT_OK


def _load_model():
    """The predictor; TensorFlow is imported here, so that a window is there before it."""
    cli.start_tensorflow()
    from ssd_tf.inference.predictor import load_predictor, warn_of_min_score

    predictor = load_predictor(FLAGS.model)
    warn_of_min_score(predictor, FLAGS.score_threshold)
    return predictor


def _require_model(model: str) -> None:
    """Raises FileNotFoundError where there is nothing; what is there is looked at when TensorFlow is."""
    if not any(pathlib.Path(model + ending).exists() for ending in ("", ".index")):
        raise FileNotFoundError(f"no model at {model}: expected {cli.MODEL_HELP[0].lower()}{cli.MODEL_HELP[1:]}")


if __name__ == "__main__":
    cli.run(main, tensorflow=False)
