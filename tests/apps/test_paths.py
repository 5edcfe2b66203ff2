# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Paths are names: ~ is the home folder, and no character in the name of a folder means anything.

A file whose name is no UTF-8 is left out alone.
"""

import json
import os
import pathlib
import shutil

import pytest
from absl import flags

from ssd_tf.apps import cli
from ssd_tf.apps.train import config_from_flags, define_flags
from ssd_tf.utils.text import is_text
from tests.apps.conftest import TINY, run, run_well

NO_TEXT = b"\xff.jpg"
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


def three_images(drawn: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """A folder with a.jpg, b.jpg and one whose name is no UTF-8."""
    folder.mkdir(parents=True)
    for name in ("a.jpg", "b.jpg", os.fsdecode(NO_TEXT)):
        try:
            shutil.copyfile(drawn / "images" / "00000001.jpg", folder / name)
        except OSError:
            pytest.skip("this file system takes no such name")
    return folder


def write_voc(folder: pathlib.Path) -> str:
    (folder / "Annotations").mkdir(parents=True)
    box = "<bndbox><xmin>5</xmin><ymin>5</ymin><xmax>20</xmax><ymax>20</ymax></bndbox>"
    for name in ("a", "b", os.fsdecode(NO_TEXT[:-4])):
        xml = f"<annotation><object><name>cat</name>{box}</object></annotation>"
        (folder / "Annotations" / f"{name}.xml").write_text(xml)
    return str(folder)


def write_yolo(folder: pathlib.Path) -> str:
    (folder / "labels").mkdir(parents=True)
    for name in ("a", "b", os.fsdecode(NO_TEXT[:-4])):
        (folder / "labels" / f"{name}.txt").write_text("0 .5 .5 .2 .2")
    (folder / "data.yaml").write_text("names: [cat]")
    (folder / "train.txt").write_bytes(b"images/a.jpg\nimages/b.jpg\nimages/" + NO_TEXT)
    return str(folder)


def write_csv(folder: pathlib.Path) -> str:
    rows = [
        b"filename,class,xmin,ymin,xmax,ymax",
        *(name + b",cat,5,5,20,20" for name in (b"a.jpg", NO_TEXT, b"b.jpg")),
    ]
    (folder / "boxes.csv").write_bytes(b"\n".join(rows))
    return str(folder / "boxes.csv")


def write_coco(folder: pathlib.Path) -> str:
    names = ("a.jpg", os.fsdecode(NO_TEXT), "b.jpg")
    content = {
        "images": [{"id": k, "file_name": name} for k, name in enumerate(names)],
        "annotations": [{"id": k, "image_id": k, "category_id": 1, "bbox": [5, 5, 9, 9]} for k in range(3)],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (folder / "a.json").write_text(json.dumps(content))
    return str(folder / "a.json")


@pytest.mark.parametrize("write", [write_coco, write_voc, write_yolo, write_csv])
def test_prepare_leaves_out_the_image_whose_name_is_no_text(drawn, tmp_path, write):
    images = three_images(drawn, tmp_path / "images")
    flags_ = (f"--annotations={write(tmp_path)}", f"--images={images}", f"--output_dir={tmp_path / 'data'}")
    output = run_well("prepare", *flags_)
    assert "train: 2 images (2 with boxes)" in output and is_text(output)
    assert "unreadable: 1\n  \\xff.jpg: expected a name in UTF-8" in output


def test_predict_refuses_the_file_whose_name_is_no_text_and_does_the_others(trained, drawn, tmp_path):
    images = three_images(drawn, tmp_path / "images")
    (images / os.fsdecode(b"\xfe.mp4")).touch()
    done = run("predict", f"--model={trained}", f"--input={images}", f"--output_dir={tmp_path / 'out'}")
    assert done.returncode == 1 and "in 2 images; annotated copies" in done.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a.jpg", "b.jpg", "predictions.json"}
    error = done.stderr.splitlines()[-1]
    assert error == f"error: {images}/\\xfe.mp4: expected a name in UTF-8; {images}/\\xff.jpg: expected a name in UTF-8"


def test_path_that_is_no_text_is_refused_where_it_is_given(tmp_path):
    done = run("prepare", f"--annotations={tmp_path}/{os.fsdecode(NO_TEXT)}", f"--output_dir={tmp_path}")
    assert done.returncode == 1 and is_text(done.stderr)
    assert "--annotations" in done.stderr and "\\xff.jpg: expected a name in UTF-8. See --help" in done.stderr


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
