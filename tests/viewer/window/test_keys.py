# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Keys go to the control that needs them, and else to the window's shortcuts."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QShortcut
from PySide6.QtWidgets import QDoubleSpinBox, QPushButton, QSlider, QVBoxLayout, QWidget

from ssd_tf.viewer.window.keys import ARROWS, SPACE, keep_keys, pass_on_letters


@pytest.fixture
def window(qapp, qtbot) -> QWidget:
    """A window with a layout that fills up, in front."""
    window = QWidget()
    QVBoxLayout(window)
    qtbot.addWidget(window)
    with qtbot.waitActive(window, timeout=60_000):
        window.show()
        window.activateWindow()
    return window


@pytest.fixture
def pressed(window) -> list[str]:
    """The shortcuts of the window that were used."""
    pressed = []
    for keys in ("Space", "Right", "S", "7"):
        QShortcut(keys, window, activated=lambda keys=keys: pressed.append(keys))  # pyright: ignore[reportCallIssue]
    return pressed


def add(window: QWidget, control: QWidget) -> None:
    layout = window.layout()
    assert layout
    layout.addWidget(control)
    control.setFocus()


def test_slider_keeps_the_arrows_and_leaves_space_to_the_window(window, pressed, qtbot):
    slider = QSlider(Qt.Orientation.Horizontal)
    keep_keys(ARROWS, slider)
    add(window, slider)
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert slider.value() == 1 and pressed == []
    qtbot.keyClick(slider, Qt.Key.Key_Space)
    assert pressed == ["Space"]


def test_button_keeps_space_and_leaves_the_arrows_to_the_window(window, pressed, qtbot):
    button = QPushButton("None")
    keep_keys(SPACE, button)
    add(window, button)
    with qtbot.waitSignal(button.clicked):
        qtbot.keyClick(button, Qt.Key.Key_Space)
    assert pressed == []
    qtbot.keyClick(button, Qt.Key.Key_Right)
    assert pressed == ["Right"]


def test_key_with_control_is_never_kept(window, qtbot):
    button, used = QPushButton("None"), []
    keep_keys(SPACE, button)
    add(window, button)
    QShortcut("Ctrl+Space", window, activated=lambda: used.append(True))  # pyright: ignore[reportCallIssue]
    qtbot.keyClick(button, Qt.Key.Key_Space, Qt.KeyboardModifier.ControlModifier)
    assert used == [True]


def test_number_keeps_digits_and_leaves_letters_and_space_to_the_window(window, pressed, qtbot):
    number = QDoubleSpinBox(decimals=0)
    pass_on_letters(number)
    add(window, number)
    number.selectAll()
    for key in (Qt.Key.Key_S, Qt.Key.Key_7, Qt.Key.Key_Space):
        qtbot.keyClick(number, key)
    assert pressed == ["S", "Space"] and number.value() == 7
