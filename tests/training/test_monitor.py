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


def test_events_can_be_read_while_the_run_goes_on(tmp_path):
    # A run that is killed must not lose what it reported before its last checkpoint.
    with Monitor(tmp_path, 0) as monitor:
        monitor.report("train", 1, {"loss": 1.0})
        assert events(tmp_path) == [(1, "train/loss", 1.0)]


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


def event_files(folder):
    return list((folder / "tensorboard").glob("events*"))


def test_run_that_goes_on_drops_later_events(tmp_path):
    with Monitor(tmp_path, 0) as monitor:
        monitor.text("settings", "| seed | 7 |")
        for step in (10, 20, 30):
            monitor.report("train", step, {"loss": float(step)})
        monitor.report("val", 30, {"AP": 0.5})
    with Monitor(tmp_path, 20):
        assert events(tmp_path) == [(0, "settings", "| seed | 7 |"), (10, "train/loss", 10.0), (20, "train/loss", 20.0)]


def test_curve_of_a_run_that_went_on_twice_has_neither_overlap_nor_gap(tmp_path):
    for start, stop in ((0, 5), (3, 8), (6, 9)):
        with Monitor(tmp_path, start) as monitor:
            for step in range(start + 1, stop + 1):
                monitor.report("train", step, {"loss": float(step)})
    assert sorted(events(tmp_path)) == [(step, "train/loss", float(step)) for step in range(1, 10)]


@pytest.mark.parametrize("cut", [1, 10, 30])
def test_half_an_event_of_a_killed_run_is_dropped(tmp_path, cut):
    with Monitor(tmp_path, 0) as monitor:
        for step in (10, 20):
            monitor.report("train", step, {"loss": float(step)})
    (path,) = event_files(tmp_path)
    path.write_bytes(path.read_bytes()[:-cut])
    with Monitor(tmp_path, 20) as monitor:
        assert [event[0] for event in events(tmp_path)] == [10]  # and reading it raises nothing
        monitor.report("train", 30, {"loss": 30.0})
    assert sorted(event[0] for event in events(tmp_path)) == [10, 30]


def test_event_files_that_stay_are_not_rewritten(tmp_path):
    with Monitor(tmp_path, 0) as monitor:
        monitor.report("train", 10, {"loss": 1.0})
    (path,) = event_files(tmp_path)
    before = path.stat().st_ino
    with Monitor(tmp_path, 10):
        assert path.stat().st_ino == before


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
