# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A slot between two threads in which the latest item wins, so that a slow reader never falls behind."""

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class LatestSlot(Generic[T]):
    """Holds one item. None cannot be an item."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: T | None = None
        self._kept = False
        self._closed = False

    def put(self, item: T, keep: bool = False) -> None:
        """Replaces what has not been taken.

        Args:
          item: what `take` gives next.
          keep: never replace it, nor let it replace another: waits until the slot is empty. So what is kept comes in
            its place, after all that was put before it.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._item is None or not (keep or self._kept))
            if self._closed:
                return
            self._item, self._kept = item, keep
            self._changed.notify_all()

    def offer(self, item: T) -> None:
        """Puts an item unless another is waiting."""
        with self._changed:
            if self._item is None and not self._closed:
                self._item, self._kept = item, False
                self._changed.notify_all()

    def take(self) -> T | None:
        """Waits for an item; None where the slot is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._item is not None)
            if self._closed:
                return None
            item, self._item, self._kept = self._item, None, False
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """Ends all waiting, now and later."""
        with self._changed:
            self._closed, self._item = True, None
            self._changed.notify_all()
