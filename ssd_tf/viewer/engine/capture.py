# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The capture thread: plays one source after the other at its own pace, with pause and single steps."""

import enum
import threading
import time
from typing import NamedTuple

from ssd_tf.media.latest import LatestSlot
from ssd_tf.media.open import find_source
from ssd_tf.media.rates import Pace, Rate
from ssd_tf.media.source import Source, SourceInfo
from ssd_tf.utils.errors import UserError
from ssd_tf.viewer.engine.messages import Captured, State, StateMessage

# A video that is so late leaves out frames; less is only a busy moment.
_LATE_SECONDS = 0.1
# Left out in a row; a machine too slow to decode in real time would else never show one.
_MAX_LEFT_OUT = 25
# Steps that may wait: a key that is held down asks for more than a slow model can show.
_MAX_STEPS = 2


class _Request(NamedTuple):
    opening: int
    source: str


class _Turn(enum.Enum):
    FRAME = enum.auto()
    STEP = enum.auto()
    OVER = enum.auto()


class Capture:
    """`run` is the capture thread, which puts frames and states into `output`. Other threads may call all the rest.

    Attributes:
      source_info: of the source that was asked for last; None until that is open. Stays after its end.
    """

    source_info: SourceInfo | None = None

    def __init__(self, output: LatestSlot[Captured | StateMessage], fast: bool):
        self._output = output
        self._fast = fast
        self._pace, self._rate = Pace(), Rate()
        self._reported: tuple[int, State] | None = None
        self._changed = threading.Condition()  # guards all below
        self._request: _Request | None = None
        self._opening = 0  # of what plays
        self._source: Source | None = None
        self._ready = self._stopped = self._closing = self._paused = False
        self._steps = 0

    def play(self, opening: int, source: str) -> None:
        """Opens a source in place of what plays, and ends a pause."""
        with self._changed:
            self._request = _Request(opening, source)
            self._paused, self._steps = False, 0
            self.source_info = None
            self._interrupt()

    def allow(self) -> None:
        """Lets `run` open sources; until then it waits."""
        with self._changed:
            self._ready = True
            self._changed.notify_all()

    def set_paused(self, paused: bool) -> None:
        with self._changed:
            if paused != self._paused:
                self._paused, self._steps = paused, 0
            self._changed.notify_all()

    def step(self) -> None:
        """One more frame, if paused. Of those that wait already two are kept."""
        with self._changed:
            self._steps = min(self._steps + self._paused, _MAX_STEPS)
            self._changed.notify_all()

    def stop(self, opening: int | None = None) -> None:
        """Ends what plays without a word; with a number only if it is of that opening."""
        with self._changed:
            if opening in (None, self._opening):
                self._stopped = True
                self._interrupt()

    def close(self) -> None:
        """Ends `run`."""
        with self._changed:
            self._closing = True
            self._interrupt()

    def run(self) -> None:
        while request := self._next_request():
            try:
                with find_source(request.source) as source:
                    self._play(source, request.opening)
            except (OSError, UserError) as error:
                if not self._over():  # else it was interrupted on purpose
                    self._tell(request.opening, State.LOST, str(error))
            finally:
                with self._changed:
                    self._source = None

    def _next_request(self) -> _Request | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing or (self._ready and self._request))
            request, self._request = self._request, None
            self._stopped = False
            if self._closing or not request:
                return None
            self._opening = request.opening
            return request

    def _play(self, source: Source, opening: int) -> None:
        with self._changed:
            self._source = source
        if self._over():
            return
        source.open()
        with self._changed:
            if self._over():
                return
            self.source_info = source.info
        self._restart_clocks()
        while (turn := self._turn(source, opening)) is not _Turn.OVER:
            start = time.monotonic()
            frame = source.read()
            if frame is None:
                self._tell(opening, State.ENDED, f"{source.info.name} has ended")
                return
            now = time.monotonic()
            # To wait for a camera is not to be slow.
            reading = 0.0 if source.info.is_live else now - start
            if turn is _Turn.FRAME and not source.info.is_live and not self._fast:
                now = self._keep_pace(source, frame.seconds)
            rate = self._rate.add(now, frame.index + 1)
            kept = turn is _Turn.STEP or source.info.kind == "images"
            self._output.put(Captured(opening, frame, now - reading, rate, kept), keep=kept)

    def _turn(self, source: Source, opening: int) -> _Turn:
        """Waits out a pause, but for steps."""
        while True:
            with self._changed:
                if self._over():
                    return _Turn.OVER
                if not self._paused:
                    break
                if self._steps:
                    self._steps -= 1
                    return _Turn.STEP
            self._tell(opening, State.PAUSED, f"{source.info.name} is paused")
            self._restart_clocks()
            if source.info.is_live:
                source.read()  # and thrown away, so that the next frame is fresh
                continue
            with self._changed:
                self._changed.wait_for(lambda: self._over() or not self._paused or self._steps)
        self._tell(opening, State.RUNNING, source.info.name)
        return _Turn.FRAME

    def _keep_pace(self, source: Source, seconds: float) -> float:
        """Waits until the frame is due, or leaves out the frames after it if it is late. Returns the time."""
        due = self._pace.due(seconds, time.monotonic())
        with self._changed:
            self._changed.wait_for(lambda: self._over() or self._paused, max(0.0, due - time.monotonic()))
        now, fps = time.monotonic(), source.info.fps
        if source.info.kind == "images" and now > due + _LATE_SECONDS:
            self._pace.restart()  # from here on, else those after it would come all at once
            self._pace.due(seconds, now)
        if source.info.kind == "video" and fps and now > due + _LATE_SECONDS:
            behind = int((now - due) * fps)
            for _ in range(min(behind, _MAX_LEFT_OUT)):
                if not source.skip():
                    break
            if behind > _MAX_LEFT_OUT:
                self._pace.restart()
        return now

    def _restart_clocks(self) -> None:
        self._pace.restart()
        self._rate.restart()

    def _over(self) -> bool:
        return self._closing or self._stopped or self._request is not None

    def _interrupt(self) -> None:
        if self._source:
            self._source.interrupt()
        self._changed.notify_all()

    def _tell(self, opening: int, state: State, text: str) -> None:
        """Puts a state behind the frames before it, unless it was the last."""
        if self._reported == (opening, state):
            return
        self._reported = (opening, state)
        self._output.put(StateMessage(opening, state, text), keep=True)
