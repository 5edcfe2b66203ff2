# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Images and videos are saved whole, under names that are free and that every system takes."""

import re

import cv2
import numpy as np
import pytest
from PySide6.QtCore import Qt

from ssd_tf.viewer.engine.engine import State
from ssd_tf.viewer.window.saving import free_path, save_png
from tests.viewer.window.conftest import HEIGHT, WIDTH, wait, wait_for


def test_name_that_is_taken_gets_a_number(tmp_path):
    for expected in ("a.png", "a_2.png", "a_3.png"):
        path = free_path(tmp_path, "a", ".png")
        assert path.name == expected
        path.touch()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("camera 0_000012", "camera_0_000012"),
        ("rtsp://a:b/c", "rtsp_a_b_c"),
        ("../../x", "x"),
        ("猫", "猫"),
        ("", "image"),
    ],
)
def test_characters_that_files_cannot_have_are_replaced(tmp_path, name, expected):
    path = free_path(tmp_path, name, ".mp4")
    assert path.parent == tmp_path and path.name == f"{expected}.mp4"


def test_png_has_the_images_pixels_in_a_folder_that_was_not_there(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (30, 41, 3), np.uint8)
    save_png(image, tmp_path / "new" / "a.png")
    written = cv2.imread(str(tmp_path / "new" / "a.png"))
    assert written is not None
    np.testing.assert_array_equal(written[..., ::-1], image)


def test_snapshots_have_the_frames_own_size_and_never_replace_each_other(paused, qtbot, tmp_path):
    for count in (1, 2):
        qtbot.keyClick(paused, Qt.Key.Key_S)
        wait(qtbot, lambda count=count: len(list((tmp_path / "saved").glob("*.png"))) == count)
    names = sorted(path.name for path in (tmp_path / "saved").iterdir())
    assert names == [f"noise_{paused.frame_index:06}.png", f"noise_{paused.frame_index:06}_2.png"]
    image = cv2.imread(str(tmp_path / "saved" / names[0]))
    assert image is not None and image.shape == (HEIGHT, WIDTH, 3)
    wait(qtbot, lambda: str(tmp_path / "saved" / names[1]) in paused.view.message)


def test_recording_is_a_video_of_the_frames_own_size(make_window, qtbot, shared, tmp_path):
    window = make_window(threshold=1.0)
    window.start(str(shared / "data" / "videos" / "people.mp4"))
    wait(qtbot, lambda: window.view.has_image)
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
    wait(qtbot, lambda: window.view.has_image)
    qtbot.keyClick(window, Qt.Key.Key_R)
    first = window.frame_index
    wait(qtbot, lambda: window.frame_index > first + 3)
    window.close()
    assert window.problem == ""
    (path,) = (tmp_path / "saved").glob("people_*.mp4")
    assert cv2.VideoCapture(str(path)).read()[0]


def test_snapshots_in_quick_succession_are_all_kept(make_window, qtbot, tmp_path):
    # Large noise takes long to encode: all names are asked for before the first file is there.
    large = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "large.png"), large)
    window = make_window(threshold=1.0)
    window.start(str(tmp_path / "large.png"))
    wait_for(qtbot, window, State.ENDED)
    said = []
    window.saver.said.connect(said.append)
    for _ in range(5):
        window.commands.snapshot.trigger()
    wait(qtbot, lambda: len(said) == 5)
    names = sorted(path.name for path in (tmp_path / "saved").iterdir())
    assert names == ["large_000000.png", *(f"large_000000_{number}.png" for number in range(2, 6))]
    for name in names:
        written = cv2.imread(str(tmp_path / "saved" / name))
        assert written is not None and (written == large).all()


def test_snapshot_has_the_number_of_its_own_frame(make_window, qtbot, video, tmp_path):
    window = make_window(threshold=1.0)

    def save_late(shown) -> None:
        while (taken := window.engine.snapshot()) and taken[1] == shown.index:
            pass  # the window has shown a frame, and the engine is at the next already
        window.commands.snapshot.trigger()

    window.frame_shown.connect(save_late, Qt.ConnectionType.SingleShotConnection)
    window.start(str(video))
    wait(qtbot, lambda: len(list((tmp_path / "saved").glob("*.png"))) == 1)
    (path,) = (tmp_path / "saved").glob("*.png")
    number = re.fullmatch(r"noise_(\d{6})", path.stem)
    assert number
    capture = cv2.VideoCapture(str(video))
    frames = [capture.read()[1] for _ in range(int(number[1]) + 1)]
    np.testing.assert_array_equal(cv2.imread(str(path)), frames[-1])


def test_time_recorded_is_that_of_the_video_and_stands_still_in_a_pause(paused, qtbot):
    seconds = []
    paused.saver.recorded.connect(seconds.append)
    paused.commands.record.trigger()
    wait(qtbot, lambda: len(seconds) == 4)  # three looks at it
    assert seconds == [0.0] * 4


def test_what_could_not_be_saved_before_the_window_closed_is_told(paused, tmp_path):
    (tmp_path / "saved").write_text("a file in the folder's place")
    paused.commands.snapshot.trigger()
    paused.close()
    assert "Cannot save the image" in paused.problem and str(tmp_path / "saved") in paused.problem
