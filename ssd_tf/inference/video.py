# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Every frame of a source, in order, with its boxes: to a video, without a window."""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import tqdm

from ssd_tf.drawing.detections import draw_detections
from ssd_tf.drawing.placement import LabelMemory
from ssd_tf.geometry.detections import Detections
from ssd_tf.inference.ahead import batched, map_ahead
from ssd_tf.inference.batches import AnyPredictor, detect_batch, model_input
from ssd_tf.media.rates import EvenTimes
from ssd_tf.media.source import Frame, Source, SourceLostError
from ssd_tf.media.video_writer import DiskFullError, Recording, VideoWriter
from ssd_tf.utils.errors import UserError


@dataclasses.dataclass(frozen=True)
class Annotated:
    """What became of a source: how many frames were read and objects found, and why it broke off, "" if it did not."""

    frames: int
    objects: int
    problem: str


def annotate_source(
    predictor: AnyPredictor,
    source: Source,
    writer: VideoWriter | None,
    score_threshold: float,
    batch_size: int = 8,
    on_frame: Callable[[Frame, Detections, np.ndarray], None] | None = None,
) -> Annotated:
    """Detects in every frame and draws what is found, with a progress bar.

    The video plays in real time: where frames do not come evenly, it repeats some or leaves some out. Of a live source
    only those count that come while the model is free. Ctrl-C ends a live source as it should be ended. Where a source
    breaks off, or the disk is nearly full, what came before counts.

    Args:
      predictor: what detects.
      source: open; is left open.
      writer: gets the annotated frames; is left open. None writes no video.
      score_threshold: leaves out what scores less.
      batch_size: frames in a step; one for a live source, where waiting for more would only delay.
      on_frame: gets every frame, its detections (NumPy, of one image) and the annotated image.

    Raises:
      ValueError: the video would replace the one that is read.
    """
    info = source.info
    if writer and info.path and writer.path.resolve() == info.path.resolve():
        raise UserError(f"expected another file to write than to read. Received: {writer.path} for both")
    recording = Recording(writer, live=info.is_live) if writer else None
    times = EvenTimes(writer.fps) if writer and not info.is_live else None
    frames = objects = 0

    def take(frame: Frame, found: Detections, drawn: np.ndarray) -> None:
        nonlocal frames, objects
        if on_frame:
            on_frame(frame, found, drawn)
        frames += 1
        objects += int(found.count[0])
        progress.update()
        if recording:
            recording.write(
                drawn, times.add(frame.seconds if info.kind == "video" else 0.0) if times else frame.seconds
            )

    with tqdm.tqdm(total=info.frames or None, unit="frame", desc=info.name) as progress:
        try:
            problem = _take_all(_detected(predictor, source, score_threshold, batch_size), take, info.is_live)
            if recording:
                recording.cut()
        except DiskFullError as error:
            problem = str(error)
    return Annotated(frames, objects, problem)


def _take_all(
    detected: Iterator[tuple[Frame, Detections, np.ndarray]],
    take: Callable[[Frame, Detections, np.ndarray], None],
    is_live: bool,
) -> str:
    """Why the source broke off, "" if it did not."""
    try:
        for frame, found, drawn in detected:
            take(frame, found, drawn)
    except SourceLostError as error:
        return str(error)
    except KeyboardInterrupt:
        if not is_live:
            raise
    return ""


def _detected(
    predictor: AnyPredictor, source: Source, score_threshold: float, batch_size: int
) -> Iterator[tuple[Frame, Detections, np.ndarray]]:
    """Every frame with its detections and as it is drawn."""
    batch_size = 1 if source.info.is_live else min(batch_size, source.info.frames or batch_size)
    names = {k: category.name for k, category in enumerate(predictor.categories, start=1)}
    labels = LabelMemory()
    inputs = map_ahead(
        lambda frame: (frame, model_input(predictor, frame.image)),
        iter(source.read, None),
        0 if source.info.is_live else batch_size,
    )
    for batch in batched(inputs, batch_size):
        detections = detect_batch(predictor, [square for _, square in batch], batch_size, score_threshold)
        for (frame, _), found in zip(batch, detections, strict=True):
            count = int(found.count[0])
            boxes, classes, scores = found.boxes[0, :count], found.classes[0, :count], found.scores[0, :count]
            drawn = draw_detections(frame.image, boxes, classes, scores, names, min_side=0, memory=labels)
            yield frame, found, drawn
