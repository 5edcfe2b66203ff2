# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The drawing thread by itself: what is drawn once more when the view changes, and what is known of each image."""

import threading

import numpy as np
import pytest

from ssd_tf.geometry.detections import Detections
from ssd_tf.media.latest import LatestSlot
from ssd_tf.media.source import Frame
from ssd_tf.viewer.engine.display import Display, Shown
from ssd_tf.viewer.engine.messages import Captured, Detected, State, StateMessage
from ssd_tf.viewer.engine.view import View
from tests.fixtures.live_viewer import PATIENCE


def detected(index: int = 0, opening: int = 1, name: str = "", size: tuple[int, int] = (160, 120)) -> Detected:
    """One object of class 1 with score 0.9 in a black frame."""
    frame = Frame(np.zeros((size[1], size[0], 3), np.uint8), index, index / 25, name)
    found = Detections(
        np.array([[[0.2, 0.2, 0.8, 0.8]]], np.float32), np.array([[0.9]]), np.array([[1]]), np.array([1])
    )
    return Detected(Captured(opening, frame, 0.0, 25.0, False), found, {1: "one"}, 5.0)


class Screen:
    """A drawing thread, and what it shows and says."""

    def __init__(self) -> None:
        self.shown: list[Shown] = []
        self.told: list[tuple[State, str]] = []
        self.results: LatestSlot = LatestSlot()
        self.showing = Display(self.results, self.shown.append, self._tell, View())
        self.showing.opening = 1
        self._done, self._busy, self._go = threading.Event(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self.showing.run, daemon=True)
        self._thread.start()

    def put(self, *messages: Detected | StateMessage) -> None:
        """Returns when all are done with, and what was put before them."""
        for message in messages:
            self.results.put(message, keep=True)
        self._done.clear()
        self.results.put(StateMessage(None, State.RUNNING, "done"), keep=True)
        assert self._done.wait(PATIENCE)

    def hold(self) -> None:
        """Keeps the drawing thread busy until `go`."""
        self.results.put(StateMessage(None, State.RUNNING, "hold"), keep=True)
        assert self._busy.wait(PATIENCE)

    def go(self) -> None:
        self._go.set()

    def close(self) -> None:
        self.results.close()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def _tell(self, state: State, text: str) -> None:
        if text == "done":
            self._done.set()
        elif text == "hold":
            self._busy.set()
            assert self._go.wait(PATIENCE)
        else:
            self.told.append((state, text))


@pytest.fixture
def screen():
    screen = Screen()
    yield screen
    screen.close()


def test_view_that_changes_while_a_state_waits_is_drawn_after_it(screen):
    screen.put(detected())
    screen.hold()
    screen.results.put(StateMessage(1, State.ENDED, "a has ended"), keep=True)
    screen.showing.set_view(View(score_threshold=0.95))
    screen.go()
    screen.put()
    assert [shown.objects for shown in screen.shown] == [1, 0]
    assert screen.told == [(State.ENDED, "a has ended")]


def test_view_that_changes_while_a_frame_of_another_source_waits_is_drawn(screen):
    screen.put(detected())
    screen.hold()
    screen.results.put(detected(opening=7), keep=True)  # will be dropped
    screen.showing.set_view(View(size=(40, 30)))
    screen.go()
    screen.put()
    assert [shown.image.shape[:2] for shown in screen.shown] == [(120, 160), (30, 40)]


def test_view_that_a_frame_was_drawn_with_is_not_drawn_again(screen):
    screen.showing.set_view(View(size=(40, 30)))
    screen.put(detected(0), detected(1))
    assert [shown.index for shown in screen.shown] == [0, 1]


def test_size_and_name_of_the_frame_are_told_whatever_the_views_size(screen):
    screen.showing.set_view(View(size=(40, 30)))
    screen.put(detected(0, name="a.png"), detected(1, name="b.png", size=(60, 90)))
    assert [(shown.frame_size, shown.frame_name) for shown in screen.shown] == [
        ((160, 120), "a.png"),
        ((60, 90), "b.png"),
    ]
    screen.showing.set_view(View())
    screen.put()
    assert (screen.shown[-1].frame_size, screen.shown[-1].frame_name) == ((60, 90), "b.png")


def test_what_belongs_to_another_source_is_dropped(screen):
    screen.put(
        detected(opening=2), StateMessage(2, State.ENDED, "b has ended"), detected(3), StateMessage(1, State.ENDED, "a")
    )
    assert [shown.index for shown in screen.shown] == [3]
    assert screen.told == [(State.ENDED, "a")]
