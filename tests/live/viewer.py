# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Somebody who looks at what an engine shows."""

import threading
from collections.abc import Callable

from ssd_tf.live.engine import Engine, Shown, State, View

# Long enough for a busy machine; no test waits for it unless it fails.
PATIENCE = 60


class Viewer:
    """Keeps what an engine shows and says, and waits for it."""

    def __init__(self, load_model: Callable, view: View | None = None, fast: bool = False):
        self.shown: list[Shown] = []
        self.states: list[tuple[State, str]] = []
        self._changed = threading.Condition()
        self.engine = Engine(load_model, self._on_shown, self._on_state, view or View(), fast=fast)

    def wait(self, what: Callable[[], object]) -> None:
        with self._changed:
            assert self._changed.wait_for(what, PATIENCE), (self.states, len(self.shown))

    def wait_for_state(self, state: State, times: int = 1) -> str:
        """The text of the state, when it has been told so many times."""
        self.wait(lambda: [told for told, _ in self.states].count(state) >= times)
        return [text for told, text in self.states if told is state][times - 1]

    @property
    def indices(self) -> list[int]:
        return [shown.index for shown in self.shown]

    def _on_shown(self, shown: Shown) -> None:
        with self._changed:
            self.shown.append(shown)
            self._changed.notify_all()

    def _on_state(self, state: State, text: str) -> None:
        with self._changed:
            self.states.append((state, text))
            self._changed.notify_all()


def engine_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("ssd_tf-")]
