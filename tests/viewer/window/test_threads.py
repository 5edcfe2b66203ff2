# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What other threads hand over arrives in the GUI thread: of images the newest, of all else everything, in order."""

import threading
from typing import Any

import shiboken6

from ssd_tf.viewer.engine.engine import State
from ssd_tf.viewer.window.threads import Background, Handover

PATIENCE = 60_000


def in_a_thread(work) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_latest_image_arrives_alone_and_in_this_thread(qapp, qtbot):
    handover, arrived = Handover(), []
    handover.shown.connect(lambda shown: arrived.append((shown, threading.current_thread())))
    images: list[Any] = ["first", "second", "third"]
    in_a_thread(lambda: [handover.put_shown(image) for image in images])
    assert arrived == []  # nothing happens before the GUI thread has time
    qtbot.waitUntil(lambda: bool(arrived), timeout=PATIENCE)
    in_a_thread(lambda: handover.put_shown(images[0]))
    qtbot.waitUntil(lambda: len(arrived) == 2, timeout=PATIENCE)
    assert arrived == [("third", threading.main_thread()), ("first", threading.main_thread())]


def test_all_states_arrive_in_order(qapp, qtbot):
    handover, arrived = Handover(), []
    handover.state_changed.connect(lambda state, text: arrived.append((state, text)))
    told = [(State.LOADING, "a"), (State.RUNNING, "b"), (State.PAUSED, "c"), (State.ENDED, "d")]
    in_a_thread(lambda: [handover.put_state(*one) for one in told])
    qtbot.waitUntil(lambda: len(arrived) == len(told), timeout=PATIENCE)
    assert arrived == told


def test_last_words_are_kept():
    handover = Handover()
    handover.put_state(State.CLOSED, "the disk is full")
    assert handover.last_words == "the disk is full"


def test_what_an_engines_thread_says_after_its_window_is_gone_is_dropped(qapp):
    handover = Handover()
    handover.close()
    shiboken6.delete(handover)
    late: Any = "image"
    handover.put_shown(late)
    handover.put_state(State.ENDED, "the end")


def test_work_is_done_in_a_thread_and_its_result_comes_back(qapp, qtbot):
    background, done = Background(), []
    background.run("work", threading.current_thread, lambda worker: done.append((worker, threading.current_thread())))
    qtbot.waitUntil(lambda: bool(done), timeout=PATIENCE)
    worker, receiver = done[0]
    assert worker.name == "ssd_tf-work" and receiver is threading.main_thread()
    assert background.close(PATIENCE / 1000) == []


def test_closing_names_what_does_not_end(qapp):
    background, go = Background(), threading.Event()
    background.run("slow", lambda: go.wait(PATIENCE / 1000), lambda result: None)
    assert background.close(0.01) == ["ssd_tf-slow"]
    go.set()
    assert background.close(PATIENCE / 1000) == []


def test_work_that_ends_after_its_window_is_gone_reports_to_nobody(qtbot):
    background, go, done = Background(), threading.Event(), []
    ended = threading.Event()

    def work() -> None:
        go.wait(20)
        ended.set()

    background.run("late", work, done.append)
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "ssd_tf-late"]
    assert background.close(0.0) == ["ssd_tf-late"]
    shiboken6.delete(background)
    go.set()
    thread.join(20)  # an exception in the thread fails the test
    assert ended.is_set() and done == []
