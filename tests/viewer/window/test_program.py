# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What must be so before Qt starts."""

import os
import pathlib
import subprocess
import sys

import pytest

from ssd_tf.viewer.window.program import keep_opengl_away, require_display

OPENGL = ("GDK_GL", "QT_XCB_GL_INTEGRATION", "QT_WAYLAND_DISABLE_HW_INTEGRATION")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a screen")
@pytest.mark.parametrize(
    ("environment", "refused"),
    [
        ({}, True),
        ({"DISPLAY": ":0"}, False),
        ({"WAYLAND_DISPLAY": "wayland-0"}, False),
        ({"QT_QPA_PLATFORM": "offscreen"}, False),
        ({"QT_QPA_PLATFORM": "vnc:size=800x600"}, False),
        ({"QT_QPA_PLATFORM": "xcb"}, True),
        ({"DISPLAY": ""}, True),
    ],
)
def test_no_screen_is_seen_before_qt_would_abort(monkeypatch, environment, refused):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if refused:
        with pytest.raises(OSError, match=r"no screen.*--headless"):
            require_display()
    else:
        require_display()


def test_opengl_is_kept_away_unless_the_user_wants_it(monkeypatch):
    for name in OPENGL:
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    monkeypatch.setenv("GDK_GL", "always")
    keep_opengl_away()
    assert [os.environ[name] for name in OPENGL] == ["always", "none", "1"]


def test_window_is_there_without_tensorflow():
    code = "import sys, ssd_tf.viewer.window.program, ssd_tf.media.source; sys.exit('tensorflow' in sys.modules)"
    root = pathlib.Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, timeout=120, check=False).returncode == 0
