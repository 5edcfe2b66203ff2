# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""metrics.jsonl and the TensorBoard events of a run, and of one that goes on."""

import json

import pytest
import tensorflow as tf

from ssd_tf.training.monitor import Monitor


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def events(folder):
    """(step, tag, value) of each scalar, and text as a string, in the order of writing within a file."""
    found = []
    for path in sorted((folder / "tensorboard").glob("events*")):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                content = tf.make_ndarray(value.tensor)
                content = content.item() if content.ndim == 0 else content[0]
                found.append((event.step, value.tag, content.decode() if isinstance(content, bytes) else content))
    return found


def test_report_is_a_line_and_scalars(tmp_path):
    with Monitor(tmp_path, 0) as monitor:
        monitor.report("train", 10, {"loss": 2.5, "lr": 0.125})
        monitor.report("val", 20, {"AP": 0.25})
    assert lines(tmp_path) == [{"step": 10, "loss": 2.5, "lr": 0.125}, {"step": 20, "AP": 0.25}]
    assert events(tmp_path) == [(10, "train/loss", 2.5), (10, "train/lr", 0.125), (20, "val/AP", 0.25)]


def test_line_can_be_read_while_the_run_goes_on(tmp_path):
    with Monitor(tmp_path, 0) as monitor:
        monitor.report("train", 1, {"loss": 1.0})
        assert lines(tmp_path) == [{"step": 1, "loss": 1.0}]


def test_text_is_in_the_events(tmp_path):
    with Monitor(tmp_path, 0) as monitor:
        monitor.text("settings", "| seed | 7 |")
    assert events(tmp_path) == [(0, "settings", "| seed | 7 |")]
    assert lines(tmp_path) == []


def test_run_that_goes_on_adds_to_the_lines(tmp_path):
    with Monitor(tmp_path, 0) as monitor:
        monitor.report("train", 10, {"loss": 1.0})
    with Monitor(tmp_path, 10) as monitor:
        monitor.report("train", 20, {"loss": 0.5})
    assert [line["step"] for line in lines(tmp_path)] == [10, 20]


def test_run_that_goes_on_drops_later_lines(tmp_path):
    # Killed at step 30, the last checkpoint is of step 20: 30 will come again.
    with Monitor(tmp_path, 0) as monitor:
        for step in (10, 20, 30):
            monitor.report("train", step, {"loss": float(step)})
    with Monitor(tmp_path, 20) as monitor:
        assert [line["step"] for line in lines(tmp_path)] == [10, 20]
        monitor.report("train", 30, {"loss": 33.0})
    assert [line["loss"] for line in lines(tmp_path)] == [10.0, 20.0, 33.0]


@pytest.mark.parametrize("half", ['{"step": 20, "lo', '{"step": 20}', "{"])
def test_half_a_line_of_a_killed_run_is_dropped(tmp_path, half):
    (tmp_path / "metrics.jsonl").write_text('{"step": 10}\n' + half)
    with Monitor(tmp_path, 20) as monitor:
        monitor.report("train", 30, {"loss": 1.0})
    assert lines(tmp_path) == [{"step": 10}, {"step": 30, "loss": 1.0}]


def test_lines_that_stay_are_not_rewritten(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step":10,  "loss": 1.50}\n')
    before = path.stat().st_ino
    with Monitor(tmp_path, 10):
        pass
    assert path.read_text() == '{"step":10,  "loss": 1.50}\n'
    assert path.stat().st_ino == before
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


def test_file_is_closed_when_the_run_fails(tmp_path):
    monitor = Monitor(tmp_path, 0)
    with pytest.raises(ArithmeticError), monitor:
        raise ArithmeticError
    with pytest.raises(ValueError, match="closed file"):
        monitor.report("train", 1, {"loss": 1.0})
