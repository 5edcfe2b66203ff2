# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Where frames come from: a camera, a stream of the network, a video or images, all read in the same way."""

import abc
import dataclasses
import pathlib
from typing import Literal, Self

import numpy as np


@dataclasses.dataclass(frozen=True)
class Frame:
    """One image of a source.

    Attributes:
      image: uint8 RGB [H, W, 3].
      index: counts the frames from 0, those that were left out too.
      seconds: its time in the video, or since a camera or stream was opened.
      name: of the file that it is of, among images; empty for all else.
    """

    image: np.ndarray
    index: int
    seconds: float
    name: str = ""


@dataclasses.dataclass(frozen=True)
class SourceInfo:
    """What is known of a source.

    Attributes:
      name: short, for a title; shows no password of an address.
      kind: a stream is an address of the network whose length is not known; with a known length it is a video.
      fps: frames a second as the source says; 0 where it does not.
      frames: their number as the source says; 0 where it does not.
      width, height: of the first frame, in pixels; 0 where not known.
      path: the file, where the source is one.
    """

    name: str
    kind: Literal["camera", "stream", "video", "images"]
    fps: float
    frames: int
    width: int
    height: int
    path: pathlib.Path | None = None

    @property
    def is_live(self) -> bool:
        """Whether frames come when they happen, and are gone when they are not read."""
        return self.kind in ("camera", "stream")


class SourceLostError(OSError):
    """A camera was unplugged, a stream broke off, or a file is damaged in the middle."""


class Source(abc.ABC):
    """Frames in order. Used by one thread, but for `interrupt`.

    Attributes:
      info: set by `open`.
      left_out: what could not be read so far, and why; the rest goes on.
    """

    info: SourceInfo
    left_out: tuple[str, ...] = ()

    @abc.abstractmethod
    def open(self) -> None:
        """Gets the source ready to be read.

        Raises:
          OSError, ValueError: it cannot be opened, or is no such source.
        """

    @abc.abstractmethod
    def read(self) -> Frame | None:
        """The next frame, of a live source the latest; None at the end.

        Raises:
          SourceLostError: the source broke off before its end.
        """

    def skip(self) -> bool:
        """Leaves out a frame, which may cost less than to read it; False at the end. Raises as `read`."""
        return self.read() is not None

    def interrupt(self) -> None:  # noqa: B027 (nothing to do for most)
        """Ends, from another thread, an `open` or `read` that waits, with SourceLostError. A file never waits."""

    @abc.abstractmethod
    def close(self) -> None:
        """Gives everything back. May be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
