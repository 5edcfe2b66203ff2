# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""What quickstart refuses, in a line; and, as a proof, one run from images to files that is stopped and goes on."""

import json
import signal
import subprocess
import time

import pytest

import ssd_tf
from ssd_tf.quickstart.parts import read_parts
from ssd_tf.training.stopping import since_best
from tests.apps.conftest import ROOT, command, run, run_well
from tests.apps.test_mistakes import assert_refused
from tests.fixtures.formats import plain_coco, write_voc, write_yolo

PATIENCE = 900
TINY = ("--detector=ssd128_tiny", "--minutes=0.1")


def flags(drawn, output, *more: str) -> tuple[str, ...]:
    return (f"--annotations={drawn}/annotations.json", f"--images={drawn}/images", f"--output={output}", *TINY, *more)


def test_no_annotations():
    assert_refused(run("quickstart", *TINY), "flag --annotations=None", "must have a value", "See --help")


def test_annotations_that_are_not_there(tmp_path):
    done = run("quickstart", f"--annotations={tmp_path}/absent.json", f"--output={tmp_path}/run", *TINY)
    assert_refused(done, "annotations file not found", "absent.json")


def test_images_that_are_not_there(drawn, tmp_path):
    done = run(
        "quickstart", f"--annotations={drawn}/annotations.json", f"--images={tmp_path}", f"--output={tmp_path}/r"
    )
    assert_refused(done, "annotated images have no file")


def test_no_boxes_at_all(drawn, tmp_path):
    content = json.loads((drawn / "annotations.json").read_text())
    (tmp_path / "a.json").write_text(json.dumps({**content, "annotations": []}))
    done = run("quickstart", f"--annotations={tmp_path}/a.json", f"--images={drawn}/images", f"--output={tmp_path}/run")
    assert_refused(done, "expected boxes to train on", "a.json")


def test_validation_images_without_annotations(drawn, tmp_path):
    assert_refused(run("quickstart", *flags(drawn, tmp_path, "--val_images=x")), "expected --val_annotations with it")


def test_a_folder_with_another_run(drawn, tmp_path):
    asked = {"annotations": [f"{drawn}/annotations.json"], "minutes": 7.0}
    (tmp_path / "quickstart.json").write_text(json.dumps({"asked": asked, "settings": {}}))
    assert_refused(run("quickstart", *flags(drawn, tmp_path)), "holds a quickstart with", "Choose another folder")


def test_a_folder_with_a_run_of_other_data(drawn, tmp_path):
    asked = {"minutes": 0.1, "detector": "ssd128_tiny", "seed": 0, "data": "23 images, 1 box, abc"}
    (tmp_path / "quickstart.json").write_text(json.dumps({"asked": asked, "settings": {}}))
    done = run("quickstart", *flags(drawn, tmp_path))
    assert_refused(done, "holds a quickstart with data=23 images, 1 box, abc. Received: data=24 images, ")


def test_a_folder_with_a_run_of_another_set_beside_the_same(drawn, tmp_path):
    content = plain_coco(drawn / "annotations.json", drawn / "images", 4)
    write_voc(content, drawn / "images", tmp_path / "voc")
    asked = {"minutes": 0.1, "detector": "ssd128_tiny", "seed": 0, "data": "24 images, 1 box, abc"}
    (tmp_path / "quickstart.json").write_text(json.dumps({"asked": asked, "settings": {}}))
    done = run(
        "quickstart", *flags(drawn, tmp_path, f"--annotations={tmp_path / 'voc'}", f"--images={tmp_path / 'voc'}")
    )
    assert_refused(done, "Received: data=28 images, ")


def test_a_folder_with_a_run_of_train(drawn, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    assert_refused(run("quickstart", *flags(drawn, tmp_path)), "another run's")
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_a_state_that_is_none(drawn, tmp_path):
    (tmp_path / "quickstart.json").write_text("[1]")
    assert_refused(run("quickstart", *flags(drawn, tmp_path)), "expected what quickstart wrote")


def test_a_state_without_its_detector(drawn, tmp_path):
    parts = read_parts([drawn / "annotations.json"], [drawn / "images"])
    asked = {"minutes": 0.1, "detector": "ssd128_tiny", "seed": 0, "data": parts.state}
    (tmp_path / "quickstart.json").write_text(json.dumps({"asked": asked, "settings": {"steps": 20}}))
    done = run("quickstart", *flags(drawn, tmp_path))
    assert_refused(done, f"{tmp_path / 'quickstart.json'}: expected a setting 'detector'", "choose another folder")


def test_an_output_among_the_data(drawn, tmp_path):
    content = plain_coco(drawn / "annotations.json", drawn / "images", 4)
    write_voc(content, drawn / "images", tmp_path)
    done = run("quickstart", f"--annotations={tmp_path}", f"--output={tmp_path}/runs/mine", *TINY)
    assert_refused(done, "--output: expected a folder outside of")
    assert not (tmp_path / "runs").exists()


def test_an_output_among_the_images_of_a_yaml_file(drawn, tmp_path):
    content = plain_coco(drawn / "annotations.json", drawn / "images", 4, first_class_id=0)
    write_yolo(content, drawn / "images", tmp_path)
    (tmp_path / "data.yaml").touch()
    done = run("quickstart", f"--annotations={tmp_path}/data.yaml", f"--output={tmp_path}/runs/mine", *TINY)
    assert_refused(done, "--output: expected a folder outside of")


def test_a_detector_that_there_is_none_of(drawn, tmp_path):
    done = run("quickstart", *flags(drawn, tmp_path / "run", "--detector=ssd129"))
    assert_refused(done, "ssd129")
    assert not (tmp_path / "run").exists()


def test_a_size_that_the_detector_does_not_have(drawn, tmp_path):
    done = run("quickstart", *flags(drawn, tmp_path / "run", "--image_size=512"))
    assert_refused(done, "--image_size: ssd128_tiny works on 128 pixels alone")
    assert not (tmp_path / "run").exists()


def test_an_output_that_is_a_file(drawn, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert_refused(run("quickstart", *flags(drawn, tmp_path / "file")), "file")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.proof
def test_from_images_to_files_though_it_is_stopped_in_between(drawn, tmp_path):
    output = tmp_path / "run"
    with subprocess.Popen(
        command("quickstart", *flags(drawn, output)), cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as run_:
        try:
            deadline = time.monotonic() + PATIENCE
            while not (output / "quickstart.json").is_file():  # the training begins
                assert run_.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)
            run_.send_signal(signal.SIGTERM)
            _, errors = run_.communicate(timeout=PATIENCE)
        finally:
            run_.kill()
    assert run_.returncode == 75, errors
    settings = json.loads((output / "quickstart.json").read_text())["settings"]
    printed = run_well("quickstart", *flags(drawn, output))
    assert "resuming" in printed and "on 5 validation images" in printed
    assert json.loads((output / "quickstart.json").read_text())["settings"] == settings
    lines = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    aps = [line["AP"] for line in lines if "AP" in line]
    # It may end early: how AP moves in 20 steps is chance.
    assert settings["steps"] == 20 and (lines[-1]["step"] == 20 or since_best(aps) == settings["patience"])
    assert (output / "report" / "report.html").is_file() and (output / "inspect.html").is_file()
    assert len(list((output / "val_images").glob("*.jpg"))) == 5
    assert not list(output.glob(".probe-*"))
    for model in (output, output / "model_int8.tflite"):
        assert ssd_tf.Detector.load(model).classes == ["circle", "triangle", "star", "square", "cross"]
    assert run_well("quickstart", *flags(drawn, output)).count("AP ") == printed.count("AP ")
