# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The latest item wins, what is kept comes in its place, and closing ends all waiting."""

import threading

from ssd_tf.media.latest import LatestSlot


def in_thread(work) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_latest_item_replaces_what_was_not_taken():
    slot: LatestSlot[int] = LatestSlot()
    for item in (1, 2, 3):
        slot.put(item)
    assert slot.take() == 3


def test_kept_item_comes_after_what_was_put_before_it_and_before_what_comes_after():
    slot: LatestSlot[int] = LatestSlot()
    slot.put(1)
    writer = in_thread(lambda: (slot.put(2, keep=True), slot.put(3), slot.put(4, keep=True)))
    assert [slot.take() for _ in range(4)] == [1, 2, 3, 4]
    writer.join(10)
    assert not writer.is_alive()


def test_offer_never_replaces():
    slot: LatestSlot[int] = LatestSlot()
    slot.offer(1)
    slot.offer(2)
    assert slot.take() == 1
    slot.offer(3)
    assert slot.take() == 3


def test_put_replaces_an_offer():
    slot: LatestSlot[int] = LatestSlot()
    slot.offer(1)
    slot.put(2)
    assert slot.take() == 2


def test_take_waits_for_an_item():
    slot: LatestSlot[int] = LatestSlot()
    taken = []
    reader = in_thread(lambda: taken.append(slot.take()))
    slot.put(7)
    reader.join(10)
    assert taken == [7]


def test_closing_ends_a_reader_and_a_writer_that_wait():
    empty: LatestSlot[int] = LatestSlot()
    taken = []
    reader = in_thread(lambda: taken.append(empty.take()))
    full: LatestSlot[int] = LatestSlot()
    full.put(1)
    writer = in_thread(lambda: full.put(2, keep=True))
    for slot, thread in ((empty, reader), (full, writer)):
        slot.close()
        thread.join(10)
        assert not thread.is_alive()
    assert taken == [None] and full.take() is None


def test_closed_slot_takes_nothing_in():
    slot: LatestSlot[int] = LatestSlot()
    slot.close()
    slot.put(1)
    slot.put(2, keep=True)
    slot.offer(3)
    assert slot.take() is None
