# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Keys that the window and a control both want: Space, which pauses and presses buttons, and the arrows."""

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

_OWN = (Qt.Key.Key_Space, Qt.Key.Key_Left, Qt.Key.Key_Right)


def keep_keys(*controls: QWidget) -> None:
    """Leaves these keys to a control while it has the focus, so that all can be done without a mouse."""
    for control in controls:
        control.installEventFilter(_KeptKeys(control))


class _KeptKeys(QObject):
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent):
            return False
        own = event.key() in _OWN and event.modifiers() == Qt.KeyboardModifier.NoModifier
        if own:
            event.accept()  # the key then comes to the control, and is no shortcut
        return own
