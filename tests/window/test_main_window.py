# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The real window with the real engine: what it shows, what its controls do, and how it ends."""

import re
import threading

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QImage

from ssd_tf.live.engine import State
from ssd_tf.window.main_window import CLOSE_TIME

WIDTH, HEIGHT = 240, 180
# Milliseconds: long enough for a busy machine; no test waits for it unless it fails.
PATIENCE = 60_000
PRESS = Qt.MouseButton.LeftButton


def wait(qtbot, what) -> None:
    qtbot.waitUntil(what, timeout=PATIENCE)


def wait_for(qtbot, window, state: State) -> None:
    wait(qtbot, lambda: window.state is state)


def pixels(image: QImage) -> np.ndarray:
    """uint8 RGB."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    lines = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return lines[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def shown(window) -> np.ndarray:
    return pixels(window.view.picture())


def differ(first: np.ndarray, second: np.ndarray) -> bool:
    return first.shape != second.shape or bool((first != second).any())


@pytest.fixture
def paused(make_window, qtbot, video):
    """A window that stands still at some frame of the video."""
    window = make_window()
    window.start(str(video))
    wait(qtbot, lambda: window.view.has_picture)
    qtbot.keyClick(window, Qt.Key.Key_Space)
    wait_for(qtbot, window, State.PAUSED)
    return window


@pytest.fixture
def ended(make_window, qtbot, video):
    """A window whose video has ended."""
    window = make_window()
    window.start(str(video))
    wait_for(qtbot, window, State.ENDED)
    return window


def test_frames_of_a_real_video_appear_and_change(make_window, qtbot, shared):
    window = make_window(threshold=1.0)
    window.start(str(shared / "data" / "videos" / "people.mp4"))
    wait(qtbot, lambda: window.view.has_picture)
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
    assert window.status.device.text().startswith(("CPU", "GPU"))


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
    wait(qtbot, lambda: window.view.has_picture)
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


def test_snapshots_have_the_frames_own_size_and_never_replace_each_other(paused, qtbot, tmp_path):
    for count in (1, 2):
        qtbot.keyClick(paused, Qt.Key.Key_S)
        wait(qtbot, lambda count=count: len(list((tmp_path / "saved").glob("*.png"))) == count)
    names = sorted(path.name for path in (tmp_path / "saved").iterdir())
    assert names == [f"noise_{paused.frame_index:06}.png", f"noise_{paused.frame_index:06}_2.png"]
    picture = cv2.imread(str(tmp_path / "saved" / names[0]))
    assert picture is not None and picture.shape == (HEIGHT, WIDTH, 3)
    wait(qtbot, lambda: str(tmp_path / "saved" / names[1]) in paused.view.message)


def test_recording_is_a_video_of_the_frames_own_size(make_window, qtbot, shared, tmp_path):
    window = make_window(threshold=1.0)
    window.start(str(shared / "data" / "videos" / "people.mp4"))
    wait(qtbot, lambda: window.view.has_picture)
    qtbot.keyClick(window, Qt.Key.Key_R)
    assert window.commands.record.text() == "Stop recording"
    first = window.frame_index
    wait(qtbot, lambda: window.frame_index > first + 3)
    qtbot.keyClick(window, Qt.Key.Key_R)
    wait(qtbot, lambda: "Saved" in window.view.message)
    assert window.commands.record.text() == "Record"
    (path,) = (tmp_path / "saved").glob("people_*.mp4")
    capture = cv2.VideoCapture(str(path))
    readable, frame = capture.read()
    assert readable and frame.shape == (450, 800, 3)
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) >= 3


def test_closing_finishes_a_recording(make_window, qtbot, shared, tmp_path):
    window = make_window(threshold=1.0)
    window.start(str(shared / "data" / "videos" / "people.mp4"))
    wait(qtbot, lambda: window.view.has_picture)
    qtbot.keyClick(window, Qt.Key.Key_R)
    first = window.frame_index
    wait(qtbot, lambda: window.frame_index > first + 3)
    window.close()
    assert window.problem == ""
    (path,) = (tmp_path / "saved").glob("people_*.mp4")
    assert cv2.VideoCapture(str(path)).read()[0]


def test_end_of_the_video_is_said_and_it_can_be_played_again(ended, qtbot):
    assert ended.banner.isVisible() and "noise.mp4" in ended.banner.text
    assert ended.view.has_picture  # the last picture stays
    last = ended.frame_index  # a busy machine may have left out the very last
    qtbot.mouseClick(ended.banner.retry, PRESS)
    wait(qtbot, lambda: ended.frame_index < last)
    assert not ended.banner.isVisible()
    wait_for(qtbot, ended, State.ENDED)
    last = ended.frame_index
    qtbot.keyClick(ended, Qt.Key.Key_Space)
    wait(qtbot, lambda: ended.frame_index < last)


def test_camera_that_is_not_there_is_said_and_another_source_can_be_opened(make_window, qtbot, video):
    window = make_window()
    window.start("63")
    wait_for(qtbot, window, State.LOST)
    assert window.banner.isVisible() and "camera 63" in window.banner.text
    assert not window.view.has_picture and window.commands.retry.isEnabled()
    qtbot.mouseClick(window.banner.retry, PRESS)
    assert not window.banner.isVisible()
    wait(qtbot, window.banner.isVisible)
    window.open_source(str(video))
    wait(qtbot, lambda: window.view.has_picture)
    assert not window.banner.isVisible()


def test_model_that_cannot_be_loaded_is_said_and_can_be_tried_again(make_window, qtbot, predictor, video):
    answers = [ValueError("no model at runs/x"), predictor]

    def load():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    window = make_window(load)
    window.start(str(video))
    wait_for(qtbot, window, State.FAILED)
    assert "no model at runs/x" in window.banner.text and "Loading" not in window.view.placeholder
    qtbot.mouseClick(window.banner.retry, PRESS)
    wait(qtbot, lambda: window.view.has_picture)
    assert not window.banner.isVisible()


def test_dropped_file_is_opened(make_window, qtbot, video):
    window = make_window()
    window.start("63")
    wait_for(qtbot, window, State.LOST)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(video))])
    how = (Qt.DropAction.CopyAction, data, PRESS, Qt.KeyboardModifier.NoModifier)
    window.view.dropEvent(QDropEvent(QPointF(5, 5), *how))
    wait(qtbot, lambda: window.view.has_picture)
    assert window.windowTitle() == "noise.mp4"


def test_full_screen_shows_the_picture_alone(paused, qtbot):
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


def test_picture_is_drawn_anew_for_a_window_of_another_size(paused, qtbot):
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
    assert window.unfinished == ["ssd_tf-inference"] and window.closed_in is State.LOADING
    go.set()
    window.engine.close(CLOSE_TIME)


def test_keys_are_listed(paused, qtbot):
    qtbot.keyClick(paused, Qt.Key.Key_F1)
    dialogs = [child for child in paused.children() if child.metaObject().className() == "ShortcutsDialog"]
    assert len(dialogs) == 1 and dialogs[0].isVisible()
    dialogs[0].close()
