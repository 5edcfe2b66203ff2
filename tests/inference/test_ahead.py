# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Work ahead of where it is taken: in order, no further than asked for, and errors in their turn."""

import itertools
import threading

import pytest

from ssd_tf.inference.ahead import batched, map_ahead


@pytest.mark.parametrize("ahead", [0, 1, 3, 20])
def test_results_come_in_the_order_of_the_items(ahead):
    turn = threading.Condition()
    last = [10]

    def backwards(item):
        """Of each pair the second one ends first, where there are two threads."""
        with turn:
            if ahead > 1 and item % 2 == 0:
                turn.wait_for(lambda: last[0] == item + 1, timeout=0.05)
            last[0] = item
            turn.notify_all()
        return 10 * item

    assert list(map_ahead(backwards, range(10), ahead)) == [10 * item for item in range(10)]


@pytest.mark.parametrize("ahead", [0, 1, 4])
def test_no_more_is_begun_than_asked_for(ahead):
    begun = []
    results = map_ahead(lambda item: item, (begun.append(item) or item for item in itertools.count()), ahead)
    for taken in range(5):
        assert next(results) == taken
        assert len(begun) == taken + 1 + ahead
    results.close()


def test_next_ones_are_computed_while_one_is_held():
    third = threading.Event()
    results = map_ahead(lambda item: third.set() if item == 2 else item, range(3), 2)
    assert next(results) == 0
    assert third.wait(timeout=10)


@pytest.mark.parametrize("ahead", [0, 1, 4])
def test_error_of_the_function_comes_after_the_results_before_it(ahead):
    results = map_ahead(lambda item: 1 // (3 - item), range(6), ahead)
    assert [next(results) for _ in range(3)] == [0, 0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


@pytest.mark.parametrize("ahead", [0, 1, 4])
def test_error_of_the_items_comes_after_the_results_before_it(ahead):
    def items():
        yield from range(3)
        raise OSError("the source is lost")

    results = map_ahead(str, items(), ahead)
    assert [next(results) for _ in range(3)] == ["0", "1", "2"]
    with pytest.raises(OSError, match="the source is lost"):
        next(results)


def test_batches_are_full_but_for_the_last():
    assert list(batched(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(batched([], 3)) == []


def test_error_comes_after_the_batch_before_it():
    def items():
        yield from range(4)
        raise OSError("the source is lost")

    batches = batched(items(), 3)
    assert [next(batches), next(batches)] == [[0, 1, 2], [3]]
    with pytest.raises(OSError, match="lost"):
        next(batches)
