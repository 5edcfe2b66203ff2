# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The live program: without a screen, with a window until Ctrl-C, and with the mistakes that users make."""

import os
import pathlib
import re
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest

from ssd_tf.inference.marks import is_marked
from tests.apps.conftest import ROOT, command, run, run_well
from tests.apps.test_mistakes import assert_refused

FRAMES, WIDTH, HEIGHT = 10, 160, 120
NO_SCREEN = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}


@pytest.fixture
def video(tmp_path) -> pathlib.Path:
    path = tmp_path / "noise.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25.0, (WIDTH, HEIGHT))
    random = np.random.default_rng(0)
    for _ in range(FRAMES):
        writer.write(random.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8))
    writer.release()
    return path


def start(*flags: str, platform: str) -> subprocess.Popen[str]:
    environment = {**NO_SCREEN, "QT_QPA_PLATFORM": platform}
    return subprocess.Popen(
        command("stream", *flags),
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_video_is_written_without_a_screen(trained, video, tmp_path):
    output = tmp_path / "out" / "found.mp4"
    printed = run_well("stream", f"--source={video}", f"--model={trained}", "--headless", f"--output={output}")
    assert re.search(
        rf"\d+ objects in {FRAMES} frames, [\d.]+ frames/s; the video is {re.escape(str(output))}", printed
    )
    capture = cv2.VideoCapture(str(output))
    sizes = []
    while (frame := capture.read()[1]) is not None:
        sizes.append(frame.shape)
    assert sizes == [(HEIGHT, WIDTH, 3)] * FRAMES
    assert capture.get(cv2.CAP_PROP_FPS) == 25.0
    assert is_marked(output)  # so another run may replace it


def test_images_that_could_not_be_read_are_no_success(trained, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    cv2.imwrite(str(images / "a.png"), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    (images / "b.png").write_text("words")
    output = tmp_path / "found.mp4"
    done = run("stream", f"--source={images}", f"--model={trained}", "--headless", f"--output={output}")
    assert done.returncode == 1 and "not all images could be read:" in done.stderr and "b.png" in done.stderr
    assert "objects in 1 frames" in done.stdout and is_marked(output)  # what could be read is there


def test_damaged_video_of_which_no_frame_can_be_read_leaves_none(trained, video, tmp_path):
    whole = video.read_bytes()
    start_of_frames = whole.index(b"mdat") + 4
    end_of_frames = whole.index(b"moov") - 4
    video.write_bytes(whole[:start_of_frames] + bytes(end_of_frames - start_of_frames) + whole[end_of_frames:])
    output = tmp_path / "found.mp4"
    done = run("stream", f"--source={video}", f"--model={trained}", "--headless", f"--output={output}")
    assert_refused(done, "noise.mp4", "damaged")
    assert "no video was written" in done.stdout and "the video is" not in done.stdout
    assert not output.exists()


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.proof)]
)
def test_signal_closes_the_window(trained, video, number, status):
    pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
    with start(f"--source={video}", f"--model={trained}", platform="offscreen") as program:
        assert program.stderr
        while "from" not in (line := program.stderr.readline()):  # what the model was loaded from
            assert line, "the program ended before its model was loaded"
        program.send_signal(number)
        _, errors = program.communicate(timeout=60)
        assert program.returncode == status, errors
        assert errors == ""


# The program with a model that says when it is in the middle of a frame and is then not done for an hour.
SLOW = """
import sys, time
from ssd_tf.apps import cli
import ssd_tf.viewer.engine.inference as inference

def detect(self, predictor, image):
    if image.any():  # and is not the first, black one
        print("busy", flush=True)
        time.sleep(3600)
    return quick(self, predictor, image)

quick, inference.Inference._detect = inference.Inference._detect, detect
cli.run("stream")
"""


def start_code(code: str, *flags: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *flags],
        cwd=ROOT,
        env={**NO_SCREEN, "QT_QPA_PLATFORM": "offscreen"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.proof
def test_closing_in_the_middle_of_a_slow_frame_is_no_error(trained, video):
    pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
    with start_code(SLOW, f"--source={video}", f"--model={trained}") as program:
        assert program.stdout and program.stdout.readline() == "busy\n"
        program.send_signal(signal.SIGINT)
        _, errors = program.communicate(timeout=60)
    assert program.returncode == 130
    assert "error" not in errors and "Traceback" not in errors


def test_what_could_not_be_saved_is_an_error_of_the_program(trained, video, monkeypatch):
    pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
    from ssd_tf.viewer.window import program

    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.setattr(program, "run_window", lambda *_: program.Outcome(0, "street.mp4: the disk is full"))
    done = run("stream", f"--source={video}", f"--model={trained}")
    assert (done.returncode, done.stderr) == (1, "error: street.mp4: the disk is full\n")


def test_no_screen_is_said_with_what_works_without_one(trained, video):
    pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
    for platform in ("", "xcb", "wayland"):
        with start(f"--source={video}", f"--model={trained}", platform=platform) as program:
            _, errors = program.communicate(timeout=60)
        assert program.returncode == 1
        assert errors.startswith("error: no screen") and "--headless --output=" in errors
        assert len(errors.splitlines()) == 1


def test_model_that_is_not_there(tmp_path, video):
    done = run("stream", f"--source={video}", f"--model={tmp_path / 'absent'}")
    assert_refused(done, "no model at", "absent", "model_dir")


def test_source_that_is_not_there(tmp_path):
    model = f"--model={tmp_path}"
    assert_refused(run("stream", "--source=absent.mp4", model), "absent.mp4")
    assert_refused(
        run("stream", "--source=absent.mp4", model, "--headless", f"--output={tmp_path}/o.mp4"), "absent.mp4"
    )


@pytest.mark.parametrize("flags", [("--headless",), ("--output=out.mp4",)])
def test_headless_and_output_go_together(tmp_path, flags):
    assert_refused(run("stream", f"--model={tmp_path}", *flags), "--headless", "--output", "alone")


def test_output_that_is_no_mp4(tmp_path, video):
    done = run("stream", f"--source={video}", f"--model={tmp_path}", "--headless", "--output=out.avi")
    assert_refused(done, ".mp4", "out.avi")


def test_video_does_not_replace_its_own_source(trained, video):
    before = video.read_bytes()
    flags = (f"--source={video}", f"--model={trained}", "--headless", f"--output={video}", "--overwrite")
    assert_refused(run("stream", *flags), str(video), "expected another file to write than to read")
    assert video.read_bytes() == before


def test_a_file_of_the_users_is_not_replaced_unless_asked_to(video, tmp_path):
    (tmp_path / "mine.mp4").write_text("words")
    (tmp_path / "model").mkdir()  # in which there is none
    flags = (f"--source={video}", f"--model={tmp_path / 'model'}", "--headless", f"--output={tmp_path / 'mine.mp4'}")
    assert_refused(run("stream", *flags), "--output: expected no mine.mp4 there", "--overwrite replaces it")
    assert_refused(run("stream", *flags, "--overwrite"), "model")
    assert (tmp_path / "mine.mp4").read_text() == "words"
