# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Mistakes that users make: each ends with one clear line on stderr and status 1, never with a traceback."""

import json
import os
import shutil

import pytest

from tests.apps.conftest import TINY, run, run_well


def assert_refused(done, *expected: str) -> None:
    """One line, that starts with "error:" and has the expected words; other lines may only be progress bars."""
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert len(errors) == 1, done.stderr
    for words in expected:
        assert words in errors[0]


def prepare_flags(annotations, images, output) -> tuple[str, ...]:
    return (f"--annotations={annotations}", f"--images={images}", f"--output_dir={output}")


def train_flags(data_dir, model_dir) -> tuple[str, ...]:
    return (*TINY, f"--data_dir={data_dir}", f"--model_dir={model_dir}", "--steps=1")


def test_missing_annotations_file(tmp_path):
    done = run("prepare", *prepare_flags(tmp_path / "absent.json", tmp_path, tmp_path))
    assert_refused(done, "annotations file not found", "absent.json")


def test_json_that_is_not_coco(tmp_path):
    (tmp_path / "a.json").write_text('{"shapes": []}')
    done = run("prepare", *prepare_flags(tmp_path / "a.json", tmp_path, tmp_path))
    assert_refused(done, "not COCO instances", "a.json", "shapes")


def test_annotation_of_an_image_that_is_not_listed(drawn, tmp_path):
    content = json.loads((drawn / "annotations.json").read_text())
    content["annotations"][0]["image_id"] = 4711
    (tmp_path / "a.json").write_text(json.dumps(content))
    done = run("prepare", *prepare_flags(tmp_path / "a.json", drawn / "images", tmp_path))
    assert_refused(done, "belongs to image 4711", "a.json")


def test_image_that_is_absent(drawn, tmp_path):
    shutil.copytree(drawn / "images", tmp_path / "images")
    (tmp_path / "images" / "00000003.jpg").unlink()
    done = run("prepare", *prepare_flags(drawn / "annotations.json", tmp_path / "images", tmp_path / "out"))
    assert_refused(done, "1 of 24 annotated images have no file", "00000003.jpg", "--allow_missing")


def test_text_named_jpg_in_a_data_set_is_reported_and_left_out(drawn, tmp_path):
    shutil.copytree(drawn / "images", tmp_path / "images")
    (tmp_path / "images" / "00000003.jpg").write_text("no image")
    output = run_well("prepare", *prepare_flags(drawn / "annotations.json", tmp_path / "images", tmp_path / "out"))
    assert "23 images" in output
    assert "unreadable: 1" in output
    assert "00000003.jpg: not a readable image" in output


def test_empty_folder_for_predict(trained, tmp_path):
    (tmp_path / "empty").mkdir()
    done = run("predict", f"--model={trained}", f"--input={tmp_path / 'empty'}", f"--output_dir={tmp_path / 'out'}")
    assert_refused(done, "no image or video in folder", "empty")


def test_text_named_jpg_for_predict(trained, tmp_path):
    (tmp_path / "text.jpg").write_text("no image")
    done = run("predict", f"--model={trained}", f"--input={tmp_path / 'text.jpg'}", f"--output_dir={tmp_path / 'out'}")
    assert_refused(done, "not readable as an image", "text.jpg")


def test_logdir_that_is_a_file(trained, drawn, tmp_path):
    (tmp_path / "log").write_text("a file")
    done = run(
        "predict",
        f"--model={trained}",
        f"--input={drawn / 'images'}",
        f"--output_dir={tmp_path / 'out'}",
        f"--logdir={tmp_path / 'log'}",
    )
    assert_refused(done, str(tmp_path / "log"))


def test_unknown_flag(tmp_path):
    done = run("train", *train_flags(tmp_path, tmp_path / "m"), "--learning_rte=0.1")
    assert_refused(done, "learning_rte")


def test_missing_flag():
    assert_refused(run("train"), "data_dir")


def test_word_that_is_no_flag(tmp_path):
    assert_refused(run("train", *train_flags(tmp_path, tmp_path / "m"), "extra"), "extra")


def test_unknown_detector(prepared, tmp_path):
    done = run("train", *train_flags(prepared, tmp_path / "m"), "--detector=ssd9000")
    assert_refused(done, "ssd9000", "ssd300_resnet34", "ssd128_tiny")


def test_checkpoint_of_another_number_of_classes(drawn, prepared, trained, tmp_path):
    content = json.loads((drawn / "annotations.json").read_text())
    content["categories"].append({"id": 99, "name": "moon"})
    (tmp_path / "a.json").write_text(json.dumps(content))
    data = tmp_path / "data"
    for split in ("train", "val"):
        run_well("prepare", *prepare_flags(tmp_path / "a.json", drawn / "images", data), f"--split={split}")
    both = ("trained for 5 classes", "data set has 6")
    assert_refused(run("evaluate", f"--model={trained}", f"--data_dir={data}"), *both)
    assert_refused(run("train", *train_flags(data, trained)), *both)


def test_model_dir_that_is_a_file(prepared, tmp_path):
    (tmp_path / "file").write_text("")
    assert_refused(run("train", *train_flags(prepared, tmp_path / "file")), "model_dir", "file")


def test_no_right_to_write(drawn, prepared, tmp_path):
    if os.geteuid() == 0:
        target = "/proc/nobody-can-write-here"  # root may write wherever the kernel allows
    else:
        (tmp_path / "locked").mkdir(mode=0o500)
        target = str(tmp_path / "locked" / "m")
    assert_refused(run("train", *train_flags(prepared, target)), target)
    assert_refused(run("prepare", *prepare_flags(drawn / "annotations.json", drawn / "images", target)), target)


def test_shards_of_another_data_set_than_the_manifest_says(prepared, tmp_path):
    shutil.copytree(prepared, tmp_path / "data")
    shard = tmp_path / "data" / "train-00000-of-00002.tfrecord"
    shard.write_bytes((tmp_path / "data" / "train-00001-of-00002.tfrecord").read_bytes())
    assert_refused(run("train", *train_flags(tmp_path / "data", tmp_path / "m")), shard.name, "is not the shard")


def test_split_that_was_not_prepared(prepared, tmp_path):
    done = run("train", *train_flags(prepared, tmp_path / "m"), "--val_split=test")
    assert_refused(done, "'test' has not been prepared", "train, val")


def test_batch_larger_than_the_data(prepared, tmp_path):
    assert_refused(run("train", *train_flags(prepared, tmp_path / "m"), "--batch_size=25"), "25", "24 images")


def test_model_that_is_not_there(prepared, tmp_path):
    done = run("evaluate", "--model=ssdlite320_mobilenet_v3_large", f"--data_dir={prepared}")
    assert_refused(done, "no model at ssdlite320_mobilenet_v3_large", "torchvision:ssdlite320_mobilenet_v3_large is d")
    assert_refused(run("evaluate", f"--model={tmp_path / 'absent'}", f"--data_dir={prepared}"), "no model at", "absent")


@pytest.mark.parametrize("flags", [("--epochs=1",), ("--lr_decay_epochs=9,3",), ("--lr_decay_epochs=x",)])
def test_settings_that_contradict_each_other(prepared, tmp_path, flags):
    assert_refused(run("train", *train_flags(prepared, tmp_path / "m"), *flags), flags[0].split("=")[0].strip("-"))


def test_a_diverging_loss_stops_the_run(prepared, tmp_path):
    flags = (*TINY, f"--data_dir={prepared}", f"--model_dir={tmp_path / 'm'}", "--steps=30", "--learning_rate=1e6")
    assert_refused(
        run("train", *flags), "the loss is", "learning rate", "The last good checkpoint: none yet", "failed_step.json"
    )


def test_second_run_in_a_model_dir(prepared, tmp_path):
    from ssd_tf.training.run_lock import run_lock

    with run_lock(tmp_path):
        done = run("train", *train_flags(prepared, tmp_path))
        assert_refused(done, f"process {os.getpid()} on", "is training in", str(tmp_path))
        assert [path.name for path in tmp_path.iterdir()] == ["train.lock"]
