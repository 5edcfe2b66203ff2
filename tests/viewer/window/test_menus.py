# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The menus have what they should, and that of cameras is looked up whenever it opens."""

import pytest
from PySide6.QtWidgets import QMainWindow, QMenu, QWidget

from ssd_tf.media.cameras import Camera
from ssd_tf.viewer.window import menus
from ssd_tf.viewer.window.actions import Actions
from ssd_tf.viewer.window.menus import CameraMenu, fill_menu_bar
from ssd_tf.viewer.window.threads import Background

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


def test_every_action_but_leaving_full_screen_is_in_a_menu(qapp, qtbot):
    window = QMainWindow()
    qtbot.addWidget(window)
    actions = Actions(window)
    fill_menu_bar(window, actions, QMenu("Cameras", window))
    listed = {action for menu in window.menuBar().findChildren(QMenu) for action in menu.actions()}
    assert set(window.actions()) - listed == {actions.leave_full_screen}
