# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Rates and times of frames. All times are seconds of one clock that does not jump, as time.monotonic's."""

import collections

# Long enough for a steady number, short enough to follow a change.
_WINDOW_SECONDS = 2.0


class Rate:
    """How many a second, over the last two seconds."""

    def __init__(self) -> None:
        self._marks: collections.deque[tuple[float, int]] = collections.deque()

    def add(self, now: float, total: int) -> float:
        """Says that the count stands at `total` now, and returns the rate; 0 at the first call."""
        self._marks.append((now, total))
        # Two marks stay whatever their age, so that one image in five seconds is 0.2 a second.
        while len(self._marks) > 2 and now - self._marks[0][0] > _WINDOW_SECONDS:
            self._marks.popleft()
        start, count = self._marks[0]
        return (total - count) / (now - start) if now > start else 0.0

    def restart(self) -> None:
        """After a pause, which shall not count."""
        self._marks.clear()


class Pace:
    """When each frame of a file is due, so that it plays in real time."""

    def __init__(self) -> None:
        self._origin: float | None = None

    def due(self, seconds: float, now: float) -> float:
        """The time at which to show the frame at `seconds` of the file. The first one after a restart is due now."""
        if self._origin is None:
            self._origin = now - seconds
        return self._origin + seconds

    def restart(self) -> None:
        """After a pause, or where the machine is too slow to keep up."""
        self._origin = None


class EvenTimes:
    """Times of a file's frames for a video of `fps` frames a second, from 0 on.

    Times that are within half a frame of even ones are made even, so that the video has each of these frames once.
    Others are taken as they are, as of a file whose rate varies. Where the file's times stand still, frames follow each
    other evenly.
    """

    def __init__(self, fps: float):
        self._fps = fps
        self._count = 0
        self._first = self._last = self._given = 0.0

    def add(self, seconds: float) -> float:
        """The next frame's time; never less than the one before."""
        if not self._count:
            self._first = seconds
        even = self._count / self._fps
        if self._count and seconds == self._last:
            wanted = self._given + 1 / self._fps
        elif abs(seconds - self._first - even) * self._fps <= 0.5:
            wanted = even
        else:
            wanted = seconds - self._first
        self._count, self._last = self._count + 1, seconds
        self._given = max(self._given, wanted)
        return self._given
