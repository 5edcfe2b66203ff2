# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The drawing thread: draws the boxes that the viewer wants to see, hands the picture over, and records it."""

import dataclasses
import pathlib
import threading
import time
from collections.abc import Callable

import numpy as np

from ssd_tf.evaluation.drawing import draw_detections
from ssd_tf.evaluation.placement import LabelMemory
from ssd_tf.live.messages import Detected, Redraw, State, Told
from ssd_tf.live.newest import Newest
from ssd_tf.live.recording import Recording, VideoWriter
from ssd_tf.live.scaling import fit_within
from ssd_tf.live.speed import Rate

# Of what is recorded: nobody sees more.
_MAX_FPS = 60.0


@dataclasses.dataclass(frozen=True)
class View:
    """What the viewer wants to see.

    Attributes:
      score_threshold: detections with a lower score are not drawn. Under 0.05 there are none.
      hidden_classes: are not drawn; of 1..C.
      size: (width, height) in the screen's own pixels that the picture shall fit; None is the frame's size.
      text_scale: pixels of the screen for one of the desktop's, so that labels can be read on fine screens.
    """

    score_threshold: float = 0.3
    hidden_classes: frozenset[int] = frozenset()
    size: tuple[int, int] | None = None
    text_scale: float = 1.0


@dataclasses.dataclass(frozen=True)
class Stats:
    """How it goes.

    Attributes:
      source_fps: frames that the source gives a second.
      shown_fps: those of them that are shown.
      latency_ms: of this frame, from reading it until its picture was handed over.
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
    """A picture for the viewer.

    Attributes:
      picture: uint8 RGB [h, w, 3], which fits View.size.
      index, seconds: the frame's.
      objects: how many boxes are drawn.
      counts: class (1..C) -> detections with score enough, those of hidden classes included.
    """

    picture: np.ndarray
    index: int
    seconds: float
    objects: int
    counts: dict[int, int]
    stats: Stats


class Showing:
    """`run` is the drawing thread. Other threads may call all the rest.

    Attributes:
      opening: what is older is dropped.
    """

    def __init__(
        self,
        results: Newest[Detected | Told | Redraw],
        on_shown: Callable[[Shown], None],
        on_state: Callable[[State, str], None],
        view: View,
    ):
        self.opening = 0
        self._results = results
        self._on_shown = on_shown
        self._on_state = on_state
        self._view = view
        self._last: tuple[Detected, Stats] | None = None
        self._rate = Rate()
        self._labels, self._recorded_labels = LabelMemory(), LabelMemory()
        self._recording_lock = threading.Lock()
        self._recording: Recording | None = None
        self._recording_error: OSError | None = None

    def set_view(self, view: View) -> None:
        """Shows the last frame once more as the viewer wants it now."""
        self._view = view
        self._results.offer(Redraw())

    def snapshot(self) -> np.ndarray | None:
        """The last frame at its own size, with its boxes; None before the first."""
        last = self._last
        return _drawn(last[0], _at_its_own_size(self._view), LabelMemory())[0] if last else None

    @property
    def is_recording(self) -> bool:
        return self._recording is not None

    def start_recording(self, path: str | pathlib.Path, fps: float) -> None:
        """Records what is shown from the next frame on, at the frames' own size.

        Raises:
          ValueError: it records already, or the name does not end in .mp4.
          FileExistsError: the file is there.
          OSError: it cannot be written.
        """
        with self._recording_lock:
            if self._recording:
                raise ValueError(
                    f"expected no recording. Received: {path}, while {self._recording.writer.path} is recorded"
                )
            if pathlib.Path(path).exists():
                raise FileExistsError(f"expected a new file to record to. Received: {path}, which is there")
            self._recording, self._recording_error = Recording(VideoWriter(path, min(fps, _MAX_FPS))), None

    def stop_recording(self) -> pathlib.Path | None:
        """The file, which is whole now; None where nothing was recorded.

        Raises:
          OSError: it could not be written.
        """
        with self._recording_lock:
            recording, self._recording = self._recording, None
            error, self._recording_error = self._recording_error, None
            if error:
                raise error
            if not recording:
                return None
            recording.close()
            return recording.writer.path if recording.writer.frames else None

    def run(self) -> None:
        while (message := self._results.take()) is not None:  # a Redraw is empty, and so false
            if isinstance(message, Redraw):
                self._redraw()
            elif message.opening not in (None, self.opening):
                continue
            elif isinstance(message, Told):
                # A pause counts neither in the video nor in the rate.
                self._with_recording(Recording.cut)
                self._rate.restart()
                self._on_state(message.state, message.text)
            else:
                self._show(message)

    def _show(self, detected: Detected) -> None:
        captured, view = detected.captured, self._view
        picture, objects = _drawn(detected, view, self._labels)
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
        self._last = detected, stats
        self._on_shown(
            Shown(picture, captured.frame.index, captured.frame.seconds, objects, _counts(detected, view), stats)
        )
        self._record(detected, view)

    def _redraw(self) -> None:
        if not self._last:
            return
        (detected, stats), view = self._last, self._view
        picture, objects = _drawn(detected, view, self._labels)
        frame = detected.captured.frame
        self._on_shown(Shown(picture, frame.index, frame.seconds, objects, _counts(detected, view), stats))

    def _record(self, detected: Detected, view: View) -> None:
        def write(recording: Recording) -> None:
            picture, _ = _drawn(detected, _at_its_own_size(view), self._recorded_labels)
            recording.write(picture, detected.captured.frame.seconds)

        self._with_recording(write)

    def _with_recording(self, work: Callable[[Recording], None]) -> None:
        """Does something to the recording, if there is one. An error ends it, and is told who stops it."""
        with self._recording_lock:
            if not self._recording:
                return
            try:
                work(self._recording)
            except OSError as error:
                self._recording.writer.discard()
                self._recording, self._recording_error = None, error


def _counts(detected: Detected, view: View) -> dict[int, int]:
    found = detected.found
    count = int(found.count[0])
    classes, numbers = np.unique(
        found.classes[0, :count][found.scores[0, :count] >= view.score_threshold], return_counts=True
    )
    return dict(zip(classes.tolist(), numbers.tolist(), strict=True))


def _at_its_own_size(view: View) -> View:
    return dataclasses.replace(view, size=None, text_scale=1.0)


def _drawn(detected: Detected, view: View, labels: LabelMemory) -> tuple[np.ndarray, int]:
    """The picture, and how many boxes it has."""
    image, found = detected.captured.frame.image, detected.found
    count = int(found.count[0])
    classes, scores = found.classes[0, :count], found.scores[0, :count]
    wanted = (scores >= view.score_threshold) & ~np.isin(classes, list(view.hidden_classes))
    picture = draw_detections(
        fit_within(image, view.size) if view.size else image,
        found.boxes[0, :count][wanted],
        classes[wanted],
        scores[wanted],
        detected.names,
        min_side=0,
        text_scale=view.text_scale,
        memory=labels,
    )
    return picture, int(wanted.sum())
