# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Detection in what a camera, a stream, a video or a folder shows, as it happens.

Three threads hand frames on: capture -> inference -> drawing. Between them is room for one frame, and the latest wins,
so that a slow model shows fewer frames but none later, and memory stays flat. Nothing here needs a screen.
"""

import pathlib
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ssd_tf.media.latest import LatestSlot
from ssd_tf.media.source import SourceInfo
from ssd_tf.viewer.engine.capture import Capture
from ssd_tf.viewer.engine.display import Display, Shown, Stats
from ssd_tf.viewer.engine.inference import Inference
from ssd_tf.viewer.engine.messages import Captured, Detected, Redraw, State, StateMessage
from ssd_tf.viewer.engine.recorder import Recorder
from ssd_tf.viewer.engine.view import View

if TYPE_CHECKING:  # imports TensorFlow, which takes seconds
    from ssd_tf.inference.batches import AnyPredictor

__all__ = ["Engine", "Shown", "State", "Stats", "View"]

_FIRST_VIEW = View()


class Engine:
    """Reads, detects and draws. All methods may be called from any thread and none waits for a frame.

    `on_shown` and `on_state` are called by the drawing thread, in order: after PAUSED no new frame comes until `step`
    or `set_paused(False)`, and ENDED comes after the last frame. Only CLOSED is reported by the caller of `close`. The
    text of a state is a sentence for people.

    Attributes:
      broken: a thread has ended by a bug, reported as FAILED: nothing can be opened any more.
    """

    broken = False

    def __init__(
        self,
        load_model: "Callable[[], AnyPredictor]",
        on_shown: Callable[[Shown], None],
        on_state: Callable[[State, str], None],
        view: View = _FIRST_VIEW,
        *,
        fast: bool = False,
    ):
        """
        Args:
          load_model: is called in the inference thread, so that TensorFlow can be imported there.
          on_shown: gets every new image, and the last one again where the view has changed.
          on_state: gets every change of state.
          view: what is shown at first.
          fast: read a file as fast as possible in place of at its own pace.
        """
        captured: LatestSlot[Captured | StateMessage] = LatestSlot()
        results: LatestSlot[Detected | StateMessage | Redraw] = LatestSlot()
        self._slots = (captured, results)
        self._on_state = on_state
        self._capture = Capture(captured, fast)
        self._inference = Inference(load_model, self._capture, captured, results)
        self._display = Display(results, on_shown, on_state, view)
        self._lock = threading.Lock()  # guards the two below
        self._opening = 0
        self._closed = False
        self._threads = [
            threading.Thread(target=self._guarded, args=(name, work), name=f"ssd_tf-{name}", daemon=True)
            for name, work in (
                ("capture", self._capture.run),
                ("inference", self._inference.run),
                ("drawing", self._display.run),
            )
        ]

    @property
    def predictor(self) -> "AnyPredictor | None":
        """None until the model is loaded."""
        return self._inference.predictor

    @property
    def source_info(self) -> SourceInfo | None:
        """Of the source that was asked for last; None until it is open. Stays when it has ended or is lost."""
        return self._capture.source_info

    @property
    def recording(self) -> bool:
        """Whether frames are recorded; False as soon as that has broken off. `stop_recording` says why."""
        recorder = self._display.recorder
        return recorder is not None and recorder.is_running

    @property
    def recorded_seconds(self) -> float:
        """How long the video that is recorded is so far; 0 where there is none."""
        recorder = self._display.recorder
        return recorder.seconds if recorder else 0.0

    def start(self) -> None:
        """Starts the threads; the model is loaded first, and sources are opened when it is there."""
        for thread in self._threads:
            thread.start()

    def open(self, source: str) -> None:
        """Opens what `open_source` takes in place of what is open. Also the way to try again, the model too."""
        with self._lock:
            self._opening += 1
            self._display.opening = self._opening
            self._capture.play(self._opening, source)
        self._inference.retry()

    def set_view(self, view: View) -> None:
        """Shows the last frame at once as the viewer wants it now, whether paused or ended."""
        self._display.set_view(view)

    def set_paused(self, paused: bool) -> None:
        """Stops a file where it is; a camera continues unseen."""
        self._capture.set_paused(paused)

    def step(self) -> None:
        """Shows one more frame while paused."""
        self._capture.step()

    def snapshot(self) -> tuple[np.ndarray, int] | None:
        """The last frame at its own size with its boxes, uint8 RGB [H, W, 3], and its index; None before the first."""
        return self._display.snapshot()

    def start_recording(self, path: str | pathlib.Path) -> None:
        """Writes what is shown from the next frame on to an mp4, at the frames' own size. It plays in real time.

        A thread of its own writes it, at 30 frames a second or at as many as take it half of the time.

        Raises:
          ValueError: it records already, or the name does not end in .mp4.
          FileExistsError: the file is there.
          OSError: it cannot be written.
        """
        self._display.start_recording(path, self.source_info.fps if self.source_info else 0.0)

    def stop_recording(self) -> pathlib.Path | None:
        """The file, which is whole now; None where no frame was recorded. Waits until it is written.

        Raises:
          OSError: it could not be written, or broke off; the text says whether its beginning is kept.
        """
        return _finished(self._display.take_recorder())

    def close(self, timeout: float = 1.0) -> list[str]:
        """Ends the threads and a recording, and says CLOSED, with what has become of the recording if it is not whole.

        A recording that takes longer is finished in the background; the program does not end before.

        Returns:
          The names of threads that have not ended within `timeout` seconds; they end when the model that they load or
          run is done, and keep no program from ending.
        """
        with self._lock:
            if self._closed:
                return self._running()
            self._closed = True
        self._capture.close()
        self._inference.close()
        for slot in self._slots:
            slot.close()
        recorder = self._display.take_recorder()
        end = time.monotonic() + timeout
        for thread in self._threads:
            if thread.ident:
                thread.join(max(0.0, end - time.monotonic()))
        self._on_state(State.CLOSED, _last_words(recorder, end))
        return self._running()

    def _running(self) -> list[str]:
        return [thread.name for thread in self._threads if thread.is_alive()]

    def _guarded(self, name: str, work: Callable[[], None]) -> None:
        """Says so where a thread ends by a mistake of the program's. Python then prints the traceback."""
        try:
            work()
        finally:
            if error := sys.exception():
                self.broken = True
                self._capture.stop()
                self._on_state(State.FAILED, f"the {name} thread has ended: {type(error).__name__}: {error}")


def _finished(recorder: Recorder | None) -> pathlib.Path | None:
    """Waits for it, and returns or raises its result."""
    if not recorder:
        return None
    recorder.wait()
    return recorder.result()


def _last_words(recorder: Recorder | None, end: float) -> str:
    """What has gone wrong with a recording until `end` of time.monotonic; empty where nothing has."""
    if recorder and not recorder.wait(max(0.0, end - time.monotonic())):
        return f"{recorder.path} is still being written"
    try:
        _finished(recorder)
    except OSError as error:
        return str(error)
    return ""
