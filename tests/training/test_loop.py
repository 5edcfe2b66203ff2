# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The order of things in the loop, with a stand-in for the training step that returns what the test says."""

import json
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.data.bad_examples import image_ids
from ssd_tf.data.manifest import load_manifest
from ssd_tf.settings import train_config
from ssd_tf.training import loop
from ssd_tf.training.checks import LossNotFiniteError, StepChecks
from ssd_tf.training.loop import Outcome, train
from ssd_tf.training.step import StepResult
from ssd_tf.weights.model_dir import list_checkpoints
from tests.training.settings import SETTINGS

WELL = StepResult(3.0, 1.0, 2.0, 5.0, 0.5, 0.0, 0.0, 0.0)
# Epochs have three steps: 24 images in batches of 8.


class Run(NamedTuple):
    """A run without a model: what was given to the device and looked at, in order, and the records of each batch."""

    start: Callable[..., Outcome]
    events: list[str]
    records: list[list[int]]


@pytest.fixture
def run(prepared, tmp_path, monkeypatch):
    events, records = [], []

    def start(results: dict[int, StepResult], **settings) -> Outcome:
        """Trains for two epochs. results: by step; the other steps go well."""

        def step(batch, _rate, _stop):
            records.append(batch.record.numpy().tolist())
            events.append(f"give {len(records)}")
            return tf.constant(results.get(len(records), WELL), tf.float32)

        monkeypatch.setattr(loop, "make_train_step", lambda *_, **__: step)
        flags = {"epochs": 2, "log_every_steps": 1, "eval_every_epochs": 0, **settings}
        return train(train_config(**{**SETTINGS, "data_dir": str(prepared), "model_dir": str(tmp_path), **flags}))

    look_at = StepChecks._look_at

    def look(checks, pending):
        done = look_at(checks, pending)
        events.append(f"look {done.step}")
        return done

    monkeypatch.setattr(StepChecks, "_look_at", look)
    return Run(start, events, records)


def logged(folder) -> list[int]:
    return [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines()]


def asked_to_stop(step):
    return {step: WELL._replace(stop=1.0)}


def test_step_is_looked_at_after_the_next_was_given_and_at_once_at_the_end_of_an_epoch(run):
    run.start(asked_to_stop(4))
    first = ["give 1", "give 2", "look 1", "give 3", "look 2", "look 3"]
    assert run.events == [*first, "give 4", "give 5", "look 4", "look 5"]


def test_everything_is_looked_at_before_a_checkpoint_between_epochs(run, monkeypatch):
    save = loop.Checkpoints.save

    def saving(checkpoints, step):
        run.events.append(f"save {step}")
        save(checkpoints, step)

    monkeypatch.setattr(loop.Checkpoints, "save", saving)
    run.start(asked_to_stop(4), checkpoint_every_steps=2)
    place = run.events.index("save 2")
    assert run.events[place - 3 : place] == ["give 2", "look 1", "look 2"]


def test_wish_to_stop_is_met_one_step_later_and_saved(run, tmp_path):
    outcome = run.start(asked_to_stop(1), log_every_steps=100)
    assert outcome == Outcome(step=2, trained=True, interrupted=True, metrics={})
    assert [path.rsplit("-", 1)[1] for path in list_checkpoints(tmp_path)] == ["2"]
    assert logged(tmp_path) == [2]  # the last step is reported whatever --log_every_steps


def test_line_of_a_step_has_its_own_number(run, tmp_path):
    results = {step: WELL._replace(loss=float(step), stop=float(step == 4)) for step in range(1, 6)}
    run.start(results, log_every_steps=2)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(line["step"], line["loss"]) for line in lines] == [(2, 2.0), (4, 4.0), (5, 5.0)]
    assert [line["epoch"] for line in lines] == pytest.approx([2 / 3, 4 / 3, 5 / 3])


@pytest.mark.parametrize("name", ["loss", "gradient_norm"])
def test_failing_step_is_named_with_its_images_though_the_next_was_given(run, prepared, tmp_path, name):
    failing = {4: WELL._replace(**{name: np.nan})}
    with pytest.raises(LossNotFiniteError, match="at step 4: the learning rate"):
        run.start(failing, checkpoint_every_steps=3, checkpoint_every_epochs=0)
    assert run.events[-1] == "give 5"
    report = json.loads((tmp_path / "failed_step.json").read_text())
    manifest = load_manifest(prepared, "train")
    assert report["step"] == 4
    assert report["image_ids"] == image_ids(prepared, manifest, run.records[3])
    assert report["image_ids"] != image_ids(prepared, manifest, run.records[4])
    assert report["last_good_checkpoint"].endswith("ckpt-3")
    assert [path.rsplit("-", 1)[1] for path in list_checkpoints(tmp_path)] == ["3"]
    assert logged(tmp_path) == [1, 2, 3]


def test_step_that_fails_just_before_a_checkpoint_is_not_saved(run, tmp_path):
    with pytest.raises(LossNotFiniteError, match="at step 3"):
        run.start({3: WELL._replace(loss=np.inf)}, checkpoint_every_steps=3)
    assert list_checkpoints(tmp_path) == []
    assert logged(tmp_path) == [1, 2]


def test_run_in_another_thread_than_the_main_one(run):
    found = []
    thread = threading.Thread(target=lambda: found.append(run.start(asked_to_stop(1))))
    thread.start()
    thread.join()
    assert found == [Outcome(step=2, trained=True, interrupted=True, metrics={})]


def test_run_ends_when_ap_stands_still_and_has_then_nothing_left_to_do(run, monkeypatch):
    aps = iter([0.1, 0.3, 0.2, 0.3, 0.9])

    def report(log, step, epoch, evaluation):
        log._monitor.report("val", step, {"epoch": epoch, **evaluation.metrics.summary})

    monkeypatch.setattr(
        loop, "_evaluate", lambda *_: SimpleNamespace(metrics=SimpleNamespace(summary={"AP": next(aps)}))
    )
    monkeypatch.setattr(loop.RunLog, "evaluated", report)
    settings = {"epochs": 5, "eval_every_epochs": 1, "patience": 2}
    outcome = run.start({}, **settings)
    assert (outcome.step, outcome.interrupted) == (12, False)  # 0.3 in epoch 2, and no more in two
    again = run.start({}, **settings)
    assert (again.step, again.trained, again.interrupted) == (12, False, False)
    assert next(aps) == 0.9
