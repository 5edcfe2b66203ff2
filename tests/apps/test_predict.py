# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""predict takes videos, and says which files it could not read."""

import json
import subprocess
import sys

import cv2
import numpy as np

from tests.apps.conftest import ROOT, run, run_well


def write_video(path, frames: int = 5) -> None:
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (128, 96))
    for k in range(frames):
        writer.write(np.full((96, 128, 3), 20 * k, np.uint8))
    writer.release()


def test_video_becomes_a_video_and_its_frames_are_counted(trained, tmp_path):
    write_video(tmp_path / "film.mp4")
    flags = (f"--input={tmp_path / 'film.mp4'}", f"--output_dir={tmp_path / 'out'}", "--score_threshold=0.01")
    output = run_well("predict", f"--model={trained}", *flags)
    predictions = json.loads((tmp_path / "out" / "predictions.json").read_text())["annotations"]
    assert f"{len(predictions)} objects in 5 frames of 1 video; annotated copies and" in output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"film.mp4", "predictions.json"}


def test_text_named_mp4_is_a_mistake_in_one_line_and_the_others_are_done(trained, tmp_path):
    (tmp_path / "in").mkdir()
    write_video(tmp_path / "in" / "film.mp4")
    (tmp_path / "in" / "words.mp4").write_text("words")
    done = run("predict", f"--model={trained}", f"--input={tmp_path / 'in'}", f"--output_dir={tmp_path / 'out'}")
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert errors == [f"error: {tmp_path / 'in' / 'words.mp4'}: not readable as a video; or it is cut off"]
    assert "moov" not in done.stderr and "VIDEOIO" not in done.stderr
    assert (tmp_path / "out" / "film.mp4").exists()


def test_report_tells_only_of_what_was_there():
    # In a process of its own, since every program defines its own --model.
    code = (
        "from ssd_tf.apps.predict import _report\nfrom types import SimpleNamespace as S\n"
        "for counts in ((3, 0, 0, 7), (1, 1, 1, 1), (0, 2, 24, 0), (0, 0, 0, 0), (0, 1, 0, 0)):\n"
        "    print(_report(S(**dict(zip(('images', 'videos', 'frames', 'detections'), counts))), 'found'))\n"
    )
    printed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert printed.splitlines() == [
        "7 objects in 3 images; annotated copies and predictions.json in found",
        "1 object in 1 image and 1 frame of 1 video; annotated copies and predictions.json in found",
        "0 objects in 24 frames of 2 videos; annotated copies and predictions.json in found",
        "0 objects in 0 images; predictions.json in found",
        "0 objects in 0 frames of 1 video; predictions.json in found",
    ]


def test_predictions_score_as_the_model_does(trained, prepared, drawn, tmp_path):
    flags = (f"--input={drawn / 'images'}", f"--output_dir={tmp_path / 'out'}", "--score_threshold=0.05")
    run_well("predict", f"--model={trained}", *flags)
    files = (f"--predictions={tmp_path / 'out' / 'predictions.json'}", f"--annotations={drawn / 'annotations.json'}")
    run_well("evaluate", *files, f"--output_dir={tmp_path / 'file'}")
    run_well("evaluate", f"--model={trained}", f"--data_dir={prepared}", f"--output_dir={tmp_path / 'model'}")
    by_file, by_model = (json.loads((tmp_path / name / "metrics.json").read_text())["AP"] for name in ("file", "model"))
    # The file has scores of five digits, and leaves out what scores less than the detector's own threshold.
    assert abs(by_file - by_model) < 1e-3
    done = run("evaluate", files[0])
    assert done.returncode == 1 and "or --predictions and --annotations. Received: --predictions" in done.stderr


def test_tiles_are_looked_at_by_predict_and_evaluate_alike(trained, prepared, drawn, tmp_path):
    flags = (f"--input={drawn / 'images'}", f"--output_dir={tmp_path / 'out'}", "--score_threshold=0.05")
    run_well("predict", f"--model={trained}", *flags, "--tiles=2x1", "--tile_overlap=0.3")
    scored = ("evaluate", f"--model={trained}", f"--data_dir={prepared}", "--split=val", "--precision=float32")
    output = run_well(*scored, "--tiles=2x1", "--tile_overlap=0.3", f"--output_dir={tmp_path / 'scores'}")
    assert "in 2x1 tiles and whole" in output
    predicted = json.loads((tmp_path / "out" / "predictions.json").read_text())["annotations"]
    evaluated = json.loads((tmp_path / "scores" / "results.json").read_text())
    assert len(predicted) > 0
    assert sorted(round(found["score"], 3) for found in predicted) == sorted(
        round(found["score"], 3) for found in evaluated
    )


def test_tiles_that_are_none_are_told_before_the_model_is_loaded(tmp_path, capsys):
    flags = ("--model=nowhere", "--input=nothing", "--tiles=two")
    assert run("predict", *flags).stderr.splitlines()[-1] == (
        "error: --tiles: expected COLUMNSxROWS, such as 2x2. Received: 'two'"
    )
