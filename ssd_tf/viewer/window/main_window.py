# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The live window: images in the middle, what is shown of them at the side, and all that can be done with them."""

import dataclasses
import pathlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QEvent, QSettings, Qt, Signal
from PySide6.QtGui import QCloseEvent, QResizeEvent
from PySide6.QtWidgets import QDockWidget, QFileDialog, QMainWindow, QWidget

from ssd_tf.utils.text import counted
from ssd_tf.viewer.engine.engine import Engine, Shown, State, View
from ssd_tf.viewer.window.actions import Actions, ShortcutsDialog
from ssd_tf.viewer.window.banner import Banner
from ssd_tf.viewer.window.controls import ControlPanel
from ssd_tf.viewer.window.image_view import ImageView
from ssd_tf.viewer.window.menus import CameraMenu, ToolBar, fill_menu_bar
from ssd_tf.viewer.window.saving import Saver
from ssd_tf.viewer.window.status_line import StatusLine, clock, source_name
from ssd_tf.viewer.window.threads import Background, Handover

if TYPE_CHECKING:
    from ssd_tf.inference.batches import AnyPredictor

# Seconds that the threads may take to end when the window is closed.
CLOSE_TIME = 0.9
# The same for what is being saved: the window is gone from the screen by then, and nobody waits.
SAVE_TIME = 10.0
# Pixels of width below which the panel would take half of the window.
_NARROW = 600
_INVITATION = "Drop a video, an image or a folder of images here. Ctrl+O opens a file, Ctrl+Shift+O a folder."
# What the banner says first of why nothing comes any more, and the words on its button.
_STOPPED = {State.ENDED: ("info", "Play again"), State.LOST: ("warning", "Retry"), State.FAILED: ("warning", "Retry")}


class MainWindow(QMainWindow):
    """A window with an engine of its own, which `start` starts and closing ends.

    Args:
      load_model: makes the predictor; called in the engine's thread.
      model_name: what the status line calls the model.
      view: what is shown at first; the window sets its size.
      folder: where snapshots and recordings go.
      settings: where place and size of the window are kept from one start to the next; None: nowhere.
      fast: read files as fast as can be, and not at their own pace.

    Signals:
      frame_shown(Shown): an image has been put into the window.
      closed(): the window and its threads have ended.

    Attributes:
      state: the engine's; RUNNING as soon as another source is asked for.
      frame_index: of the frame that is shown; -1 before the first.
      unfinished: after closing, the names of threads that did not end in time.
      problem: after closing, what could not be saved, or empty.
    """

    frame_shown = Signal(Shown)
    closed = Signal()

    def __init__(
        self,
        load_model: "Callable[[], AnyPredictor]",
        model_name: str,
        view: View,
        folder: pathlib.Path,
        settings: QSettings | None = None,
        *,
        fast: bool = False,
    ):
        super().__init__()
        self.unfinished: list[str] = []
        self.problem = ""
        self.state = State.LOADING
        self._model_name, self._wanted, self._settings = model_name, view, settings
        self._source = self._shown_source = ""
        self._paused = False  # as is wanted, since nobody else pauses; the engine follows a little later
        self.frame_index = -1
        self._narrow, self._panel_wanted = False, True
        self._handover = Handover(self)
        self._background = Background(self)
        self.engine = Engine(load_model, self._handover.put_shown, self._handover.put_state, view, fast=fast)
        self.saver = Saver(self.engine, folder, self)
        self.view, self.panel, self.status = ImageView(), ControlPanel(view.score_threshold), StatusLine()
        self.banner = Banner(self.view)
        self.commands = Actions(self)
        self.cameras = CameraMenu(self._background, self.open_source, self)
        self.tools = ToolBar(self.commands, self.cameras)
        self._lay_out()
        self._connect()
        self._draw_icons()
        self._update_commands()

    def start(self, source: str) -> None:
        """Loads the model and opens a source, as --source names it."""
        self.open_source(source)  # first: to open again means to load a model again that could not be loaded
        self.engine.start()

    def open_source(self, source: str) -> None:
        """Opens another source, or the same one again; nothing where the engine is broken."""
        if self.engine.broken:
            return
        self._source, self._paused = source, False
        self.view.setFocus()  # so that the window's keys work, whatever was clicked to open the source
        self.status.start_source(source_name(source))
        self.setWindowTitle(source_name(source))
        self.engine.open(source)
        if self.state is not State.LOADING:
            self._set_state(State.RUNNING, "")

    def open_dialog(self, mode: QFileDialog.FileMode = QFileDialog.FileMode.ExistingFile) -> None:
        """Asks for a file, or for a folder."""
        folders = mode is QFileDialog.FileMode.Directory
        title = "Open a folder of images" if folders else "Open a video or an image"
        dialog = QFileDialog(self, title, self._source_folder())
        dialog.setFileMode(mode)
        dialog.fileSelected.connect(self.open_source)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()  # which returns at once; the image continues

    def toggle_paused(self) -> None:
        """Pauses, continues, or plays what has ended from its beginning."""
        if self.state is State.ENDED:
            self.open_source(self._source)
        else:
            self._set_paused(not self._paused)

    def step(self) -> None:
        """Stands still, one frame on."""
        if not self._paused:
            self._set_paused(True)
        self.engine.step()

    def toggle_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def show_help(self) -> None:
        """Lists all keys."""
        dialog = ShortcutsDialog(self.actions(), self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.WindowStateChange:
            self._show_controls()
        if event.type() == QEvent.Type.PaletteChange:
            self._draw_icons()
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Hides the panel where it would leave too little room for the image; it can be called back."""
        narrow = self.width() < _NARROW
        if narrow != self._narrow:
            self._narrow = narrow
            self._panel_wanted, shown = self.commands.panel.isChecked(), self._panel_wanted
            self.commands.panel.setChecked(not narrow and shown)
        super().resizeEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ends a recording and all threads; the window is gone from the screen before."""
        if self._settings is not None and not self.isFullScreen():
            self._settings.setValue("geometry", self.saveGeometry())
        self.hide()
        self.unfinished = self.saver.close(SAVE_TIME)
        start = time.monotonic()
        self.unfinished += self.engine.close(CLOSE_TIME)
        self._handover.close()
        self.problem = self.saver.problem or self._handover.last_words
        self.unfinished += self._background.close(max(0.0, start + CLOSE_TIME - time.monotonic()))
        super().closeEvent(event)
        self.closed.emit()  # Qt reports nothing when a window closes that is hidden already

    def _lay_out(self) -> None:
        self.resize(1080, 680)
        self.setMinimumSize(400, 300)
        self.setCentralWidget(self.view)
        self._side = QDockWidget("Score and classes")
        self._side.setObjectName("panel")
        self._side.setFeatures(QDockWidget.DockWidgetFeature.NoDockWidgetFeatures)
        self._side.setTitleBarWidget(QWidget())  # none: the headings say enough
        self._side.setWidget(self.panel)
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self._side)
        self.addToolBar(self.tools)
        self.setStatusBar(self.status)
        fill_menu_bar(self, self.commands, self.cameras)
        self.view.clear(f"Loading the model {self._model_name}…")
        self.commands.panel.setChecked(True)
        if self._settings is not None:
            geometry = self._settings.value("geometry")
            if isinstance(geometry, QByteArray):
                self.restoreGeometry(geometry)
        self.view.setFocus()

    def _connect(self) -> None:
        self._handover.shown.connect(self._show)
        self._handover.state_changed.connect(self._set_state)
        self.saver.said.connect(self.view.show_message)
        self.saver.recorded.connect(lambda seconds: self.view.show_recorded(clock(seconds)))
        self.saver.recording_changed.connect(self._set_recording)
        self.view.resized.connect(self._set_view)
        self.view.dropped.connect(self.open_source)
        self.view.double_clicked.connect(self.toggle_full_screen)
        self.panel.threshold_changed.connect(lambda value: self._set_view(score_threshold=value))
        self.panel.hidden_changed.connect(lambda classes: self._set_view(hidden_classes=classes))
        self.banner.retry.clicked.connect(self.commands.retry.trigger)
        self.banner.open_other.clicked.connect(self.commands.open.trigger)
        commands = self.commands
        commands.open.triggered.connect(lambda: self.open_dialog())
        commands.open_folder.triggered.connect(lambda: self.open_dialog(QFileDialog.FileMode.Directory))
        commands.retry.triggered.connect(lambda: self.open_source(self._source))
        commands.snapshot.triggered.connect(lambda: self.saver.snapshot(self._file_name()))
        commands.record.triggered.connect(
            lambda: self.saver.toggle_recording(f"{self._file_name()}_{self.frame_index:06}")
        )
        commands.quit.triggered.connect(self.close)
        commands.pause.triggered.connect(self.toggle_paused)
        commands.step.triggered.connect(self.step)
        commands.panel.toggled.connect(self._show_controls)
        commands.full_screen.triggered.connect(self.toggle_full_screen)
        commands.leave_full_screen.triggered.connect(self.toggle_full_screen)  # and not showNormal: back to maximised
        commands.help.triggered.connect(self.show_help)

    def _set_view(self, **changes) -> None:
        """Tells the engine what to draw, and how large."""
        self._wanted = dataclasses.replace(
            self._wanted, size=self.view.pixel_size, text_scale=self.view.devicePixelRatioF(), **changes
        )
        self.engine.set_view(self._wanted)

    def _show(self, shown: Shown) -> None:
        self.frame_index = shown.index
        self.view.show_image(shown.image)
        self.panel.set_counts(shown.counts)
        if info := self.engine.source_info:  # none where another source is being opened
            self._shown_source = info.name
            self.status.show_frame(shown, info)
        if not self.commands.snapshot.isEnabled():
            self._update_commands()
        self.frame_shown.emit(shown)

    def _set_paused(self, paused: bool) -> None:
        self._paused = paused
        self.engine.set_paused(paused)
        self.view.show_paused(paused)
        self._update_commands()

    def _set_state(self, state: State, text: str) -> None:
        if self.engine.broken and state is not State.FAILED:
            return  # from another thread, and out of date
        was_loading, self.state = self.state is State.LOADING, state
        if state is State.LOADING:
            self.view.clear(f"Loading the model {self._model_name}…")
        elif was_loading:
            self._show_model()
        if state in _STOPPED:
            self._paused = False
            self._show_banner(state, text)
        elif self.banner.isVisible():
            if self.banner.isAncestorOf(self.focusWidget()):
                self.view.setFocus()
            self.banner.hide()
        self.view.show_paused(self._paused)
        self._update_commands()

    def _show_banner(self, state: State, text: str) -> None:
        icon, retry = _STOPPED[state]
        if self.engine.broken:
            text, retry = f"{text}. Nothing can be opened any more: please start the program again", ""
        self.banner.show_text(text, icon=icon, retry=retry)

    def _show_model(self) -> None:
        predictor = self.engine.predictor
        if predictor is None:
            self.view.clear("")
            return
        from ssd_tf.inference.load import device_name  # imports TensorFlow, which the predictor has done by now

        names = [category.name for category in predictor.categories]
        self.panel.set_names(names)
        self.status.model.setText(f"{predictor.spec.name} · {counted(len(names), 'class')} · {self._model_name}")
        self._background.run("device", lambda: device_name(predictor), self.status.device.setText)
        self.view.clear("" if self._source else _INVITATION)

    def _set_recording(self, recording: bool) -> None:
        if recording:
            self.commands.set_words(self.commands.record, "Stop recording", "stop", "Finish the recording")
        else:
            self.commands.set_words(self.commands.record, "Record", "record", "Record what is shown as mp4")
            self.view.show_recorded("")

    def _update_commands(self) -> None:
        commands, going = self.commands, self.state in (State.RUNNING, State.PAUSED)
        commands.pause.setEnabled(going or self.state is State.ENDED)
        if self._paused or self.state is State.ENDED:
            commands.set_words(commands.pause, "Play", "play", "Continue")
        else:
            commands.set_words(commands.pause, "Pause", "pause", "Pause")
        commands.step.setEnabled(going)
        commands.snapshot.setEnabled(self.view.has_image)
        commands.record.setEnabled(self.view.has_image)
        commands.retry.setEnabled(self.state is not State.LOADING and not self.engine.broken)
        for opening in (commands.open, commands.open_folder, self.cameras.menuAction()):
            opening.setEnabled(not self.engine.broken)

    def _show_controls(self) -> None:
        """All but the image goes in full screen."""
        full_screen = self.isFullScreen()
        for widget in (self.menuBar(), self.tools, self.status):
            widget.setVisible(not full_screen)
        self._side.setVisible(self.commands.panel.isChecked() and not full_screen)
        self.commands.full_screen.setChecked(full_screen)
        self.commands.leave_full_screen.setEnabled(full_screen)

    def _draw_icons(self) -> None:
        self.commands.draw_icons(self.palette())
        self.tools.draw_icons()

    def _file_name(self) -> str:
        """Of the source whose frame is shown, for what is saved: "people"."""
        return pathlib.PurePath(self._shown_source).stem

    def _source_folder(self) -> str:
        folder = pathlib.Path(self._source).parent
        return str(folder) if folder.is_dir() else ""
