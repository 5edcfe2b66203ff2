# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Steps that are looked at late: what is read when, in which order, and which records a fault is of."""

import json
import threading
import types
import weakref

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.data.bad_examples import BAD_IMAGE, BAD_RECORD, image_ids
from ssd_tf.distributed.strategy import Distribution
from ssd_tf.settings import train_config
from ssd_tf.training.checks import LossNotFiniteError, StepChecks
from ssd_tf.training.step import StepResult
from tests.training.settings import SETTINGS

WELL = StepResult(3.0, 1.0, 2.0, 5.0, 0.5, 0.0, 0.0, 0.0)


def batch(records=(0, 1), faults=(0, 0)):
    """As much of a TrainBatch as the checks look at."""
    return types.SimpleNamespace(record=tf.constant(records, tf.int64), fault=tf.constant(faults, tf.int32))


def looked_at(checks):
    """The next step that was not looked at."""
    return next(checks.finished(all_of_them=True))


@pytest.fixture
def checks(prepared_split, tmp_path):
    """Of a run in which an epoch has 4 steps."""
    settings = {**SETTINGS, "data_dir": str(prepared_split.folder), "model_dir": str(tmp_path)}
    plan = types.SimpleNamespace(train_manifest=prepared_split.manifest, epoch_steps=4)
    with StepChecks(train_config(**settings), plan, Distribution(tf.distribute.get_strategy())) as checks:
        yield checks


def test_steps_come_in_their_order_with_their_own_rate_and_epoch(checks):
    for step in (1, 2, 3):
        checks.add(step, 0.1 * step, batch(), tf.constant(WELL._replace(loss=step), tf.float32))
    found = list(checks.finished(all_of_them=False))
    assert [done.step for done in found] == [1, 2]  # the device still computes the third
    found += checks.finished(all_of_them=True)
    assert [done.step for done in found] == [1, 2, 3]
    assert [done.values["loss"] for done in found] == [1, 2, 3]
    assert [done.values["lr"] for done in found] == pytest.approx([0.1, 0.2, 0.3])
    assert [done.values["epoch"] for done in found] == [0.25, 0.5, 0.75]
    assert list(found[0].values) == [*StepResult._fields[:5], "lr", "epoch"]


@pytest.mark.parametrize(("stops", "expected"), [(0.0, False), (1.0, True), (3.0, True)])
def test_request_of_any_replica_to_stop_is_seen(checks, stops, expected):
    checks.add(1, 0.1, batch(), tf.constant(WELL._replace(stop=stops), tf.float32))
    checks.add(2, 0.1, batch(), tf.constant(WELL, tf.float32))
    # Where it is seen, the last step is looked at too.
    assert [(done.step, done.stop) for done in checks.finished(all_of_them=False)] == [
        (1, expected),
        *([(2, False)] if expected else []),
    ]


class Slow:
    """What a step returned whose device is not done yet."""

    def __init__(self):
        self.asked, self.done = threading.Event(), threading.Event()

    def numpy(self):
        self.asked.set()
        self.done.wait(10)
        return np.array(WELL, np.float32)


def test_copy_from_the_device_is_asked_for_at_once_and_waits_beside_the_caller(checks):
    slow = Slow()
    checks.add(1, 0.1, batch(), slow)  # returns, though the device is not done
    # Before any later step is given: a GPU's copy waits for all that the GPU has by then.
    assert slow.asked.wait(10)
    slow.done.set()
    assert looked_at(checks).step == 1


def test_error_of_a_step_is_raised_where_it_is_looked_at(checks):
    class Failed:
        def numpy(self):
            raise tf.errors.UnavailableError(None, None, "a peer is gone")

    checks.add(1, 0.1, batch(), Failed())
    with pytest.raises(tf.errors.UnavailableError, match="a peer is gone"):
        looked_at(checks)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_end_the_run_with_the_images_of_their_step(checks, prepared_split, tmp_path, value):
    checks.add(6, 0.1, batch((2, 3)), tf.constant(WELL._replace(loss=value), tf.float32))
    checks.add(7, 0.1, batch((4, 5)), tf.constant(WELL._replace(loss=np.nan), tf.float32))
    with pytest.raises(LossNotFiniteError, match=r"at step 6: .*\(0\.1\) may be too high.*checkpoint: none yet"):
        looked_at(checks)
    report = json.loads((tmp_path / "failed_step.json").read_text())
    assert (report["step"], report["loss"]) == (6, str(value))
    assert report["image_ids"] == image_ids(prepared_split.folder, prepared_split.manifest, [2, 3])
    assert len(set(report["image_ids"])) == 2


def test_faulty_examples_are_counted_by_their_records(checks):
    checks.add(1, 0.1, batch((2, 3), (0, BAD_IMAGE)), tf.constant(WELL._replace(bad_images=1.0), tf.float32))
    checks.add(2, 0.1, batch((4, 5), (BAD_IMAGE, 0)), tf.constant(WELL._replace(bad_images=1.0), tf.float32))
    list(checks.finished(all_of_them=False))
    assert checks.bad_examples.records == {3: BAD_IMAGE}  # the second step was not looked at yet
    looked_at(checks)
    assert checks.bad_examples.records == {3: BAD_IMAGE, 4: BAD_IMAGE}


def test_record_that_cannot_be_read_ends_the_run(checks):
    checks.add(1, 0.1, batch((2, 3), (0, BAD_RECORD)), tf.constant(WELL._replace(bad_records=1.0), tf.float32))
    with pytest.raises(ValueError, match="Prepare the split 'val' again"):
        looked_at(checks)


def test_images_of_a_batch_are_not_held(checks):
    # They are most of its memory, on the device too.
    given = types.SimpleNamespace(**vars(batch()), images=Slow())
    images = weakref.ref(given.images)
    checks.add(1, 0.1, given, tf.constant(WELL, tf.float32))
    del given
    assert images() is None
