# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The status line says where in the source the frame is, and is cut and not squeezed where there is no room."""

import pytest

from ssd_tf.media.source import SourceInfo
from ssd_tf.viewer.window.status_line import ElidedLabel, clock, place, source_name


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0:00"), (59.99, "0:59"), (60.0, "1:00"), (754.0, "12:34"), (3600.0, "1:00:00"), (36061.0, "10:01:01")],
)
def test_clock(seconds, text):
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("kind", "fps", "frames", "text"),
    [
        ("video", 25.0, 460, "0:04 of 0:18"),
        ("video", 25.0, 0, "0:04"),
        ("video", 0.0, 460, "0:04"),
        ("camera", 30.0, 0, "0:04"),
        ("stream", 25.0, 0, "0:04"),
        ("images", 1.0, 12, "5 of 12"),
    ],
)
def test_place(kind, fps, frames, text):
    assert place(4, 4.2, SourceInfo("a", kind, fps, frames, 640, 480)) == text


def test_label_gives_way_and_tells_the_whole_by_its_tool_tip(qapp, qtbot):
    label = ElidedLabel("a long text that says much")
    qtbot.addWidget(label)
    label.setText("another long text that says more")
    assert label.minimumSizeHint().width() == 0
    assert label.toolTip() == "another long text that says more"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("0", "camera 0"),
        ("/dev/video2", "camera 2"),
        ("videos/people.mp4", "people.mp4"),
        ("photos/*.jpg", "*.jpg"),
        ("/", "/"),
        ("rtsp://user:secret@host:554/live?token=x", "rtsp://host:554/live"),
        ("https://user@host/a.mp4", "https://host/a.mp4"),
    ],
)
def test_source_is_named_without_folder_and_password(source, name):
    assert source_name(source) == name
