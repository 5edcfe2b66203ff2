# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The real window without a screen, an untrained detector that finds something everywhere, and a short video."""

import os
import pathlib
from collections.abc import Callable

# Before Qt is imported, which reads it when the application starts.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import cv2
import keras
import numpy as np
import pytest

import ssd_tf
from ssd_tf import specs
from ssd_tf.data.annotations import Category
from ssd_tf.inference.predictor import Predictor

pytest.importorskip("PySide6.QtWidgets", reason="PySide6 or a library that it needs is not here", exc_type=ImportError)

from ssd_tf.viewer.engine.engine import State, View
from ssd_tf.viewer.window.main_window import MainWindow
from ssd_tf.viewer.window.theme import apply_theme

CATEGORIES = (Category(1, "circle"), Category(3, "triangle"), Category(12, "cross"))
FRAMES, WIDTH, HEIGHT = 30, 240, 180
# Untrained scores: some boxes have more, most less. Drawing a few is quick.
THRESHOLD = 0.7
# Milliseconds: long enough for a busy machine; no test waits for it unless it fails.
PATIENCE = 60_000


def wait(qtbot, what: Callable[[], object]) -> None:
    qtbot.waitUntil(what, timeout=PATIENCE)


def wait_for(qtbot, window: MainWindow, state: State) -> None:
    wait(qtbot, lambda: window.state is state)


@pytest.fixture(scope="session")
def predictor() -> Predictor:
    keras.utils.set_random_seed(0)
    model = ssd_tf.build_model("ssd128_tiny", len(CATEGORIES))
    return Predictor(specs.spec("ssd128_tiny"), CATEGORIES, model)


@pytest.fixture(scope="session")
def video(tmp_path_factory) -> pathlib.Path:
    """Noise that differs from frame to frame."""
    path = tmp_path_factory.mktemp("video") / "noise.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25.0, (WIDTH, HEIGHT))
    random = np.random.default_rng(0)
    for _ in range(FRAMES):
        small = random.integers(0, 256, (12, 16, 3), np.uint8)
        writer.write(np.asarray(cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST), np.uint8))
    writer.release()
    return path


@pytest.fixture
def make_window(qapp, qtbot, predictor, tmp_path) -> Callable[..., MainWindow]:
    """Makes a window that is shown, but has not been started; it is closed after the test."""
    apply_theme(qapp)

    def make(load_model: Callable = lambda: predictor, threshold: float = THRESHOLD) -> MainWindow:
        window = MainWindow(load_model, "model", View(score_threshold=threshold), tmp_path / "saved")
        qtbot.addWidget(window)
        with qtbot.waitActive(window, timeout=PATIENCE):
            window.show()
            window.activateWindow()
        return window

    return make


@pytest.fixture
def paused(make_window, qtbot, video) -> MainWindow:
    """A window that stands still at some frame of the video."""
    window = make_window()
    window.start(str(video))
    wait(qtbot, lambda: window.view.has_image)
    window.commands.pause.trigger()
    wait_for(qtbot, window, State.PAUSED)
    return window


@pytest.fixture
def ended(make_window, qtbot, video) -> MainWindow:
    """A window whose video has ended."""
    window = make_window()
    window.start(str(video))
    wait_for(qtbot, window, State.ENDED)
    return window
