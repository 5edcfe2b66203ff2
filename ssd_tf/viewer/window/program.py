# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The window as a program: from a command line to a window on the screen, until it is closed."""

import contextlib
import os
import pathlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QSettings, QTimer
from PySide6.QtWidgets import QApplication

from ssd_tf.viewer.engine.engine import View
from ssd_tf.viewer.window.main_window import MainWindow
from ssd_tf.viewer.window.saving import default_folder
from ssd_tf.viewer.window.theme import apply_theme

if TYPE_CHECKING:
    from ssd_tf.inference.batches import AnyPredictor

# GTK, which Qt asks for the look of many desktops, and Qt itself would load Mesa, and with it a libLLVM whose symbols
# TensorFlow's own LLVM then finds: importing TensorFlow 2.21 ends in a segmentation fault. The window needs no OpenGL.
_WITHOUT_OPENGL = {"GDK_GL": "disable", "QT_XCB_GL_INTEGRATION": "none", "QT_WAYLAND_DISABLE_HW_INTEGRATION": "1"}
# Milliseconds after which a signal is seen at the latest: Qt does not return to Python while nothing happens.
_SIGNAL_TICK = 100


class Outcome(NamedTuple):
    """How a window ended.

    Attributes:
      ended_by: the number of the signal that closed it, SIGINT (Ctrl-C) or SIGTERM; 0 where none did.
      problem: what could not be saved, or empty.
    """

    ended_by: int
    problem: str


def require_display() -> None:
    """Raises OSError where there is no screen to show a window on; Qt would end the process with SIGABRT."""
    platform = os.environ.get("QT_QPA_PLATFORM", "").partition(":")[0]
    if not sys.platform.startswith("linux") or platform not in ("", "xcb", "wayland"):
        return
    if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        raise OSError(
            "no screen to show a window on: neither DISPLAY nor WAYLAND_DISPLAY is set. "
            "--headless --output=out.mp4 works without one"
        )


def keep_opengl_away() -> None:
    """Sets what keeps Qt and GTK from loading OpenGL, unless the user has set it; before the application is made."""
    for name, value in _WITHOUT_OPENGL.items():
        os.environ.setdefault(name, value)


def run_window(load_model: "Callable[[], AnyPredictor]", model: str, source: str, view: View) -> Outcome:
    """Shows the window and returns when it has been closed.

    Args:
      load_model: makes the predictor; called in a thread.
      model: the model's path, for the status line.
      source: as --source.

    Raises:
      OSError: there is no screen.
    """
    require_display()
    keep_opengl_away()
    app = QApplication(sys.argv[:1])
    apply_theme(app)
    name = pathlib.Path(model).name or model
    window = MainWindow(load_model, name, view, default_folder(), QSettings("ssd_tf", "stream"))
    window.closed.connect(app.quit)
    window.show()
    window.start(source)
    with _interruptible(window) as received:
        app.exec()
    return Outcome(received[0] if received else 0, window.problem)


def wait_for_recordings() -> None:
    """Returns when no recording is still being written, so that the process may end at once."""
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join()


@contextlib.contextmanager
def _interruptible(window: MainWindow) -> Iterator[list[int]]:
    """Lets Ctrl-C and SIGTERM close the window; gives a list that holds the signal after that."""
    received: list[int] = []

    def close(number: int, _frame: object) -> None:
        received.append(number)
        window.close()

    timer = QTimer(interval=_SIGNAL_TICK)
    timer.timeout.connect(lambda: None)  # any call of Python code lets Python look for signals
    timer.start()
    before = {number: signal.signal(number, close) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        timer.stop()
