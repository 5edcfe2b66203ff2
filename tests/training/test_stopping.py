# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Signals are collected in the main thread, and handlers put back; since when AP stands still."""

import signal
import threading

import pytest

from ssd_tf.training.stopping import since_best, stop_signals

NUMBERS = (signal.SIGINT, signal.SIGTERM)


def handlers():
    return [signal.getsignal(number) for number in NUMBERS]


@pytest.mark.parametrize("number", NUMBERS)
def test_signal_is_collected_and_raises_nothing(number):
    with stop_signals() as received:
        assert received == []
        signal.raise_signal(number)
        assert received == [number]


def test_second_signal_does_not_wait():
    with stop_signals() as received:
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert received == [signal.SIGTERM]


def test_handlers_of_before_are_put_back():
    before = handlers()
    with stop_signals():
        assert all(now is not then for now, then in zip(handlers(), before, strict=True))
    assert handlers() == before


def test_another_thread_than_the_main_one_sets_no_handler():
    before, found = handlers(), []

    def run():
        with stop_signals() as received:
            found.append((received, handlers()))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [([], before)]  # signal.signal raises ValueError there: nothing would be found


@pytest.mark.parametrize(
    ("aps", "evaluations"),
    [([], 0), ([0.3], 0), ([0.3, 0.4, 0.4, 0.2], 2), ([0.5, 0.1, 0.6], 0), ([0.0, 0.0, 0.0], 0), ([-1.0, -1.0], 0)],
)
def test_evaluations_since_the_best_one(aps, evaluations):
    assert since_best(aps) == evaluations
