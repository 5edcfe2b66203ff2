# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""predict takes videos, and says which files it could not read."""

import json

import cv2
import numpy as np

from tests.apps.conftest import run, run_well


def write_video(path, frames: int = 5) -> None:
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (128, 96))
    for k in range(frames):
        writer.write(np.full((96, 128, 3), 20 * k, np.uint8))
    writer.release()


def test_video_becomes_a_video_and_its_frames_are_counted(trained, tmp_path):
    write_video(tmp_path / "film.mp4")
    flags = (f"--input={tmp_path / 'film.mp4'}", f"--output_dir={tmp_path / 'out'}", "--score_threshold=0.01")
    output = run_well("predict", f"--model={trained}", *flags)
    predictions = json.loads((tmp_path / "out" / "predictions.json").read_text())
    assert f"{len(predictions)} objects in 0 pictures and 5 frames of 1 video; " in output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"film.mp4", "predictions.json"}


def test_text_named_mp4_is_a_mistake_in_one_line_and_the_others_are_done(trained, tmp_path):
    (tmp_path / "in").mkdir()
    write_video(tmp_path / "in" / "film.mp4")
    (tmp_path / "in" / "words.mp4").write_text("words")
    done = run("predict", f"--model={trained}", f"--input={tmp_path / 'in'}", f"--output_dir={tmp_path / 'out'}")
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert errors == [f"error: not readable as a picture or video: {tmp_path / 'in' / 'words.mp4'}"]
    assert "moov" not in done.stderr and "VIDEOIO" not in done.stderr
    assert (tmp_path / "out" / "film.mp4").exists()
