# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Runs with --mlperf_log, and what MLCommons' own checker says of their logs.

The passing run truly reaches 0.23 mAP: on the one image that it is trained on, a bright rectangle.
"""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

from tests.apps.conftest import run, run_well

pytest.importorskip("mlperf_logging", reason="MLCommons' logger is not installed: pip install '.[mlperf]'")

pytestmark = pytest.mark.proof

FLAGS = ["--val_split=train", "--batch_size=1", "--learning_rate=2e-3", "--lr_warmup_steps=10"]
FLAGS += ["--lr_decay_epochs=100,120", "--norandom_crop", "--norandom_flip", "--nocolor_jitter", "--target_map=0.23"]
FLAGS += ["--eval_every_epochs=10", "--checkpoint_every_epochs=0"]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rectangle")
    image = np.full((300, 300, 3), 60, np.uint8)
    image[60:240, 75:225] = 220
    cv2.imwrite(str(folder / "1.png"), image)
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [75, 60, 150, 180], "area": 27000, "iscrowd": 0}
    content = {
        "images": [{"id": 1, "file_name": "1.png", "width": 300, "height": 300}],
        "categories": [{"id": 1, "name": "rectangle"}],
        "annotations": [box],
    }
    (folder / "annotations.json").write_text(json.dumps(content))
    paths = [f"--annotations={folder}/annotations.json", f"--images={folder}", f"--output_dir={folder}/data"]
    run_well("prepare", *paths)
    return folder / "data"


def check(log):
    """MLCommons' compliance checker on a log: the finished process."""
    command = [sys.executable, "-m", "mlperf_logging.compliance_checker", "--usage", "training", "--ruleset", "1.1.0"]
    return subprocess.run(
        [*command, "--log_output", f"{log}.check", str(log)], capture_output=True, text=True, check=False
    )


def test_run_that_reached_its_target_leaves_a_log_that_the_checker_passes(data_dir, tmp_path):
    log = tmp_path / "mlperf.log"
    trained = ["train", f"--data_dir={data_dir}", f"--model_dir={tmp_path}/model", f"--mlperf_log={log}", *FLAGS]
    run_well(*trained, "--epochs=120")
    checked = check(log)
    assert checked.returncode == 0, checked.stderr
    assert "SUCCESS" in checked.stderr
    assert '"status": "success"' in log.read_text().splitlines()[-1]

    # The same command again would continue the run, and its log would lack the beginning.
    again = run(*trained, "--epochs=121")
    assert again.returncode == 1
    assert again.stderr.count("error:") == 1 and "logged from its first step on" in again.stderr
    assert check(log).returncode == 0


def test_run_that_missed_its_target_fails_the_check_for_its_accuracy_alone(data_dir, tmp_path):
    log = tmp_path / "mlperf.log"
    run_well(
        "train", f"--data_dir={data_dir}", f"--model_dir={tmp_path}/m", f"--mlperf_log={log}", *FLAGS, "--epochs=2"
    )
    checked = check(log)
    assert checked.returncode == 1
    findings = [line for line in checked.stderr.splitlines() if line.startswith("WARNING")]
    assert len(findings) == 1 and "eval_accuracy" in findings[0]
    assert '"status": "aborted"' in log.read_text().splitlines()[-1]
