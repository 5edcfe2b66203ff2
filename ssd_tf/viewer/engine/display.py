# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The drawing thread: draws the boxes that the viewer wants to see, and hands the image over."""

import dataclasses
import pathlib
import threading
import time
from collections.abc import Callable

import numpy as np

from ssd_tf.drawing.placement import LabelMemory
from ssd_tf.media.latest import LatestSlot
from ssd_tf.media.rates import Rate
from ssd_tf.media.video_writer import VideoWriter
from ssd_tf.utils.errors import UserError
from ssd_tf.viewer.engine.messages import Detected, Redraw, State, StateMessage
from ssd_tf.viewer.engine.recorder import Recorder
from ssd_tf.viewer.engine.view import View, count_classes, draw_view


@dataclasses.dataclass(frozen=True)
class Stats:
    """How it goes.

    Attributes:
      source_fps: frames that the source gives a second.
      shown_fps: those of them that are shown.
      latency_ms: of this frame, from reading it until its image was handed over.
      inference_ms: of this frame; resizing it for the model is part of that.
      skipped: frames of this source that were not shown.
      shown: frames of this source that were.
    """

    source_fps: float
    shown_fps: float
    latency_ms: float
    inference_ms: float
    skipped: int
    shown: int


@dataclasses.dataclass(frozen=True)
class Shown:
    """An image for the viewer.

    Attributes:
      image: uint8 RGB [h, w, 3], which fits View.size.
      index, seconds: the frame's.
      frame_size: (width, height) of the frame itself, in pixels.
      frame_name: the file's, where the frame is one of several images or the only one; else empty.
      objects: how many boxes are drawn.
      counts: class (1..C) -> detections with score enough, those of hidden classes included.
    """

    image: np.ndarray
    index: int
    seconds: float
    frame_size: tuple[int, int]
    frame_name: str
    objects: int
    counts: dict[int, int]
    stats: Stats


class Display:
    """`run` is the drawing thread. Other threads may call all the rest.

    Attributes:
      opening: what is older is dropped.
    """

    def __init__(
        self,
        results: LatestSlot[Detected | StateMessage | Redraw],
        on_shown: Callable[[Shown], None],
        on_state: Callable[[State, str], None],
        view: View,
    ):
        self.opening = 0
        self._results = results
        self._on_shown = on_shown
        self._on_state = on_state
        self._view = self._drawn_view = view
        self._last: tuple[Detected, Stats] | None = None
        self._rate = Rate()
        self._labels = LabelMemory()
        self._recording_lock = threading.Lock()  # never held for long
        self._recorder: Recorder | None = None

    def set_view(self, view: View) -> None:
        """Shows the last frame once more as the viewer wants it now."""
        self._view = view
        # Where another message waits, the view is looked at after that.
        self._results.offer(Redraw())

    def snapshot(self) -> tuple[np.ndarray, int] | None:
        """The last frame at its own size, with its boxes, and its index; None before the first."""
        last = self._last
        if not last:
            return None
        image, _ = draw_view(last[0], self._view.at_frame_size(), LabelMemory())
        return image, last[0].captured.frame.index

    @property
    def recorder(self) -> Recorder | None:
        """What records, or has broken off; None where nobody has asked for a recording since the last one's end."""
        return self._recorder

    def start_recording(self, path: str | pathlib.Path, fps: float) -> None:
        """Records what is shown from the next frame on, at the frames' own size.

        Raises:
          ValueError: it records already, or the name does not end in .mp4.
          FileExistsError: the file is there.
          OSError: it cannot be written.
        """
        with self._recording_lock:
            if self._recorder and self._recorder.is_running:
                raise UserError(f"expected no recording. Received: {path}, while {self._recorder.path} is recorded")
            if pathlib.Path(path).exists():
                raise FileExistsError(f"expected a new file to record to. Received: {path}, which is there")
            self._recorder = Recorder(VideoWriter(path, fps))

    def take_recorder(self) -> Recorder | None:
        """What records, which gets no more frames and ends when it has written the last; None where nothing does."""
        with self._recording_lock:
            recorder, self._recorder = self._recorder, None
        if recorder:
            recorder.end()
        return recorder

    def run(self) -> None:
        while (message := self._results.take()) is not None:  # a Redraw is empty, and so false
            if isinstance(message, StateMessage) and message.opening in (None, self.opening):
                self._tell(message)
            elif isinstance(message, Detected) and message.opening == self.opening:
                self._show(message)
            if self._view is not self._drawn_view:
                self._redraw()

    def _tell(self, message: StateMessage) -> None:
        # A pause counts neither in the video nor in the rate.
        if recorder := self._recorder:
            recorder.cut()
        self._rate.restart()
        self._on_state(message.state, message.text)

    def _show(self, detected: Detected) -> None:
        captured, view = detected.captured, self._view
        image, objects = draw_view(detected, view, self._labels)
        shown = 1
        if self._last and self._last[0].opening == detected.opening:
            shown += self._last[1].shown
        else:
            self._rate.restart()
        now = time.monotonic()
        stats = Stats(
            source_fps=captured.source_fps,
            shown_fps=self._rate.add(now, shown),
            latency_ms=1000 * (now - captured.since),
            inference_ms=detected.inference_ms,
            skipped=captured.frame.index + 1 - shown,
            shown=shown,
        )
        self._last, self._drawn_view = (detected, stats), view
        self._on_shown(_shown(image, objects, detected, view, stats))
        if recorder := self._recorder:
            recorder.put(detected, view)

    def _redraw(self) -> None:
        if not self._last:
            return
        (detected, stats), view = self._last, self._view
        image, objects = draw_view(detected, view, self._labels)
        self._drawn_view = view
        self._on_shown(_shown(image, objects, detected, view, stats))


def _shown(image: np.ndarray, objects: int, detected: Detected, view: View, stats: Stats) -> Shown:
    frame = detected.captured.frame
    size = (frame.image.shape[1], frame.image.shape[0])
    counts = count_classes(detected, view)
    return Shown(image, frame.index, frame.seconds, size, frame.name, objects, counts, stats)
