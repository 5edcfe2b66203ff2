# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Where a report goes: metrics.jsonl, TensorBoard, MLPerf's log and the progress bar; and whose reports go nowhere."""

import json
import types

import pytest
import tensorflow as tf

import ssd_tf
from ssd_tf.data.annotations import Category, ClassCount
from ssd_tf.data.manifest import Manifest
from ssd_tf.distributed.strategy import Distribution
from ssd_tf.evaluation.evaluator import Evaluation
from ssd_tf.settings import train_config
from ssd_tf.training import run_log
from ssd_tf.training.checks import CheckedStep
from ssd_tf.training.run_log import RunLog, last_evaluation
from ssd_tf.weights.model_info import ModelInfo
from tests.training.settings import SETTINGS

CATEGORY = Category(1, "dot")
SPEC = ssd_tf.spec("ssd128_tiny")


class Mlperf:
    """Takes down what MLPerf's log is told."""

    def __init__(self):
        self.told = []

    def __getattr__(self, name):
        return lambda *args, **kwargs: self.told.append((name, *args, *kwargs.values()))


@pytest.fixture
def mlperf():
    return Mlperf()


def opened(folder, mlperf, start=0, worker=0, **settings):
    manifest = Manifest("val", (ClassCount(CATEGORY, 1, 1),), 1, 1, 1, (), {}, {})
    plan = types.SimpleNamespace(
        spec=SPEC, info=ModelInfo(SPEC, (CATEGORY,)), total_steps=8, epoch_steps=4, val_manifest=manifest
    )
    config = train_config(**{**SETTINGS, "model_dir": str(folder), **settings})
    return RunLog(config, plan, Distribution(tf.distribute.get_strategy(), worker, 1), mlperf, start)


def step_done(step):
    return CheckedStep(step, False, {"loss": 2.5, "lr": 0.1, "epoch": step / 4})


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def tags(folder):
    events = [
        tf.compat.v1.Event.FromString(content)
        for path in (folder / "tensorboard").glob("events*")
        for content in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    ]
    return {(value.tag, event.step) for event in events for value in event.summary.value}


def test_step_goes_to_the_file_to_tensorboard_and_to_the_bar(tmp_path, mlperf, capfd):
    with opened(tmp_path, mlperf, start=4) as log:
        for step in (5, 6):
            log.dispatched(step, None)
        log.trained(step_done(5))
    (line,) = lines(tmp_path)
    assert (line["step"], line["loss"], line["lr"], line["epoch"]) == (5, 2.5, 0.1, 1.25)
    assert line["images_per_s"] > 0 and 0 <= line["input_wait"] <= 1 and line["host_memory_mb"] > 0
    assert {("train/loss", 5), ("train/images_per_s", 5), ("settings", 4)} <= tags(tmp_path)
    printed = capfd.readouterr().err
    assert "6/8" in printed and "loss=2.500" in printed and "epoch=1.25" in printed
    assert mlperf.told == []


def test_epochs_go_to_the_log_of_mlperf(tmp_path, mlperf):
    with opened(tmp_path, mlperf) as log:
        log.epoch_starts(1)
        log.epoch_ends(1)
    assert mlperf.told == [("epoch_start", 1), ("epoch_stop", 1)]


def test_evaluation_goes_to_all_but_the_bar(tmp_path, mlperf, monkeypatch):
    shown = []
    monkeypatch.setattr(run_log, "report_evaluation", lambda _, step, *rest: shown.append(step))
    monkeypatch.setattr(run_log, "summary_table", lambda _: "")
    monkeypatch.setattr(run_log, "per_class_table", lambda *_: "")
    evaluation = Evaluation(types.SimpleNamespace(summary={"AP": 0.25}), [], {})
    with opened(tmp_path, mlperf, target_map=0.2) as log:
        with log.evaluation(1):
            log.evaluated(4, 1, evaluation)
        log.target_reached(1, 0.25)
    assert lines(tmp_path) == [{"step": 4, "epoch": 1.0, "AP": 0.25}]
    assert ("val/AP", 4) in tags(tmp_path)
    assert shown == [4]
    assert mlperf.told == [("eval_start", 1), ("eval_stop", 1, 0.25), ("run_stop", True)]


def test_evaluation_does_not_count_in_the_speed(tmp_path, mlperf, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    with opened(tmp_path, mlperf) as log:
        with log.evaluation(1):
            now[0] = 150.0
        now[0] = 151.0
        log.dispatched(2, None)
        log.trained(step_done(2))
    assert lines(tmp_path)[0]["images_per_s"] == 2 * 8  # two steps of 8 images in the second that is left


def test_other_workers_leave_and_print_nothing(tmp_path, mlperf, capfd):
    with opened(tmp_path, mlperf, worker=1) as log:
        log.dispatched(1, None)  # no examples either: the batch is none
        log.trained(step_done(1))
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr().err == ""


def test_last_evaluation_of_a_folder_is_read_back(tmp_path):
    assert last_evaluation(tmp_path) == {}
    lines = [
        {"step": 4, "epoch": 1.0, "AP": 0.1, "AP50": 0.2},
        {"step": 8, "epoch": 2.0, "AP": 0.3, "AP50": None},
        {"step": 9, "epoch": 2.25, "loss": 1.5},
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert last_evaluation(tmp_path) == {"AP": 0.3, "AP50": -1}
