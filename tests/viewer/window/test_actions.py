# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Every action has keys of its own, which are told, and a key that is held does not do it many times."""

from collections import Counter

import pytest
from PySide6.QtGui import QColor, QKeySequence, QPalette
from PySide6.QtWidgets import QLabel, QWidget

from ssd_tf.viewer.window.actions import Actions, ShortcutsDialog, key_names


@pytest.fixture
def window(qapp, qtbot) -> QWidget:
    window = QWidget()
    qtbot.addWidget(window)
    return window


def test_no_key_has_two_meanings(window):
    Actions(window)
    keys = Counter(key for action in window.actions() for key in action.shortcuts())
    assert keys[QKeySequence("Space")] == keys[QKeySequence("F11")] == 1
    assert max(keys.values()) == 1


def test_every_key_is_explained_and_every_tool_tip_names_its_keys(window, qtbot):
    Actions(window)
    dialog = ShortcutsDialog(window.actions(), window)
    text = "".join(label.text() for label in dialog.findChildren(QLabel))
    for action in window.actions():
        assert action.shortcuts() and action.whatsThis() in text
        for key in key_names(action):
            assert f"<b>{key}</b>" in text and key in action.toolTip()


def test_key_that_is_held_repeats_steps_and_nothing_else(window):
    actions = Actions(window)
    assert [action for action in window.actions() if action.autoRepeat()] == [actions.step]


def test_other_words_come_with_another_icon_and_keep_the_keys(window):
    actions = Actions(window)
    actions.draw_icons(window.palette())
    before = actions.record.icon().pixmap(24, 24).toImage()
    actions.set_words(actions.record, "Stop recording", "stop", "Finish the recording")
    assert actions.record.text() == "Stop recording" and actions.record.toolTip() == "Finish the recording (R)"
    assert actions.record.icon().pixmap(24, 24).toImage() != before
    dark = QPalette(QColor("white"), QColor("black"))
    stop = actions.record.icon().pixmap(24, 24).toImage()
    actions.draw_icons(dark)
    assert actions.record.icon().pixmap(24, 24).toImage() != stop  # the stop icon in another colour, not the old one
