# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The inference thread by itself: what it hands on when the model fails, and what it never leaves out."""

import threading
from collections.abc import Callable

import numpy as np
import pytest

from ssd_tf.media.latest import LatestSlot
from ssd_tf.media.source import Frame
from ssd_tf.utils.errors import UserError
from ssd_tf.viewer.engine.capture import Capture
from ssd_tf.viewer.engine.inference import Inference
from ssd_tf.viewer.engine.messages import Captured, Detected, State, StateMessage
from tests.fixtures.live import LEVEL, NotingSlot
from tests.fixtures.live_viewer import PATIENCE


def captured(opening: int, index: int, kept: bool = False) -> Captured:
    frame = Frame(np.full((12, 16, 3), LEVEL * index, np.uint8), index, index / 25)
    return Captured(opening, frame, 0.0, 25.0, kept)


@pytest.fixture
def infer(detector):
    """infer(load_model): where it takes frames from, and where it puts what it finds; runs in a thread of its own."""
    started = []

    def start(load_model: Callable = lambda: detector) -> tuple[LatestSlot, NotingSlot]:
        frames, results = LatestSlot(), NotingSlot()
        capture = Capture(frames, fast=True)
        inference = Inference(load_model, capture, frames, results)
        thread = threading.Thread(target=inference.run)
        thread.start()
        started.append((inference, frames, results, thread))
        return frames, results

    yield start
    for inference, frames, results, thread in started:
        inference.close()
        frames.close()
        results.close()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_end_of_the_source_does_not_cover_why_the_model_failed(infer, detector):
    detector.error = UserError("out of memory")
    frames, results = infer()
    assert results.take().state is State.LOADING
    frames.put(captured(1, 0))
    assert results.take() == StateMessage(1, State.FAILED, "the model failed: out of memory")
    # What the capture thread puts of a source of one image before it is stopped, and then another source.
    frames.put(StateMessage(1, State.ENDED, "p.png has ended"), keep=True)
    frames.put(captured(1, 1), keep=True)
    detector.error = None
    frames.put(captured(2, 0), keep=True)
    found = results.take()
    assert isinstance(found, Detected) and found.opening == 2
    frames.put(StateMessage(2, State.ENDED, "q.png has ended"), keep=True)
    assert results.take() == StateMessage(2, State.ENDED, "q.png has ended")
    assert detector.seen == [0, 0]


def test_frames_that_must_be_kept_are_kept_and_the_others_are_not(infer):
    frames, results = infer()
    assert results.take().state is State.LOADING
    for index, kept in enumerate((True, False, True)):
        frames.put(captured(1, index, kept), keep=True)
        assert results.take().captured.frame.index == index
    noted = [(item.captured.frame.index, keep) for item, keep in results.noted if isinstance(item, Detected)]
    assert noted == [(0, True), (1, False), (2, True)]


def test_states_come_in_their_place_among_the_frames(infer):
    frames, results = infer()
    assert results.take().state is State.LOADING
    frames.put(StateMessage(1, State.RUNNING, "a"), keep=True)
    frames.put(captured(1, 0), keep=True)
    frames.put(StateMessage(1, State.ENDED, "a has ended"), keep=True)
    kinds = [results.take() for _ in range(3)]
    assert [
        message.state if isinstance(message, StateMessage) else message.captured.frame.index for message in kinds
    ] == [
        State.RUNNING,
        0,
        State.ENDED,
    ]


def test_model_that_cannot_be_loaded_is_said(infer):
    def load():
        raise UserError("bad.onnx: no model")

    _, results = infer(load)
    assert results.take().state is State.LOADING
    assert results.take() == StateMessage(None, State.FAILED, "the model cannot be loaded: bad.onnx: no model")
