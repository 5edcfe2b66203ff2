# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The menu of cameras, and keys that are told and belong to one action only."""

from collections import Counter

import pytest
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QLabel, QWidget

from ssd_tf.live.cameras import Camera
from ssd_tf.window import menus
from ssd_tf.window.actions import Actions, ShortcutsDialog, key_names
from ssd_tf.window.menus import CameraMenu
from ssd_tf.window.threads import Background

PATIENCE = 60_000


@pytest.fixture
def window(qapp, qtbot) -> QWidget:
    window = QWidget()
    qtbot.addWidget(window)
    return window


def words(menu: CameraMenu) -> list[str]:
    return [action.text() for action in menu.actions()]


def test_cameras_are_looked_for_whenever_the_menu_opens(window, qtbot, monkeypatch):
    there: list[Camera] = []
    monkeypatch.setattr(menus, "list_cameras", lambda: there)
    opened: list[str] = []
    menu = CameraMenu(Background(window), opened.append, window)
    menu.aboutToShow.emit()
    qtbot.waitUntil(lambda: words(menu) == ["No camera found"], timeout=PATIENCE)
    assert not menu.actions()[0].isEnabled()
    there += [Camera(0, "Integrated Camera"), Camera(2, "USB Camera")]
    menu.aboutToShow.emit()
    qtbot.waitUntil(lambda: words(menu) == ["Integrated Camera (0)", "USB Camera (2)"], timeout=PATIENCE)
    menu.actions()[1].trigger()
    assert opened == ["2"]


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
