# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Where the images are shown, pixel for pixel of the screen, with what is to be said over them."""

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDropEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from ssd_tf.viewer.window.icons import RECORD_COLOR
from ssd_tf.viewer.window.theme import muted_text

# Milliseconds that a message stays: long enough to read a path twice.
_MESSAGE_TIME = 5000
_MARGIN = 12
# Over images: what lies there cannot take the desktop's colours, since the image may have any.
_PILL, _PILL_TEXT = QColor(0, 0, 0, 190), QColor(255, 255, 255)


class ImageView(QWidget):
    """Shows the latest image in the middle, and a text where there is none.

    Signals:
      resized(): the place for images has another size, `pixel_size`.
      dropped(str): a file name or address was dropped.
      double_clicked().
    """

    resized = Signal()
    dropped = Signal(str)
    double_clicked = Signal()

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.setAcceptDrops(True)
        self.setMinimumSize(160, 120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Image")
        self._pixmap: QPixmap | None = None
        self._placeholder = ""
        self._message = ""
        self._recorded = ""
        self._paused = False
        self._message_timer = QTimer(self, singleShot=True, interval=_MESSAGE_TIME)
        self._message_timer.timeout.connect(lambda: self.show_message(""))

    @property
    def pixel_size(self) -> tuple[int, int]:
        """Width and height in pixels of the screen."""
        ratio = self.devicePixelRatioF()
        return max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio))

    @property
    def has_image(self) -> bool:
        return self._pixmap is not None

    @property
    def placeholder(self) -> str:
        """What is said where there is no image."""
        return self._placeholder

    @property
    def message(self) -> str:
        """What is said over the image just now."""
        return self._message

    def show_image(self, pixels: np.ndarray) -> None:
        """Shows a uint8 RGB image [h, w, 3], drawn for `pixel_size`; its pixels are copied."""
        pixels = np.ascontiguousarray(pixels)
        height, width = pixels.shape[:2]
        image = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        self._pixmap = QPixmap.fromImage(image)
        self.update()

    def image(self) -> QImage:
        """What is shown, without what lies over it; null where nothing is."""
        return self._pixmap.toImage() if self._pixmap else QImage()

    def clear(self, placeholder: str) -> None:
        """Shows a text in place of images."""
        self._pixmap = None
        self._placeholder = placeholder
        self.setAccessibleDescription(placeholder)
        self.update()

    def show_message(self, text: str) -> None:
        """Says something over the image for a few seconds."""
        self._message = text
        if text:
            self._message_timer.start()
        self.update()

    def show_recorded(self, text: str) -> None:
        """Shows a red dot with a text, the time recorded so far; none where it is empty."""
        if text != self._recorded:
            self._recorded = text
            self.update()

    def show_paused(self, paused: bool) -> None:
        """Shows that the image stands still on purpose."""
        if paused != self._paused:
            self._paused = paused
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(800, 450)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        full_screen = self.window().isFullScreen()
        painter.fillRect(self.rect(), Qt.GlobalColor.black if full_screen else self.palette().window())
        if self._pixmap is None:
            painter.setPen(_PILL_TEXT if full_screen else muted_text(self.palette()))
            area = self.rect().adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._placeholder)
        else:
            self._paint_image(painter, self._pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._recorded:
            self._paint_pill(painter, self._recorded, Qt.AlignmentFlag.AlignRight, dot=True)
        if self._paused and self._pixmap is not None:
            self._paint_pill(painter, "Paused", Qt.AlignmentFlag.AlignLeft)
        if self._message:
            self._paint_pill(painter, self._message, Qt.AlignmentFlag.AlignHCenter)
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.resized.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.double_clicked.emit()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        url = event.mimeData().urls()[0]
        event.acceptProposedAction()
        self.dropped.emit(url.toLocalFile() if url.isLocalFile() else url.toString())

    def _paint_image(self, painter: QPainter, pixmap: QPixmap) -> None:
        """In the middle, on whole pixels of the screen; smaller where the window has shrunk since it was drawn."""
        (width, height), ratio = self.pixel_size, self.devicePixelRatioF()
        size = QSize(pixmap.width(), pixmap.height())
        if size.width() > width or size.height() > height:
            size = size.scaled(width, height, Qt.AspectRatioMode.KeepAspectRatio)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        x, y = (width - size.width()) // 2, (height - size.height()) // 2
        target = QRectF(x / ratio, y / ratio, size.width() / ratio, size.height() / ratio)
        painter.drawPixmap(target, pixmap, QRectF(pixmap.rect()))

    def _paint_pill(self, painter: QPainter, text: str, side: Qt.AlignmentFlag, dot: bool = False) -> None:
        """A text on a dark ground: at the top at a side, or in the middle of the bottom."""
        metrics = painter.fontMetrics()
        height, before = metrics.height() + 10, (metrics.height() + 4 if dot else 0)
        room = self.width() - 2 * _MARGIN - 24 - before
        text = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, room)
        width = metrics.horizontalAdvance(text) + 24 + before
        x = {Qt.AlignmentFlag.AlignLeft: _MARGIN, Qt.AlignmentFlag.AlignRight: self.width() - _MARGIN - width}.get(
            side, (self.width() - width) / 2
        )
        y = self.height() - _MARGIN - height if side == Qt.AlignmentFlag.AlignHCenter else _MARGIN
        area = QRectF(x, y, width, height)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_PILL)
        painter.drawRoundedRect(area, height / 2, height / 2)
        if dot:
            painter.setBrush(RECORD_COLOR)
            painter.drawEllipse(QPointF(x + 16, area.center().y()), 5, 5)
        painter.setPen(_PILL_TEXT)
        painter.drawText(area.adjusted(12 + before, 0, -12, 0), Qt.AlignmentFlag.AlignCenter, text)
