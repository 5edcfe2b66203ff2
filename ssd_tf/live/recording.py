# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Writing mp4 files: frame by frame, or by the clock, so that what is recorded of a slow model plays in real time.

The codec is MPEG-4 part 2, the only one that OpenCV's packages write on every system. Players read it, browsers do not.
"""

import os
import pathlib
import secrets
from typing import Self

import cv2
import numpy as np

from ssd_tf.files import require_file_target
from ssd_tf.live.scaling import letterbox, pad_to_even
from ssd_tf.live.video import quiet_opencv

# For sources that do not say theirs.
_USUAL_FPS = 25.0


class VideoWriter:
    """Writes an mp4, which appears whole when it is closed; until then `path` stays as it was.

    The first frame gives the size. Frames of another size are fitted into it with black bars.

    Attributes:
      path: the file.
      fps: its frames a second.
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
            raise ValueError(f"expected a name that ends in .mp4 for a video to write. Received: {self.path}")
        require_file_target(self.path)
        self.fps = fps or _USUAL_FPS
        self.frames = 0
        self._size = (0, 0)
        self._writer = cv2.VideoWriter()
        # Ends in .mp4, since OpenCV tells the format by the name.
        self._temporary = self.path.with_name(f".{self.path.stem}.{os.getpid()}-{secrets.token_hex(4)}.tmp.mp4")

    def write(self, image: np.ndarray) -> None:
        """Adds a frame, uint8 RGB [H, W, 3].

        Raises:
          OSError: the file cannot be written.
        """
        image = pad_to_even(image)
        if not self.frames:
            self._size = (image.shape[1], image.shape[0])
            self._open()
        self._writer.write(cv2.cvtColor(letterbox(image, self._size), cv2.COLOR_RGB2BGR))
        self.frames += 1

    def close(self) -> None:
        """Puts the file in its place. Without any frame there is none.

        Raises:
          OSError: it could not be written whole, and was removed.
        """
        self._writer.release()
        try:
            if self._temporary.exists():
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

    def _open(self) -> None:
        quiet_opencv()
        codec = cv2.VideoWriter.fourcc(*"mp4v")
        if not self._writer.open(str(self._temporary), cv2.CAP_FFMPEG, codec, self.fps, self._size):
            raise OSError(f"{self.path}: a video of {self._size[0]} x {self._size[1]} pixels cannot be written")

    def _require_whole(self) -> None:
        """OpenCV does not tell when a disk is full: looks whether all frames are there."""
        written = cv2.VideoCapture(str(self._temporary), cv2.CAP_FFMPEG)
        frames = int(written.get(cv2.CAP_PROP_FRAME_COUNT)) if written.isOpened() else 0
        written.release()
        if frames < self.frames:
            raise OSError(f"{self.path}: {frames} of {self.frames} frames could be written; is the disk full?")


class Recording:
    """Writes frames that come at any time: each is repeated until the next one's time has come."""

    def __init__(self, writer: VideoWriter):
        self.writer = writer
        self._held: np.ndarray | None = None
        self._held_seconds = 0.0
        self._origin = 0.0  # when the video's first frame was, had there been no cuts

    def write(self, image: np.ndarray, seconds: float) -> None:
        """Adds what is seen from `seconds` on by the source's clock; where that has gone back, right after the last.

        Raises:
          OSError: the file cannot be written.
        """
        if self._held is not None and seconds < self._held_seconds:
            self.cut()
        if self._held is None:
            self._origin = seconds - self.writer.frames / self.writer.fps
        else:
            self._hold_until(round((seconds - self._origin) * self.writer.fps))
        self._held, self._held_seconds = image, seconds

    def cut(self) -> None:
        """Ends the last frame. The time until the next one will not be in the video, as that of a pause."""
        if self._held is not None:
            self._hold_until(self.writer.frames + 1)
            self._held = None

    def close(self) -> None:
        """Raises as VideoWriter's."""
        self.cut()
        self.writer.close()

    def _hold_until(self, frames: int) -> None:
        while self._held is not None and self.writer.frames < frames:
            self.writer.write(self._held)
