# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What stops a run early: signals, after which it ends between two steps with a checkpoint; an AP that stands still."""

import contextlib
import signal
import threading
from collections.abc import Iterator, Sequence

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


def since_best(aps: Sequence[float]) -> int:
    """How many evaluations there were since the one with the highest AP; of equal ones the first counts.

    0 as long as nothing was found: such a run has not begun to learn.

    Args:
      aps: of all evaluations so far, in their order.
    """
    best = max(aps, default=0.0)
    return len(aps) - 1 - list(aps).index(best) if best > 0 else 0
