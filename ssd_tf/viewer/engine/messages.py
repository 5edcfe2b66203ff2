# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What the engine's threads hand on to each other: frames with what became of them so far, and changes of state.

Each message carries the number of the `Engine.open` that it belongs to, so that what comes late can be dropped.
"""

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from ssd_tf.media.source import Frame

if TYPE_CHECKING:  # imports TensorFlow, which takes seconds
    from ssd_tf.geometry.detections import Detections


class State(enum.Enum):
    """What the engine does. LOST: there is no source, or not any more. FAILED: something else went wrong."""

    LOADING = "loading"
    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"
    LOST = "lost"
    FAILED = "failed"
    CLOSED = "closed"


class Captured(NamedTuple):
    """A frame that was read.

    Attributes:
      since: when reading it began, in seconds of time.monotonic(); of a live source, when it came.
      source_fps: frames a second of the source, measured.
      kept: whether it must not be left out: a step, or an image.
    """

    opening: int
    frame: Frame
    since: float
    source_fps: float
    kept: bool


class Detected(NamedTuple):
    """A frame with its detections, NumPy and of one image, and the names of the classes."""

    captured: Captured
    found: "Detections"
    names: Mapping[int, str]
    inference_ms: float

    @property
    def opening(self) -> int:
        return self.captured.opening


class StateMessage(NamedTuple):
    """A state, with a sentence for people. `opening` is None for what holds whatever is open."""

    opening: int | None
    state: State
    text: str


class Redraw(NamedTuple):
    """The view has changed."""
