# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Keys that the window and a control both want: Space, which pauses and presses buttons, arrows, and letters."""

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

SPACE = (Qt.Key.Key_Space,)
ARROWS = (Qt.Key.Key_Left, Qt.Key.Key_Right)


def keep_keys(keys: tuple[Qt.Key, ...], *controls: QWidget) -> None:
    """Leaves keys to controls while they have the focus, so that all can be done without a mouse."""
    for control in controls:
        control.installEventFilter(_KeptKeys(control, keys))


def pass_on_letters(control: QWidget) -> None:
    """Leaves letters and Space to the window while a control for numbers has the focus; it would only swallow them."""
    control.installEventFilter(_PassedLetters(control))


class _KeptKeys(QObject):
    def __init__(self, control: QWidget, keys: tuple[Qt.Key, ...]):
        super().__init__(control)
        self._keys = keys

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent):
            return False
        own = event.key() in self._keys and event.modifiers() == Qt.KeyboardModifier.NoModifier
        if own:
            event.accept()  # the key then comes to the control, and is no shortcut
        return own


class _PassedLetters(QObject):
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent):
            return False
        passed = event.text().isalpha() or event.text() == " "
        if passed:
            event.ignore()  # a shortcut of the window then, if it is one
        return passed
