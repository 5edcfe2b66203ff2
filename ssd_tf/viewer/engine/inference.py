# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The inference thread: loads the model, then detects in one frame after the other."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ssd_tf.media.latest import LatestSlot
from ssd_tf.utils.errors import mistakes
from ssd_tf.viewer.engine.capture import Capture
from ssd_tf.viewer.engine.messages import Captured, Detected, Redraw, State, StateMessage

if TYPE_CHECKING:  # imports TensorFlow, which takes seconds
    from ssd_tf.geometry.detections import Detections
    from ssd_tf.inference.batches import AnyPredictor

# Low, since what scores less than the user wants is left out when it is drawn, and shown again when that changes.
_SCORE_THRESHOLD = 0.05


class Inference:
    """`run` is the inference thread: takes frames, puts detections, and hands on states in their place among them.

    Attributes:
      predictor: None until the model is loaded and has run once.
    """

    predictor: "AnyPredictor | None" = None

    def __init__(
        self,
        load_model: "Callable[[], AnyPredictor]",
        capture: Capture,
        captured: LatestSlot[Captured | StateMessage],
        results: LatestSlot[Detected | StateMessage | Redraw],
    ):
        self._load_model = load_model
        self._capture = capture
        self._captured = captured
        self._results = results
        self._retry = threading.Event()
        self._closing = False

    def retry(self) -> None:
        """Loads the model once more where that has failed."""
        self._retry.set()

    def close(self) -> None:
        """Ends `run`, unless it is in the middle of loading or of a frame; then soon after."""
        self._closing = True
        self._retry.set()

    def run(self) -> None:
        while not self._closing and not self._load():
            self._retry.wait()
        if self._closing or not self.predictor:
            return
        self._capture.allow()
        names = {k: category.name for k, category in enumerate(self.predictor.categories, start=1)}
        failed = 0  # the opening of which nothing more is reported, since that would hide the reason
        while message := self._captured.take():
            if message.opening == failed:
                continue
            if isinstance(message, StateMessage):
                self._results.put(message, keep=True)
                continue
            start = time.monotonic()
            try:
                found = self._detect(self.predictor, message.frame.image)
            except mistakes() as error:
                failed = message.opening
                self._capture.stop(failed)
                self._results.put(StateMessage(failed, State.FAILED, f"the model failed: {error}"), keep=True)
                continue
            took_ms = 1000 * (time.monotonic() - start)
            self._results.put(Detected(message, found, names, took_ms), keep=message.kept)

    def _load(self) -> bool:
        """Whether the model is there and warm: the first call compiles."""
        self._retry.clear()
        self._results.put(StateMessage(None, State.LOADING, "Loading the model"), keep=True)
        try:
            predictor = self._load_model()
            self._detect(predictor, np.zeros((*predictor.input_size, 3), np.uint8))
        except mistakes() as error:
            self._results.put(StateMessage(None, State.FAILED, f"the model cannot be loaded: {error}"), keep=True)
            return False
        self.predictor = predictor
        return True

    def _detect(self, predictor: "AnyPredictor", image: np.ndarray) -> "Detections":
        from ssd_tf.inference.batches import detect_batch, model_input  # late: takes a second

        return detect_batch(predictor, [model_input(predictor, image)], 1, _SCORE_THRESHOLD)[0]
