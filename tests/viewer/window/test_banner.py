# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The banner stays inside its parent, says everything, and offers only what can be done."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from ssd_tf.viewer.window.banner import Banner

PRESS = Qt.MouseButton.LeftButton


@pytest.fixture
def banner(qapp, qtbot) -> Banner:
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.resize(800, 500)
    parent.show()
    banner = Banner(parent)
    banner.setProperty("keeps", parent)  # else Python would forget the parent, and Qt delete both
    return banner


def test_it_is_hidden_until_there_is_something_to_say(banner):
    assert not banner.isVisible()
    banner.show_text("noise.mp4 has ended", icon="info", retry="Play again")
    assert banner.isVisible() and banner.text == banner.accessibleName() == "noise.mp4 has ended"


def test_both_buttons_can_be_pressed_by_mouse_and_by_space(banner, qtbot):
    banner.show_text("camera 0 is lost", icon="warning", retry="Retry")
    assert banner.retry.text() == "Retry"
    for button in (banner.retry, banner.open_other):
        with qtbot.waitSignal(button.clicked):
            qtbot.mouseClick(button, PRESS)
        with qtbot.waitSignal(button.clicked):
            qtbot.keyClick(button, Qt.Key.Key_Space)


def test_there_are_no_buttons_where_nothing_can_be_done(banner):
    banner.show_text("it is broken", icon="warning", retry="")
    assert not banner.retry.isVisible() and not banner.open_other.isVisible()
    banner.show_text("camera 0 is lost", icon="warning", retry="Retry")
    assert banner.retry.isVisible() and banner.open_other.isVisible()


@pytest.mark.parametrize("text", ["short", "a_very_long_file_name_without_a_space" * 5, "many words " * 60])
def test_it_stays_inside_whatever_it_says_and_however_small_its_parent_is(banner, text):
    parent = banner.parentWidget()
    banner.show_text(text, icon="info", retry="Retry")
    for width, height in ((800, 500), (1600, 900), (400, 300)):
        parent.resize(width, height)
        assert parent.rect().contains(banner.geometry())
        # Over the lower part, in the middle.
        assert abs(banner.geometry().center().x() - parent.rect().center().x()) <= 1
        assert parent.height() - banner.geometry().bottom() < 20
