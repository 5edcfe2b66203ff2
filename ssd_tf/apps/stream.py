# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Shows live what a model finds in a camera, a video, a stream or a folder of images.

python -m ssd_tf.apps.stream --source=0 --model=runs/mlperf
python -m ssd_tf.apps.stream --source=street.mp4 --model=runs/mlperf --headless --output=found.mp4
"""

import pathlib
import sys
import time
from typing import NoReturn

from absl import flags

from ssd_tf.apps import cli, tiling
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.imports import import_extra
from ssd_tf.weights.published import find_detector, is_published

# A window is there before TensorFlow, which takes seconds; see _load_model.
STARTS_TENSORFLOW = False


def define_flags(values: flags.FlagValues) -> None:
    cli.define_path("model", None, cli.MODEL_HELP, required=True, flag_values=values)
    cli.define_path(
        "source",
        "0",
        "A camera's number, a video, rtsp://... or http://..., a folder of images or a pattern such as 'photos/*.jpg'.",
        flag_values=values,
    )
    flags.DEFINE_float("score_threshold", 0.3, "Show detections with a score above this.", 0.0, 1.0, flag_values=values)
    flags.DEFINE_boolean(
        "headless", False, "Without a window: write the annotated frames to --output.", flag_values=values
    )
    cli.define_path("output", "", "The mp4 file that --headless writes.", flag_values=values)
    flags.DEFINE_bool(
        "overwrite", False, "Let --output replace a file that neither stream nor predict wrote.", flag_values=values
    )
    tiling.define_flags(values)


def check_flags(args: flags.FlagValues) -> None:
    tiling.tiling_of(args)


def main(args: flags.FlagValues) -> int:
    if args.headless != bool(args.output):
        wanted, received = ("--output=FILE.mp4", "--headless") if args.headless else ("--headless", "--output")
        raise UserError(f"{received}: expected {wanted} with it. Received: {received} alone")
    _require_model(args.model)
    return _headless(args) if args.headless else _window(args)


def _window(args: flags.FlagValues) -> NoReturn:
    from ssd_tf.media.open import find_source
    from ssd_tf.viewer.engine.engine import View

    try:
        import_extra("PySide6.QtWidgets")
    except ImportError as error:  # PySide6 is there, a library of the system that it needs is not
        raise OSError(f"Qt cannot be loaded: {error}. --headless --output=out.mp4 works without it") from error
    from ssd_tf.viewer.window.program import run_window, wait_for_recordings

    find_source(args.source).close()  # says at once that a file is not there; the window opens it itself
    outcome = run_window(lambda: _load_model(args), args.model, args.source, View(score_threshold=args.score_threshold))
    # As EXIT_KEYBOARD and EXIT_TERMINATED.
    status = 128 + outcome.ended_by if outcome.ended_by else cli.EXIT_OK
    if outcome.problem:
        status = cli.EXIT_MISTAKE
        print(f"error: {outcome.problem}", file=sys.stderr, flush=True)
    wait_for_recordings()
    # TensorFlow's own end takes seconds after the window is gone, and nothing can stop a model that is being loaded or
    # is in the middle of a frame.
    cli.leave(status)


def _headless(args: flags.FlagValues) -> int:
    """Writes what is found in every frame to a video."""
    from ssd_tf.inference.marks import mark_video, require_own
    from ssd_tf.media.open import open_source
    from ssd_tf.media.video_writer import VideoWriter

    output = pathlib.Path(args.output)
    if not args.overwrite:
        require_own([output], "--output")
    with open_source(args.source) as source, VideoWriter(args.output, source.info.fps) as writer:
        predictor = _load_model(args)
        from ssd_tf.inference.video import annotate_source

        start = time.monotonic()
        done = annotate_source(predictor, source, writer, args.score_threshold)
        speed = done.frames / max(time.monotonic() - start, 1e-9)
    if writer.frames:
        mark_video(output)
    where = f"the video is {args.output}" if writer.frames else "no video was written"
    print(f"{done.objects} objects in {done.frames} frames, {speed:.1f} frames/s; {where}")
    if done.problem:
        raise OSError(done.problem)
    if source.left_out:  # the log has named each
        first, *others = source.left_out
        more = f"; and {len(others)} more" if others else ""
        raise UserError(f"not all images could be read: {first}{more}")
    return cli.EXIT_OK


def _load_model(args: flags.FlagValues):
    """The predictor; TensorFlow is imported here, where the model needs it, so that a window is there before it."""
    from ssd_tf.export.exported import needs_tensorflow

    if needs_tensorflow(args.model):
        cli.start_tensorflow()
    from ssd_tf.inference.load import load_predictor, warn_of_min_score

    predictor = load_predictor(args.model)
    warn_of_min_score(predictor, args.score_threshold)
    return tiling.tiled(args, predictor)


def _require_model(model: str) -> None:
    """Raises FileNotFoundError where there is nothing; what is there is looked at when TensorFlow is."""
    if is_published(model):
        find_detector(model)
    elif not any(pathlib.Path(model + ending).exists() for ending in ("", ".index")):
        raise FileNotFoundError(f"no model at {model}: expected {cli.MODEL_HELP[0].lower()}{cli.MODEL_HELP[1:]}")


if __name__ == "__main__":
    cli.run("stream")
