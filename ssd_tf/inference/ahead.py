# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Work done in threads ahead of where its results are taken: decoding, resizing and drawing beside the model.

TensorFlow, OpenCV and the disk work outside Python's lock, so that threads are enough.
"""

import collections
import concurrent.futures
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_ahead(function: Callable[[Item], Result], items: Iterable[Item], ahead: int) -> Iterator[Result]:
    """The function of each item, in the order of the items; up to `ahead` of them are begun before they are taken.

    The items are iterated over in the caller's thread. What the function or the iteration raises comes in its turn,
    after the results before it; what was begun is then still finished, and its results are dropped.

    Args:
      function: called in one of several threads.
      items: may be endless.
      ahead: results that wait or are being made while one is taken; 0 calls the function in the caller's thread.
    """
    if not ahead:
        yield from map(function, items)
        return
    waiting: collections.deque[concurrent.futures.Future[Result]] = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(min(ahead, os.cpu_count() or 1), "ssd_tf-ahead") as pool:
        items, problem = iter(items), None
        try:
            while True:
                try:
                    waiting.append(pool.submit(function, next(items)))
                except StopIteration:
                    break
                except Exception as error:
                    problem = error
                    break
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
            if problem is not None:
                raise problem
        finally:
            del problem  # its traceback holds this frame, and so the items
            for future in waiting:
                future.cancel()


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items, the last one of what is left. Where the iteration raises, what came before comes first."""
    batch: list[Item] = []
    problem = None
    try:
        for item in items:
            batch.append(item)
            if len(batch) == size:
                yield batch
                batch = []
    except Exception as error:
        problem = error
    if batch:
        yield batch
    if problem is not None:
        raise problem
