# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Snapshots and recordings: files that the window writes, under names that nothing has yet."""

import itertools
import pathlib
import re
import threading

import cv2
import numpy as np
from PySide6.QtCore import QObject, QStandardPaths, QTimer, Signal

from ssd_tf.utils.files import atomic_path
from ssd_tf.viewer.engine.engine import Engine
from ssd_tf.viewer.window.threads import Background

# Milliseconds between two looks at the recording: it shows seconds, and may have broken off.
_TICK = 250


class Saver(QObject):
    """Saves what an engine shows into a folder; what takes time is done in threads of its own.

    Signals:
      said(str): what became of it, a sentence with the path.
      recording_changed(bool): a recording has begun or ended.
      recorded(float): so many seconds are recorded.

    Attributes:
      problem: what could not be saved and has not been said; for after closing, when nobody hears signals any more.
    """

    said = Signal(str)
    recording_changed = Signal(bool)
    recorded = Signal(float)

    def __init__(self, engine: Engine, folder: pathlib.Path, parent: QObject):
        super().__init__(parent)
        self._engine, self._folder = engine, folder
        self.problem = ""
        self._background = Background(self)
        self._naming = threading.Lock()  # held from finding a free name until the file has it
        self._timer = QTimer(self, interval=_TICK)
        self._timer.timeout.connect(self._look)

    def snapshot(self, name: str) -> None:
        """Saves the image that is shown, in its own size and with its boxes: NAME_000123.png for frame 123."""
        taken = self._engine.snapshot()  # now, since the next frame may come before the thread starts
        if taken is None:
            self.said.emit("There is no image to save yet")
            return
        image, index = taken
        self._background.run("snapshot", lambda: self._save(image, f"{name}_{index:06}"), self._say)

    def toggle_recording(self, name: str) -> None:
        """Begins a recording, NAME.mp4, or ends it."""
        if self._timer.isActive():
            self._end()
            return
        path = free_path(self._folder, name, ".mp4")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._engine.start_recording(path)
        except (OSError, ValueError) as error:
            self.said.emit(f"Cannot record: {error}")
            return
        self._timer.start()
        self.recording_changed.emit(True)
        self.recorded.emit(0.0)

    def close(self, timeout: float) -> list[str]:
        """Ends a recording, and waits until all is saved; names the threads that take longer than `timeout` seconds."""
        if self._timer.isActive():
            self._end()
        late = self._background.close(timeout)
        if late:
            self.problem = f"still being saved after {timeout:.0f} seconds: {', '.join(late)}"
        return late

    def _look(self) -> None:
        if self._engine.recording:
            self.recorded.emit(self._engine.recorded_seconds)
        else:  # it broke off
            self._end()

    def _end(self) -> None:
        self._timer.stop()
        self.recording_changed.emit(False)
        self._background.run("stop-recording", self._stop_recording, self._say)

    def _say(self, text: str) -> None:
        self.problem = ""
        self.said.emit(text)

    def _save(self, image: np.ndarray, name: str) -> str:
        with self._naming:
            path = free_path(self._folder, name, ".png")
            try:
                save_png(image, path)
            except OSError as error:
                self.problem = f"Cannot save the image: {error}"
                return self.problem
        return f"Saved {path}"

    def _stop_recording(self) -> str:
        try:
            path = self._engine.stop_recording()
        except OSError as error:
            self.problem = f"Cannot finish the recording: {error}"
            return self.problem
        return f"Saved {path}" if path else "The recording was empty"


def default_folder() -> pathlib.Path:
    """The user's folder for images where there is one, else the current folder."""
    images = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
    folder = pathlib.Path(images)
    return folder if images and folder.is_dir() else pathlib.Path.cwd()


def free_path(folder: pathlib.Path, name: str, suffix: str) -> pathlib.Path:
    """A path in the folder that is not taken: name.png, name_2.png, ...; what no file name may have becomes "_"."""
    clean = re.sub(r"[^\w.-]+", "_", name).strip("_.") or "image"
    path = folder / f"{clean}{suffix}"
    numbers = itertools.count(2)
    while path.exists():
        path = folder / f"{clean}_{next(numbers)}{suffix}"
    return path


def save_png(image_u8_hw3: np.ndarray, path: pathlib.Path) -> None:
    """Writes an RGB image.

    Raises:
      OSError: the folder cannot be written to, or the disk is full.
    """
    _, encoded = cv2.imencode(".png", cv2.cvtColor(image_u8_hw3, cv2.COLOR_RGB2BGR))
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.write_bytes(encoded.tobytes())
