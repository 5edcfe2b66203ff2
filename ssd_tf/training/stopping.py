# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Signals that ask a run to stop: it ends between two steps, with a checkpoint, and not in the middle of one."""

import contextlib
import signal
import threading
from collections.abc import Iterator

from absl import logging


@contextlib.contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM in the list it gives, so that the loop can end between two steps.

    The second of them raises KeyboardInterrupt. In another thread than the main one the list stays empty: Python sets
    handlers in the main thread alone, where they belong to the program that started the thread.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def remember(number, _):
        if received:  # the second one does not wait
            raise KeyboardInterrupt
        logging.warning("signal %d: saving a checkpoint, then stopping", number)
        received.append(number)

    previous = {number: signal.signal(number, remember) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
