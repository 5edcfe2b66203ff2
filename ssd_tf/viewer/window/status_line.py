# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The line at the bottom: how fast, from which source, with which model, on which device."""

import pathlib
import re

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QStatusBar, QWidget

from ssd_tf.media.opencv_source import stream_name
from ssd_tf.media.source import SourceInfo
from ssd_tf.viewer.engine.engine import Shown

# Weight of the latest frame in the latency that is shown: after seven frames half of what is shown is newer.
_LATEST_WEIGHT = 0.1
# The widest that the speed usually gets; room for it is kept, so that the texts beside it do not jump.
_WIDEST_SPEED = "000.0 of 000 frames/s · 000 ms"


class StatusLine(QStatusBar):
    """Four texts: `speed`, `source`, `model` and `device`. The last three are cut where the window is narrow; their
    tool tips are whole."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self.setContentsMargins(8, 0, 8, 0)
        self._latency: float | None = None
        self.speed = QLabel()
        self.speed.setMinimumWidth(self.speed.fontMetrics().horizontalAdvance(_WIDEST_SPEED))
        self.source, self.model, self.device = ElidedLabel(), ElidedLabel(), ElidedLabel()
        self.device.setAlignment(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight)
        for label, stretch in ((self.speed, 0), (self.source, 5), (self.model, 3), (self.device, 3)):
            self.addWidget(label, stretch)
        for label, name in (
            (self.speed, "Speed"),
            (self.source, "Source"),
            (self.model, "Model"),
            (self.device, "Device"),
        ):
            label.setAccessibleName(name)

    def start_source(self, name: str) -> None:
        """Names a source that is being opened, as `source_name` does; what the last one showed is forgotten."""
        self._latency = None
        self.speed.clear()
        self.source.setText(name)

    def show_frame(self, shown: Shown, info: SourceInfo) -> None:
        """Frames a second and of how many that the source gives; from reading a frame to showing it; the place."""
        stats = shown.stats
        latest = stats.latency_ms
        self._latency = latest if self._latency is None else self._latency + _LATEST_WEIGHT * (latest - self._latency)
        of = f" of {stats.source_fps:.0f}" if stats.source_fps else ""
        rate = f"{stats.shown_fps:.1f}{of} frames/s · " if stats.shown_fps else ""  # none while stepping
        self.speed.setText(f"{rate}{self._latency:.0f} ms")
        self.speed.setToolTip(
            f"Shown: {stats.shown_fps:.1f} frames a second; {stats.shown} so far, {stats.skipped} skipped.\n"
            f"From reading a frame to showing it: {self._latency:.0f} ms, the model's part {stats.inference_ms:.0f} ms."
        )
        (width, height), names = shown.frame_size, [info.name]
        if shown.frame_name not in ("", info.name):
            names.append(shown.frame_name)
        self.source.setText(" · ".join((*names, f"{width} × {height}", place(shown.index, shown.seconds, info))))


class ElidedLabel(QLabel):
    """A text of one line that is cut at the end where there is no room for it."""

    def __init__(self, text: str = ""):
        super().__init__(text)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def setText(self, text: str) -> None:
        super().setText(text)
        self.setToolTip(text)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.setPen(self.palette().windowText().color())
        painter.drawText(self.rect(), self.alignment(), text)
        painter.end()


def source_name(source: str) -> str:
    """What a source is called on the screen: "camera 0", a file's or folder's name, an address without its password."""
    if "://" in source:
        return stream_name(source)
    if camera := re.fullmatch(r"(?:/dev/video)?(\d+)", source):
        return f"camera {camera[1]}"
    return pathlib.PurePath(source).name or source


def place(index: int, seconds: float, info: SourceInfo) -> str:
    """Where in the source a frame is: "3 of 16" for images, "0:12 of 1:05" for a video, else "0:12"."""
    if info.kind == "images":
        return f"{index + 1} of {info.frames}"
    if info.frames and info.fps:
        return f"{clock(seconds)} of {clock(info.frames / info.fps)}"
    return clock(seconds)


def clock(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any: "1:05", "2:00:00"."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
