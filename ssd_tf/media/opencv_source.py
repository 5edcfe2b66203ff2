# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Videos, cameras and streams as OpenCV reads them. It waits in the caller's thread, which may take long."""

import os
import pathlib
import sys
import time
from urllib.parse import urlsplit

import cv2

from ssd_tf.media.source import Frame, Source, SourceInfo, SourceLostError
from ssd_tf.utils.errors import UserError

# How long a stream may take to open, and may be silent afterwards, before it counts as lost.
_TIMEOUT_MS = 10_000
# No camera is faster. Some files give the rate of their clock, such as 90,000, as that of their frames.
_MAX_FPS = 480.0
# A video that ends this much earlier than it says is damaged. Many files only estimate their length.
_MISSING_FRACTION = 0.05


class VideoSource(Source):
    """What a file name, a camera's number or an address means to OpenCV, which turns images as their file says."""

    def __init__(self, text: str):
        self._text = text
        self._capture = cv2.VideoCapture()
        self._started = 0.0
        self._index = -1
        self._seconds = 0.0

    def open(self) -> None:
        """Opens it.

        Raises:
          FileNotFoundError: there is no such file or camera.
          ValueError: the file is no video.
          OSError: the camera or stream cannot be had.
        """
        quiet_opencv()
        if self._text.isdecimal():
            self._open_camera(int(self._text))
        elif "://" in self._text:
            self._open_stream()
        else:
            self._open_file(pathlib.Path(self._text))
        self._started = time.monotonic()

    def read(self) -> Frame | None:
        if not self.skip():
            return None
        readable, image = self._capture.retrieve()
        if not readable:
            raise SourceLostError(f"{self.info.name}: frame {self._index} cannot be read")
        return Frame(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), self._index, self._seconds)

    def skip(self) -> bool:
        if not self._capture.grab():
            self._require_end()
            return False
        self._index += 1
        if self.info.is_live:
            self._seconds = time.monotonic() - self._started
        else:  # never back, for files whose times are damaged
            self._seconds = max(self._seconds, self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
        return True

    def close(self) -> None:
        self._capture.release()

    def _open_camera(self, number: int) -> None:
        if sys.platform == "linux" and not pathlib.Path(f"/dev/video{number}").exists():
            raise FileNotFoundError(f"camera {number}: there is no such camera")
        if not self._capture.open(number):
            raise OSError(f"camera {number} cannot be opened: is it in use, or not allowed to be?")
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # else some drivers hand out frames that have waited
        self._describe(f"camera {number}", "camera")

    def _open_stream(self) -> None:
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _TIMEOUT_MS]
        start = time.monotonic()
        if not self._capture.open(self._text, cv2.CAP_FFMPEG, limits):
            silent = time.monotonic() - start >= _TIMEOUT_MS / 1000
            raise OSError(f"{stream_name(self._text)} {'does not answer' if silent else 'cannot be opened'}")
        known_length = self._capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0
        self._describe(stream_name(self._text), "video" if known_length else "stream")

    def _open_file(self, path: pathlib.Path) -> None:
        if not path.is_file():
            raise FileNotFoundError(f"no such video: {path}")
        if not self._capture.open(os.fspath(path), cv2.CAP_FFMPEG):
            raise UserError(f"{path}: not readable as a video; or it is cut off")
        self._describe(path.name, "video", path)

    def _describe(self, name, kind, path: pathlib.Path | None = None) -> None:
        fps, frames, width, height = (
            self._capture.get(number)
            for number in (
                cv2.CAP_PROP_FPS,
                cv2.CAP_PROP_FRAME_COUNT,
                cv2.CAP_PROP_FRAME_WIDTH,
                cv2.CAP_PROP_FRAME_HEIGHT,
            )
        )
        known_fps = fps if 0 < fps <= _MAX_FPS else 0.0  # False for nan too
        self.info = SourceInfo(name, kind, known_fps, max(0, int(frames)), int(width), int(height), path)

    def _require_end(self) -> None:
        """Raises SourceLostError unless this is where a video ends; a live source has no end."""
        if self.info.kind == "camera":
            raise SourceLostError(f"{self.info.name} does not answer any more")
        if self.info.kind == "stream":
            raise SourceLostError(f"{self.info.name} has broken off")
        read, expected, fps = self._index + 1, self.info.frames, self.info.fps
        # By the clock too, since the number of frames is a guess where their rate varies.
        on_time = not fps or self._seconds + 1 / fps >= (1 - _MISSING_FRACTION) * expected / fps
        if read < (1 - _MISSING_FRACTION) * expected and not on_time:
            raise SourceLostError(f"{self.info.name} is damaged: it breaks off after {read} of {expected} frames")


def stream_name(address: str) -> str:
    """An address without user name, password and parameters."""
    parts = urlsplit(address)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def can_open_camera(number: int) -> bool:
    """Whether there is a camera that nobody uses. Switches it on for a moment."""
    quiet_opencv()
    capture = cv2.VideoCapture(number)
    try:
        return capture.isOpened()
    finally:
        capture.release()


def quiet_opencv() -> None:
    """Keeps OpenCV and FFmpeg from writing to stderr. Users may set OPENCV_FFMPEG_LOGLEVEL to see what FFmpeg says."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET; read when the first video is opened
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
