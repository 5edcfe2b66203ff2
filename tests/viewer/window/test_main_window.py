# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The real window with the real engine: what it shows, what its controls do, and how it ends."""

import re
import threading

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from ssd_tf.viewer.engine.engine import State
from ssd_tf.viewer.window.main_window import CLOSE_TIME
from tests.viewer.window.conftest import PATIENCE, wait, wait_for

PRESS = Qt.MouseButton.LeftButton


def pixels(image: QImage) -> np.ndarray:
    """uint8 RGB."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    lines = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return lines[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def shown(window) -> np.ndarray:
    return pixels(window.view.image())


def differ(first: np.ndarray, second: np.ndarray) -> bool:
    return first.shape != second.shape or bool((first != second).any())


def test_frames_of_a_real_video_appear_and_change(make_window, qtbot, shared):
    window = make_window(threshold=1.0)
    window.start(str(shared / "data" / "videos" / "people.mp4"))
    wait(qtbot, lambda: window.view.has_image)
    first = shown(window)
    wait(qtbot, lambda: differ(first, shown(window)))
    width, height = window.view.pixel_size
    assert first.shape[1] == width or first.shape[0] == height  # it fills the place, whose pixels are the screen's
    # 800 x 450, to whole pixels.
    assert first.shape[1] / first.shape[0] == pytest.approx(800 / 450, rel=0.01)
    assert window.windowTitle() == "people.mp4"
    assert "people.mp4 · 800 × 450 · 0:0" in window.status.source.text()
    assert re.fullmatch(r"\d+\.\d of \d+ frames/s · \d+ ms", window.status.speed.text())
    assert window.status.model.text() == "ssd128_tiny · 3 classes · model"
    qtbot.waitUntil(lambda: window.status.device.text().startswith(("CPU ", "GPU ")), timeout=20_000)


def test_it_says_that_the_model_is_being_loaded_and_stays_awake(make_window, qtbot, predictor, video):
    go = threading.Event()

    def load():
        assert go.wait(PATIENCE / 1000)
        return predictor

    window = make_window(load)
    window.start(str(video))
    wait(qtbot, lambda: "Loading the model model" in window.view.placeholder)
    qtbot.keyClick(window, Qt.Key.Key_P)  # the window answers
    assert not window.panel.isVisible()
    assert not window.commands.pause.isEnabled() and not window.commands.snapshot.isEnabled()
    go.set()
    wait(qtbot, lambda: window.view.has_image)
    assert window.commands.pause.isEnabled() and window.commands.snapshot.isEnabled()


def test_slider_changes_what_is_drawn_while_paused(paused, qtbot):
    before, frame = shown(paused), paused.frame_index
    paused.panel.slider.setValue(100)
    wait(qtbot, lambda: differ(before, shown(paused)))
    assert paused.frame_index == frame
    assert paused.panel.value.value() == 1.0
    bare = shown(paused)
    paused.panel.slider.setValue(70)
    wait(qtbot, lambda: differ(bare, shown(paused)))


def test_classes_that_are_not_ticked_are_not_drawn(paused, qtbot):
    before = shown(paused)
    paused.panel.slider.setValue(100)
    wait(qtbot, lambda: differ(before, shown(paused)))
    bare = shown(paused)
    paused.panel.slider.setValue(70)
    wait(qtbot, lambda: differ(bare, shown(paused)))
    qtbot.mouseClick(paused.panel.none, PRESS)
    wait(qtbot, lambda: not differ(bare, shown(paused)))
    qtbot.mouseClick(paused.panel.all, PRESS)
    wait(qtbot, lambda: differ(bare, shown(paused)))


def test_step_shows_the_next_frame_and_no_other(paused, qtbot):
    frame = paused.frame_index
    for count in (1, 2, 3):
        qtbot.keyClick(paused, Qt.Key.Key_Period)
        wait(qtbot, lambda count=count: paused.frame_index >= frame + count)
        assert paused.frame_index == frame + count
    qtbot.keyClick(paused, Qt.Key.Key_Space)
    wait(qtbot, lambda: paused.frame_index > frame + 3)


def test_step_of_a_running_video_stands_still(make_window, qtbot, shared):
    window = make_window(threshold=1.0)
    window.start(str(shared / "data" / "videos" / "people.mp4"))
    wait_for(qtbot, window, State.RUNNING)
    qtbot.keyClick(window, Qt.Key.Key_Period)
    wait_for(qtbot, window, State.PAUSED)


def test_full_screen_shows_the_image_alone(paused, qtbot):
    controls = (paused.menuBar(), paused.tools, paused.status, paused.panel)
    assert all(control.isVisible() for control in controls)
    qtbot.keyClick(paused, Qt.Key.Key_F)
    wait(qtbot, paused.isFullScreen)
    assert not any(control.isVisible() for control in controls)
    frame = paused.frame_index
    qtbot.keyClick(paused, Qt.Key.Key_Period)  # keys work although their menu is hidden
    wait(qtbot, lambda: paused.frame_index == frame + 1)
    qtbot.keyClick(paused, Qt.Key.Key_Escape)
    wait(qtbot, lambda: not paused.isFullScreen())
    assert all(control.isVisible() for control in controls)


def test_image_is_drawn_anew_for_a_window_of_another_size(paused, qtbot):
    paused.resize(900, 400)
    wait(qtbot, lambda: shown(paused).shape[0] == paused.view.pixel_size[1])
    paused.resize(640, 700)
    wait(qtbot, lambda: shown(paused).shape[1] == paused.view.pixel_size[0])


def test_narrow_window_hides_the_panel_which_can_be_called_back(paused, qtbot):
    paused.resize(480, 360)
    wait(qtbot, lambda: not paused.panel.isVisible())
    qtbot.keyClick(paused, Qt.Key.Key_P)
    assert paused.panel.isVisible()
    paused.resize(1000, 600)
    wait(qtbot, paused.panel.isVisible)


def test_space_presses_the_button_that_has_the_focus(paused, qtbot):
    paused.panel.none.setFocus()
    qtbot.keyClick(paused.panel.none, Qt.Key.Key_Space)
    wait(qtbot, lambda: not paused.panel.classes.ticked)
    assert paused.state is State.PAUSED


@pytest.mark.parametrize("state", ["paused", "ended"])
def test_closing_ends_all_threads(state, request, qtbot):
    window = request.getfixturevalue(state)
    assert any(thread.name.startswith("ssd_tf-") for thread in threading.enumerate())
    with qtbot.waitSignal(window.closed, timeout=PATIENCE):
        window.close()
    assert window.unfinished == []
    assert not any(thread.name.startswith("ssd_tf-") for thread in threading.enumerate())


def test_closing_while_the_model_is_loaded_does_not_wait_for_it(make_window, qtbot, predictor, video):
    go = threading.Event()
    window = make_window(lambda: go.wait(PATIENCE / 1000) and predictor)
    window.start(str(video))
    window.close()
    assert window.unfinished == ["ssd_tf-inference"]
    go.set()
    window.engine.close(CLOSE_TIME)


def test_keys_are_listed(paused, qtbot):
    qtbot.keyClick(paused, Qt.Key.Key_F1)
    dialogs = [child for child in paused.children() if child.metaObject().className() == "ShortcutsDialog"]
    assert len(dialogs) == 1 and dialogs[0].isVisible()
    dialogs[0].close()


def test_space_pauses_after_the_slider_was_moved_and_the_arrows_move_it(paused, qtbot):
    slider, frame = paused.panel.slider, paused.frame_index
    slider.setFocus()
    before = slider.value()
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert slider.value() == before + 1 and paused.frame_index == frame
    qtbot.keyClick(slider, Qt.Key.Key_Space)
    wait(qtbot, lambda: paused.frame_index > frame)


def test_pause_is_shown_at_once_and_pressed_twice_ends_where_it_began(make_window, qtbot, video):
    window = make_window()
    window.start(str(video))
    wait(qtbot, lambda: window.view.has_image)
    pause, running = window.commands.pause, window.view.grab().toImage()
    pause.trigger()
    assert pause.text() == "Play" and window.view.grab().toImage() != running
    pause.trigger()
    assert pause.text() == "Pause" and window.view.grab().toImage() == running
    wait_for(qtbot, window, State.ENDED)  # and does not stand still


def test_video_that_has_ended_is_played_and_paused_by_two_quick_presses(ended, qtbot):
    ended.commands.pause.trigger()
    assert ended.commands.pause.text() == "Pause"
    ended.commands.pause.trigger()
    assert ended.commands.pause.text() == "Play"
    wait_for(qtbot, ended, State.PAUSED)


def test_step_after_a_quick_pause_stands_still(make_window, qtbot, video):
    window = make_window()
    window.start(str(video))
    wait(qtbot, lambda: window.view.has_image)
    window.commands.step.trigger()
    assert window.commands.pause.text() == "Play"
    wait_for(qtbot, window, State.PAUSED)


def test_escape_gives_back_the_maximised_window_that_there_was(make_window, qtbot):
    window = make_window()
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.isFullScreen()
    window.showMaximized()
    wait(qtbot, window.isMaximized)
    qtbot.keyClick(window, Qt.Key.Key_F)
    wait(qtbot, window.isFullScreen)
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    wait(qtbot, lambda: not window.isFullScreen())
    assert window.isMaximized()
