# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Paths are names: ~ is the home folder, and no character in the name of a folder means anything."""

import json
import shutil

import pytest
from absl import flags

from ssd_tf.apps import cli
from ssd_tf.apps.train import config_from_flags, define_flags
from tests.apps.conftest import TINY, run_well

EVERY_CHARACTER = "".join(c for c in map(chr, range(32, 127)) if not c.isalnum() and c != "/")


def test_home_folder_is_put_in_for_a_tilde_in_every_flag_that_is_a_path(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    values = flags.FlagValues()
    define_flags(values)
    values(["train", "--data_dir=~/data", "--model_dir=~", "--init_from=a~b", "--detector=~/spec.json"])
    config = config_from_flags(values)
    assert (config.data_dir, config.model_dir) == ("/home/ada/data", "/home/ada")
    assert (config.init_from, config.detector) == ("a~b", "/home/ada/spec.json")


def test_repeated_paths_are_paths_too(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    values = flags.FlagValues()
    cli.define_paths("images", [], "Folders.", values)
    values(["program", "--images=~/a", "--images=b,c"])
    assert values.images == ["/home/ada/a", "b,c"]


@pytest.mark.proof
def test_programs_take_folders_with_every_character_in_their_names(prepared, drawn, tmp_path):
    data, run, out, photos = (tmp_path / f"{what}{EVERY_CHARACTER}" for what in ("data", "run", "out", "photos"))
    shutil.copytree(drawn / "images", photos)
    source = (f"--annotations={drawn}/annotations.json", f"--images={photos}", f"--output_dir={data}")
    for split in ("train", "val"):
        run_well("prepare", *source, f"--split={split}")
    for epochs in (3, 4):  # the second resumes
        run_well(
            "train", *TINY, f"--data_dir={data}", f"--model_dir={run}", f"--epochs={epochs}", "--keep_checkpoints=1"
        )
    assert [path.name for path in (run / "checkpoints").glob("*.index")] == ["ckpt-12.index"]
    assert len(list((run / "best").glob("*.index"))) == 1
    saved, lite = out / "saved", out / "mine.tflite"
    run_well("export", f"--model={run}", "--format=saved_model", f"--output={saved}")
    run_well("export", f"--model={run}", f"--output={lite}", "--quantize=int8", f"--data_dir={data}")
    for model in (run, run / "checkpoints" / "ckpt-12", saved, lite):
        where = f"--output_dir={out / 'scores'}"
        run_well("evaluate", f"--model={model}", f"--data_dir={data}", where)
        assert json.loads((out / "scores" / "metrics.json").read_text())["num_images"] == 24
    for given in (photos, photos / "*.jpg", photos / "00000001.jpg"):
        found = out / "found" / str(given.name == photos.name)
        run_well("predict", f"--model={run}", f"--input={given}", f"--output_dir={found}", f"--logdir={out / 'log'}")
        assert (found / "00000001.jpg").is_file()
    run_well("report", f"--model_dir={run}")
    run_well("average", f"--model={run}", f"--output={tmp_path / ('mean' + EVERY_CHARACTER)}")
