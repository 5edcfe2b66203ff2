# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Sources that are opened in the real window: their names, their ends, what is wrong with them, and what next."""

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog

from ssd_tf.utils.errors import UserError
from ssd_tf.viewer.engine.engine import State
from tests.viewer.window.conftest import wait, wait_for

PRESS = Qt.MouseButton.LeftButton


@pytest.fixture
def folder(tmp_path):
    """Two images of different sizes."""
    folder = tmp_path / "pics"
    folder.mkdir()
    for name, height, width in (("a.png", 40, 60), ("b.png", 300, 50)):
        cv2.imwrite(str(folder / name), np.zeros((height, width, 3), np.uint8))
    return folder


def test_end_of_the_video_is_said_and_it_can_be_played_again(ended, qtbot):
    assert ended.banner.isVisible() and "noise.mp4" in ended.banner.text
    assert ended.view.has_image  # the last image stays
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
    assert not window.view.has_image and window.commands.retry.isEnabled()
    qtbot.mouseClick(window.banner.retry, PRESS)
    assert not window.banner.isVisible()
    wait(qtbot, window.banner.isVisible)
    window.open_source(str(video))
    wait(qtbot, lambda: window.view.has_image)
    assert not window.banner.isVisible()


def test_model_that_cannot_be_loaded_is_said_and_can_be_tried_again(make_window, qtbot, predictor, video):
    answers = [UserError("no model at runs/x"), predictor]

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
    wait(qtbot, lambda: window.view.has_image)
    wait(qtbot, lambda: not window.banner.isVisible())


def test_dropped_file_is_opened(make_window, qtbot, video):
    window = make_window()
    window.start("63")
    wait_for(qtbot, window, State.LOST)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(video))])
    how = (Qt.DropAction.CopyAction, data, PRESS, Qt.KeyboardModifier.NoModifier)
    window.view.dropEvent(QDropEvent(QPointF(5, 5), *how))
    wait(qtbot, lambda: window.view.has_image)
    assert window.windowTitle() == "noise.mp4"


def test_title_names_what_is_being_opened_and_never_the_last_source(ended, qtbot):
    assert ended.windowTitle() == "noise.mp4"
    ended.open_source("63")
    assert ended.windowTitle() == ended.status.source.text() == "camera 63"
    wait_for(qtbot, ended, State.LOST)
    assert ended.windowTitle() == "camera 63"


def test_password_of_an_address_is_shown_nowhere(make_window, qtbot):
    window = make_window()
    window.start("rtsp://user:secret@127.0.0.1:9/live?token=secret")
    name = "rtsp://127.0.0.1:9/live"
    assert window.windowTitle() == window.status.source.text() == name
    wait_for(qtbot, window, State.LOST)
    assert window.windowTitle() == name and name in window.banner.text
    assert "secret" not in window.banner.text + window.status.source.text() + window.status.source.toolTip()


def test_each_image_is_named_and_has_its_own_size(make_window, qtbot, folder):
    window = make_window()
    texts = []
    window.frame_shown.connect(lambda shown: texts.append(window.status.source.text()))
    window.start(str(folder))
    wait_for(qtbot, window, State.ENDED)
    assert texts[0] == "pics · a.png · 60 × 40 · 1 of 2"
    assert texts[-1] == "pics · b.png · 50 × 300 · 2 of 2"


def test_folder_is_chosen_in_a_dialog_of_its_own(ended, qtbot, folder):
    ended.commands.open_folder.trigger()
    (dialog,) = ended.findChildren(QFileDialog)
    assert dialog.fileMode() is QFileDialog.FileMode.Directory
    dialog.fileSelected.emit(str(folder))
    dialog.close()
    assert ended.windowTitle() == "pics"
    wait(qtbot, lambda: "2 of 2" in ended.status.source.text())


def test_file_is_chosen_in_a_dialog(ended, qtbot, video):
    ended.commands.open.trigger()
    (dialog,) = ended.findChildren(QFileDialog)
    assert dialog.fileMode() is QFileDialog.FileMode.ExistingFile
    dialog.close()


def test_keys_are_the_windows_again_after_a_source_is_opened(ended, qtbot):
    qtbot.mouseClick(ended.banner.retry, PRESS)
    assert ended.view.hasFocus()
    ended.panel.filter.setFocus()
    ended.open_source("63")
    assert ended.view.hasFocus()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_engine_that_is_broken_offers_nothing_that_cannot_work(make_window, qtbot, video):
    def load():
        raise TypeError("a mistake")

    window = make_window(load)
    window.start(str(video))
    wait_for(qtbot, window, State.FAILED)
    assert "a mistake" in window.banner.text and "start the program again" in window.banner.text
    assert not window.banner.retry.isVisible() and not window.banner.open_other.isVisible()
    commands = window.commands
    assert not any(action.isEnabled() for action in (commands.retry, commands.open, commands.open_folder))
    window.open_source(str(video))  # as by a drop
    assert window.state is State.FAILED and window.banner.isVisible()
