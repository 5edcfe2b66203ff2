# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The programs of examples/: short, and each does what its first line says, here with a small detector on shapes."""

import dataclasses
import importlib.util
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest
from absl import flags
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ssd_tf.apps import train
from ssd_tf.data.formats.shapes import CATEGORIES
from tests.fixtures.live import write_video

ROOT = pathlib.Path(__file__).parent.parent.parent
PROGRAMS = ("train_ssdrn34_coco", "pred_ssdrn34_coco", "list_coco_cats", "show_augmentation", "stream_ssd")


def load(name: str):
    """An example as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", PROGRAMS)
def test_example_is_short_and_in_the_readme(name):
    assert len((ROOT / "examples" / f"{name}.py").read_text().splitlines()) < 60
    assert f"| [{name}.py](examples/{name}.py) | " in (ROOT / "README.md").read_text()


def test_training_example_has_the_settings_of_the_recipe():
    values = flags.FlagValues()
    train.define_flags(values)
    values(["train", f"--flagfile={ROOT / 'flags' / 'mlperf.cfg'}", "--data_dir=d", "--model_dir=m"])
    assert load("train_ssdrn34_coco").mlperf_config("d", "m") == train.config_from_flags(values)


@pytest.mark.proof
def test_training_example_prepares_trains_and_scores(drawn, tmp_path, monkeypatch, capsys):
    for split in ("train", "val"):  # as COCO's archives unpack
        (tmp_path / "coco" / "annotations").mkdir(parents=True, exist_ok=True)
        shutil.copy(drawn / "annotations.json", tmp_path / "coco" / "annotations" / f"instances_{split}2017.json")
        (tmp_path / "coco" / f"{split}2017").symlink_to(drawn / "images")
    example = load("train_ssdrn34_coco")
    small = {"detector": "ssd128_tiny", "backbone_weights": "", "batch_size": 8, "epochs": 1}
    full = example.mlperf_config
    monkeypatch.setattr(example, "mlperf_config", lambda *folders: dataclasses.replace(full(*folders), **small))
    argv = [f"--coco={tmp_path}/coco", f"--data_dir={tmp_path}/data", f"--model_dir={tmp_path}/run"]
    example.main(argv)
    assert re.search(r"^AP     -?\d\.\d{4}\nAP50   ", capsys.readouterr().out, re.M)
    before = (tmp_path / "data" / "train.json").stat().st_mtime_ns
    example.main(argv)  # what is prepared is kept, and nothing is left to train
    assert (tmp_path / "data" / "train.json").stat().st_mtime_ns == before
    assert "AP50" in capsys.readouterr().out


def test_prediction_example_shows_images_in_tensorboard(trained, drawn, tmp_path, capsys):
    argv = [f"--model={trained}", f"--images={drawn}/images", f"--logdir={tmp_path}", "--count=3"]
    load("pred_ssdrn34_coco").main([*argv, "--score_threshold=0.06"])
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 4 and printed[3] == f"3 images for tensorboard --logdir={tmp_path}"
    assert re.match(r"000000\d\d\.jpg \w+ 0\.\d\d", printed[0])
    events = EventAccumulator(str(tmp_path), {"tensors": 0})
    events.Reload()
    assert sorted(events.Tags()["tensors"]) == sorted(line[:8] for line in printed[:3])


def test_category_example_lists_cocos_and_those_of_a_file(drawn, capsys):
    example = load("list_coco_cats")
    example.main([])
    lines = capsys.readouterr().out.splitlines()
    assert (lines[0].split(), lines[11].split(), lines[79].split()) == (
        ["1", "1", "person"],
        ["12", "13", "stop", "sign"],  # id 12 is not used
        ["80", "90", "toothbrush"],
    )
    example.main([str(drawn / "annotations.json")])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1:3] for line in lines] == [[str(number), name] for number, name in CATEGORIES.items()]
    assert all(re.search(r" [1-9]\d* boxes in [1-9]\d* images$", line) for line in lines)


@pytest.mark.proof
def test_augmentation_example_draws_images_side_by_side(prepared, tmp_path):
    argv = [f"--data_dir={prepared}", "--detector=ssd128_tiny", "--mosaic=1", "--count=2"]
    for seed in (0, 1):
        load("show_augmentation").main([*argv, f"--seed={seed}", f"--output={tmp_path}/{seed}.png"])
    one, other = (cv2.imread(f"{tmp_path}/{seed}.png") for seed in (0, 1))
    assert one is not None and one.shape[1] == 2 * one.shape[0] + 8 and one.std() > 10
    assert not np.array_equal(one, other)


def test_live_example_shows_a_video_until_it_is_told_to_end(trained, tmp_path):
    pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
    video = write_video(tmp_path / "grey.mp4")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, str(ROOT / "examples" / "stream_ssd.py"), f"--model={trained}", f"--source={video}"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as shown:
        assert shown.stdout
        assert shown.stdout.readline() == f"{trained}: ssd128_tiny for 5 classes\n"
        shown.send_signal(signal.SIGINT)
        _, errors = shown.communicate(timeout=60)
    assert shown.returncode == 0, errors
    assert "Traceback" not in errors
