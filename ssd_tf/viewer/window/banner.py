# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The strip over the image that says why nothing moves any more, and offers what can be done about it."""

from PySide6.QtCore import QEvent, QObject, QRect, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from ssd_tf.viewer.window.icons import GRID, draw_icon
from ssd_tf.viewer.window.keys import SPACE, keep_keys
from ssd_tf.viewer.window.theme import mixed

_MARGIN, _PADDING, _MAX_WIDTH = 12, 12, 520


class Banner(QWidget):
    """Lies over the lower part of its parent, as wide as there is room for, hidden until `show_text` is called.

    The last image stays in sight above it. The buttons `retry` and `open_other` are for the owner to connect.
    """

    def __init__(self, parent: QWidget):
        super().__init__(parent)
        self._parent = parent
        self._icon = QLabel()
        self._icon_name = "info"
        self._text = QLabel(wordWrap=True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        # Names of files are one long word to Qt, which must not make the banner wider than the window.
        self._text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.retry = QPushButton("Retry")
        self.open_other = QPushButton("Open another…")
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(self.retry)
        buttons.addWidget(self.open_other)
        beside = QVBoxLayout()
        beside.addWidget(self._text)
        beside.addLayout(buttons)
        self._layout = layout = QHBoxLayout(self)
        layout.setContentsMargins(_PADDING, _PADDING, _PADDING, _PADDING)
        layout.setSpacing(_PADDING)
        layout.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(beside, 1)
        keep_keys(SPACE, self.retry, self.open_other)
        parent.installEventFilter(self)
        self.hide()

    @property
    def text(self) -> str:
        return self._text.text()

    def show_text(self, text: str, *, icon: str, retry: str) -> None:
        """Shows a sentence with an icon of viewer/window/icons.py.

        `retry` is the words on the first button; where it is empty nothing can be done, and there are no buttons.
        """
        self._text.setText(text)
        self._icon_name = icon
        self.retry.setText(retry)
        for button in (self.retry, self.open_other):
            button.setVisible(bool(retry))
        self._draw_icon()
        self.show()
        self._place()
        self.raise_()
        self.setAccessibleName(text)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return super().eventFilter(watched, event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._draw_icon()
        super().changeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        palette = self.palette()
        ground, text = palette.color(QPalette.ColorRole.Window), palette.color(QPalette.ColorRole.WindowText)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(mixed(ground, text, 0.25))
        painter.setBrush(ground)
        painter.drawRoundedRect(self.rect().toRectF().adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.end()

    def _draw_icon(self) -> None:
        color = self.palette().color(QPalette.ColorRole.WindowText)
        self._icon.setPixmap(draw_icon(self._icon_name, color, GRID, self.devicePixelRatioF()))

    def _place(self) -> None:
        room = self._parent.rect()
        width = min(_MAX_WIDTH, room.width() - 2 * _MARGIN)
        height = min(self._layout.totalHeightForWidth(width), room.height() - 2 * _MARGIN)
        self.setGeometry(QRect((room.width() - width) // 2, room.height() - _MARGIN - height, width, height))
