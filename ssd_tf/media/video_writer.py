# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Writing mp4 files: frame by frame, or by the clock, so that what is recorded of a slow model plays in real time.

The codec is MPEG-4 part 2, the only one that OpenCV's packages write on every system. Players read it, browsers do not.
"""

import math
import os
import pathlib
import secrets
import time
from typing import Self

import cv2
import numpy as np

from ssd_tf.media.opencv_source import quiet_opencv
from ssd_tf.media.scaling import letterbox, pad_to_even
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import require_file_target, require_space

# For sources that do not say theirs.
_USUAL_FPS = 25.0
# Of what is recorded live: more costs much and shows little.
_MAX_LIVE_FPS = 30.0
# Fraction of the time that encoding may take of a live recording.
_BUSY_FRACTION = 0.5
# The fastest of what is tried for so long shows what encoding a frame takes; others may be slow for other reasons.
_TRIAL_SECONDS, _MIN_TRIALS = 0.5, 3
# How far a live recording may fall behind at once, where encoding becomes slower than it was at first.
_MOST_LAG_SECONDS = 1.0
# Left free on the disk, so that a file can be finished before it is full. A second of 4K is seldom more.
_SPARE_BYTES = 50_000_000


class DiskFullError(OSError):
    """The disk is nearly full. What was written until then can still be finished by `close`."""


class VideoWriter:
    """Writes an mp4, which appears whole when it is closed; until then `path` stays as it was.

    The first frame gives the size. Frames of another size are fitted into it with black bars.

    Attributes:
      path: the file.
      fps: its frames a second, rounded to what the codec can say.
      frames: how many were written.
    """

    def __init__(self, path: str | pathlib.Path, fps: float):
        """An fps of 0 stands for unknown, and is taken as 25.

        Raises:
          ValueError: the name does not end in .mp4.
          OSError: the folder cannot be written to, or a folder is in the file's place.
        """
        self.path = pathlib.Path(path)
        if self.path.suffix.lower() != ".mp4":
            raise UserError(f"expected a name that ends in .mp4 for a video to write. Received: {self.path}")
        require_file_target(self.path)
        self.fps = _codec_fps(fps or _USUAL_FPS)
        self.frames = 0
        self._size = (0, 0)
        self._writer = cv2.VideoWriter()
        # Ends in .mp4, since OpenCV takes the format from the name.
        self._temporary = self.path.with_name(f".{self.path.stem}.{os.getpid()}-{secrets.token_hex(4)}.tmp.mp4")

    def write(self, image: np.ndarray) -> None:
        """Adds a frame, uint8 RGB [H, W, 3].

        Raises:
          DiskFullError: there is little space left; the frame is not added.
          OSError: the file cannot be written.
        """
        if not self.frames:
            self._open(image)
        if self.frames % math.ceil(self.fps) == 0:  # about once a second
            self._require_space()
        self._encode(image)
        self.frames += 1

    def fit_rate(self, image: np.ndarray) -> None:
        """Before the first frame: lowers `fps` so that frames like this one can be written live. Encodes some of them.

        Raises:
          OSError: the file cannot be written.
        """
        self._open(image)
        wanted = min(self.fps, _MAX_LIVE_FPS)
        tried, fastest = 0, math.inf
        begin = end = time.perf_counter()
        while tried < _MIN_TRIALS or (fastest > _BUSY_FRACTION / wanted and end - begin < _TRIAL_SECONDS):
            start = time.perf_counter()
            self._encode(image[:, :: -1 if tried % 2 else 1])  # an image that stands still would cost less
            end = time.perf_counter()
            tried, fastest = tried + 1, min(fastest, end - start)
        self._writer.release()
        self.fps = _codec_fps(min(wanted, _BUSY_FRACTION / fastest))

    def close(self) -> None:
        """Puts the file in its place. Without any frame there is none.

        Raises:
          OSError: it could not be written whole, and was removed.
        """
        self._writer.release()
        try:
            if self.frames and self._temporary.exists():
                self._require_whole()
                self._temporary.replace(self.path)
        finally:
            self.discard()

    def discard(self) -> None:
        """Removes what was written, unless `close` has put it in its place."""
        self._writer.release()
        self._temporary.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind:
            self.discard()
        else:
            self.close()

    def _encode(self, image: np.ndarray) -> None:
        fitted = letterbox(pad_to_even(image), self._size)
        self._writer.write(cv2.cvtColor(fitted, cv2.COLOR_RGB2BGR))

    def _open(self, first: np.ndarray) -> None:
        quiet_opencv()
        height, width = pad_to_even(first).shape[:2]
        self._size = (width, height)
        codec = cv2.VideoWriter.fourcc(*"mp4v")
        if not self._writer.open(str(self._temporary), cv2.CAP_FFMPEG, codec, self.fps, self._size):
            raise OSError(
                f"{self.path}: a video of {width} x {height} pixels, {self.fps:g} frames/s, cannot be written"
            )

    def _require_space(self) -> None:
        try:
            require_space(self.path.parent, _SPARE_BYTES)
        except OSError as error:
            raise DiskFullError(f"{self.path}: ends after {self.frames / self.fps:.0f} s: {error}") from error

    def _require_whole(self) -> None:
        """OpenCV does not tell when a disk is full: looks whether all frames are there."""
        written = cv2.VideoCapture(str(self._temporary), cv2.CAP_FFMPEG)
        frames = int(written.get(cv2.CAP_PROP_FRAME_COUNT)) if written.isOpened() else 0
        written.release()
        if frames < self.frames:
            raise OSError(f"{self.path}: {frames} of {self.frames} frames could be written; is the disk full?")


class Recording:
    """Writes frames that come at any time: each is repeated until the next one's time has come.

    A live one must keep up with the clock: its first frame lowers the writer's fps to what can be encoded in half of
    the time. Where that does not do, frames are repeated less often than they should, and the video gets shorter.
    """

    def __init__(self, writer: VideoWriter, *, live: bool = False):
        self.writer = writer
        self._live = live
        self._held: np.ndarray | None = None
        self._held_seconds = 0.0
        self._origin = 0.0  # when the video's first frame was, had there been no cuts

    def write(self, image: np.ndarray, seconds: float) -> None:
        """Adds what is seen from `seconds` on by the source's clock; where that has gone back, right after the last.

        Raises:
          OSError: as VideoWriter.write.
        """
        if self._held is not None and seconds < self._held_seconds:
            self.cut()
        if self._held is None and self._live and not self.writer.frames:
            self.writer.fit_rate(image)
        if self._held is None or not self._hold_until(round((seconds - self._origin) * self.writer.fps), seconds):
            self._origin = seconds - self.writer.frames / self.writer.fps
        self._held, self._held_seconds = image, seconds

    def cut(self) -> None:
        """Ends the last frame. The time until the next one will not be in the video, as that of a pause."""
        if self._held is not None:
            self.writer.write(self._held)
            self._held = None

    def close(self) -> None:
        """Raises as VideoWriter's."""
        self.cut()
        self.writer.close()

    def _hold_until(self, frames: int, seconds: float) -> bool:
        """Repeats what is held until there are so many frames; False where there was no time for all of them."""
        # As long as what is held was seen, else it would fall behind further and further.
        end = time.monotonic() + max(seconds - self._held_seconds, _MOST_LAG_SECONDS)
        while self._held is not None and self.writer.frames < frames:
            if self._live and time.monotonic() > end:
                return False
            self.writer.write(self._held)
        return True


def _codec_fps(fps: float) -> float:
    """MPEG-4 gives a rate as a fraction of numbers up to 65,535; OpenCV makes it a decimal one, of 0.002 or more."""
    return max(0.002, round(fps, 3 if fps < 65 else 2))
