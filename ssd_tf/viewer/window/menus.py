# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The menu bar, the tool bar and the menu of cameras, filled with the window's actions."""

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QMainWindow, QMenu, QSizePolicy, QToolBar, QToolButton, QWidget

from ssd_tf.media.cameras import Camera, list_cameras
from ssd_tf.viewer.window.actions import Actions
from ssd_tf.viewer.window.icons import GRID, make_icon
from ssd_tf.viewer.window.threads import Background


def fill_menu_bar(window: QMainWindow, actions: Actions, cameras: QMenu) -> None:
    """File, Playback, View and Help."""
    bar = window.menuBar()
    file = bar.addMenu("&File")
    file.addActions([actions.open, actions.open_folder])
    file.addMenu(cameras)
    file.addAction(actions.retry)
    file.addSeparator()
    file.addActions([actions.snapshot, actions.record])
    file.addSeparator()
    file.addAction(actions.quit)
    bar.addMenu("&Playback").addActions([actions.pause, actions.step])
    bar.addMenu("&View").addActions([actions.panel, actions.full_screen])
    bar.addMenu("&Help").addAction(actions.help)


class ToolBar(QToolBar):
    """The actions that are used while looking on; their names are in the tool tips."""

    def __init__(self, actions: Actions, cameras: QMenu):
        super().__init__("Tools")
        self.setObjectName("tools")  # QMainWindow.saveState wants one
        self.setMovable(False)
        self.setIconSize(QSize(GRID, GRID))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self._cameras = QToolButton(popupMode=QToolButton.ToolButtonPopupMode.InstantPopup)
        self._cameras.setMenu(cameras)
        self._cameras.setToolTip("Open a camera")
        self._cameras.setAccessibleName("Cameras")
        self.addAction(actions.open)
        self.addWidget(self._cameras)
        self.addAction(actions.retry)
        self.addSeparator()
        self.addActions([actions.pause, actions.step])
        self.addSeparator()
        self.addActions([actions.snapshot, actions.record])
        between = QWidget()
        between.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(between)
        self.addActions([actions.panel, actions.full_screen])

    def draw_icons(self) -> None:
        """Draws the icon that belongs to no action in the colours of the palette."""
        self._cameras.setIcon(make_icon("camera", self.palette()))


class CameraMenu(QMenu):
    """The cameras of this machine, looked for whenever the menu opens: they come and go."""

    def __init__(self, background: Background, open_source: Callable[[str], None], parent: QWidget):
        super().__init__("Cameras", parent)
        self._background = background
        self._open_source = open_source
        self._say("Looking for cameras…")
        self.aboutToShow.connect(self.look)

    def look(self) -> None:
        """Looks for cameras in the background, which takes a second on some systems, and lists them."""
        self._background.run("cameras", list_cameras, self._list)

    def _list(self, cameras: list[Camera]) -> None:
        if not cameras:
            self._say("No camera found")
            return
        self.clear()
        for camera in cameras:
            action = self.addAction(f"{camera.name} ({camera.number})")
            action.triggered.connect(lambda *_, number=camera.number: self._open_source(str(number)))

    def _say(self, text: str) -> None:
        self.clear()
        self.addAction(text).setEnabled(False)
