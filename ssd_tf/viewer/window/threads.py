# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The way from other threads into the GUI thread, which must never wait and never fall behind."""

import threading
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from ssd_tf.viewer.engine.engine import Shown, State


class _FromThreads(QObject):
    """Signals that other threads emit, until this is shut: a thread may end after Qt has deleted the object."""

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self._shut_lock = threading.Lock()
        self._is_shut = False

    def _emit(self, signal: Any, *values: Any) -> None:
        with self._shut_lock:
            if not self._is_shut:
                signal.emit(*values)

    def _shut(self) -> None:
        """From now on nothing is emitted any more."""
        with self._shut_lock:
            self._is_shut = True


class Handover(_FromThreads):
    """What the engine's threads call; the signals come in the GUI thread.

    Of images only the latest waits: one that the GUI thread did not take in time is replaced, so that a slow screen
    shows fewer images and not older ones. Changes of state all arrive, in order.

    Signals:
      shown(Shown), state_changed(State, str).

    Attributes:
      last_words: the text of CLOSED, after which nobody waits for signals any more.
    """

    shown = Signal(object)
    state_changed = Signal(object, str)
    _image_waits = Signal()
    _state_waits = Signal(object, str)

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self._lock = threading.Lock()
        self._latest: Shown | None = None
        self.last_words = ""
        self._image_waits.connect(self._take, Qt.ConnectionType.QueuedConnection)
        self._state_waits.connect(self.state_changed, Qt.ConnectionType.QueuedConnection)

    def put_shown(self, shown: Shown) -> None:
        with self._lock:
            announced = self._latest is not None
            self._latest = shown
        if not announced:
            self._emit(self._image_waits)

    def put_state(self, state: State, text: str) -> None:
        if state is State.CLOSED:
            self.last_words = text
        else:
            self._emit(self._state_waits, state, text)

    def close(self) -> None:
        """Drops what comes from now on."""
        self._shut()

    def _take(self) -> None:
        with self._lock:
            shown, self._latest = self._latest, None
        if shown is not None:
            self.shown.emit(shown)


class Background(_FromThreads):
    """Runs what may take a while, such as writing a large PNG, in a thread of its own.

    `work` must deal with its own errors, by what it returns: an exception would be shown as the thread's traceback.
    """

    _finished = Signal(object, object)

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self._threads: list[threading.Thread] = []
        self._finished.connect(lambda then, result: then(result), Qt.ConnectionType.QueuedConnection)

    def run(self, name: str, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Calls then(work()): work in a thread called ssd_tf-NAME, then in the GUI thread, unless this was closed."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(
            target=lambda: self._emit(self._finished, then, work()), name=f"ssd_tf-{name}", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def close(self, timeout: float) -> list[str]:
        """Waits for what is still running; the names of the threads that did not end within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._shut()
        return [thread.name for thread in self._threads if thread.is_alive()]
