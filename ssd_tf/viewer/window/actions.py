# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Everything that the window can do, by name: its words, keys and icon. Menus, tool bar and help are made of it."""

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence, QPalette
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QLabel, QVBoxLayout, QWidget

from ssd_tf.viewer.window.icons import make_icon


class Actions:
    """The actions of a window. They work while menus and tool bar are hidden too, since the window itself has them."""

    def __init__(self, window: QWidget):
        self._window = window
        self._icons: dict[QAction, str] = {}
        self.open = self._add("Open…", ["Ctrl+O"], "open", "Open a video or an image")
        self.open_folder = self._add("Open folder…", ["Ctrl+Shift+O"], "", "Open a folder of images")
        self.retry = self._add("Retry", ["Ctrl+R"], "retry", "Open the source again, from its beginning")
        self.snapshot = self._add("Snapshot", ["S"], "snapshot", "Save this image with its boxes as PNG")
        self.record = self._add("Record", ["R"], "record", "Record what is shown as mp4, or end the recording")
        self.quit = self._add("Quit", ["Ctrl+Q"], "", "Close the window")
        self.pause = self._add("Pause", ["Space"], "pause", "Pause or continue")
        self.step = self._add("Step", [".", "Right"], "step", "Show one more frame and stand still")
        self.panel = self._add(
            "Score and classes", ["P"], "panel", "Show or hide the panel at the side", checkable=True
        )
        self.full_screen = self._add("Full screen", ["F", "F11"], "full_screen", "Show nothing but the image")
        self.leave_full_screen = self._add("Leave full screen", ["Esc"], "", "")
        self.leave_full_screen.setEnabled(False)
        self.help = self._add("Keyboard shortcuts", ["F1", "?"], "", "List all keys")
        self.full_screen.setCheckable(True)
        self.step.setAutoRepeat(True)  # held, it plays slowly

    def set_words(self, action: QAction, text: str, icon: str, tip: str) -> None:
        """Gives an action other words, another icon and another tip: what it will do next."""
        if text == action.text():
            return
        action.setText(text)
        action.setToolTip(_with_keys(tip, action))
        action.setIcon(make_icon(icon, self._window.palette()))
        self._icons[action] = icon

    def draw_icons(self, palette: QPalette) -> None:
        """Draws all icons in the colours of a palette."""
        for action, icon in self._icons.items():
            action.setIcon(make_icon(icon, palette))

    def _add(self, text: str, keys: list[str], icon: str, tip: str, checkable: bool = False) -> QAction:
        action = QAction(text, self._window, checkable=checkable)
        action.setShortcuts([QKeySequence(key) for key in keys])
        action.setAutoRepeat(False)  # else a key that is held would save images, or pause and continue, many times
        action.setWhatsThis(tip or text)
        action.setToolTip(_with_keys(tip or text, action))
        if icon:
            self._icons[action] = icon
        self._window.addAction(action)
        return action


def key_names(action: QAction) -> list[str]:
    """An action's keys as this system writes them."""
    return [keys.toString(QKeySequence.SequenceFormat.NativeText) for keys in action.shortcuts()]


class ShortcutsDialog(QDialog):
    """All keys and what they do."""

    def __init__(self, actions: Iterable[QAction], parent: QWidget):
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        table = QGridLayout()
        table.setHorizontalSpacing(24)
        table.setVerticalSpacing(6)
        for row, action in enumerate(actions):
            keys = QLabel(" or ".join(f"<b>{key}</b>" for key in key_names(action)))
            keys.setTextFormat(Qt.TextFormat.RichText)
            table.addWidget(keys, row, 0)
            table.addWidget(QLabel(action.whatsThis()), row, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(20)
        layout.addLayout(table)
        layout.addWidget(buttons)


def _with_keys(tip: str, action: QAction) -> str:
    return f"{tip} ({' or '.join(key_names(action))})"
