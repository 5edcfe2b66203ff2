# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""metrics.jsonl and the TensorBoard events of a run, and of one that resumes."""

import json

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2 as hparams_plugin

from ssd_tf.evaluation.precision_recall import PrecisionRecall
from ssd_tf.training.monitoring.event_log import Monitor


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
                content = content.item() if content.ndim == 0 else content[:1].tolist()
                content = content[0] if isinstance(content, list) and content else content
                found.append((event.step, value.tag, content.decode() if isinstance(content, bytes) else content))
    return found


def accumulated(folder) -> EventAccumulator:
    """As TensorBoard reads it."""
    return EventAccumulator(str(folder / "tensorboard")).Reload()


def plugin(folder, tag):
    return accumulated(folder).summary_metadata[tag].plugin_data.plugin_name


def test_report_is_a_line_and_scalars(tmp_path):
    with Monitor(tmp_path, 0) as monitor:
        monitor.report("train", 10, {"loss": 2.5, "lr": 0.125})
        monitor.report("val", 20, {"AP": 0.25})
    assert lines(tmp_path) == [{"step": 10, "loss": 2.5, "lr": 0.125}, {"step": 20, "AP": 0.25}]
    assert events(tmp_path) == [(10, "train/loss", 2.5), (10, "train/lr", 0.125), (20, "val/AP", 0.25)]


def test_what_is_not_defined_is_null_and_no_scalar(tmp_path):
    with Monitor(tmp_path, 0) as monitor:
        monitor.report("val", 20, {"AP": 0.25, "APs": None})
    assert lines(tmp_path) == [{"step": 20, "AP": 0.25, "APs": None}]
    assert events(tmp_path) == [(20, "val/AP", 0.25)]


def test_line_can_be_read_while_the_run_continues(tmp_path):
    with Monitor(tmp_path, 0) as monitor:
        monitor.report("train", 1, {"loss": 1.0})
        assert lines(tmp_path) == [{"step": 1, "loss": 1.0}]


def test_events_can_be_read_while_the_run_continues(tmp_path):
    # A run that is killed must not lose what it reported before its last checkpoint.
    with Monitor(tmp_path, 0) as monitor:
        monitor.report("train", 1, {"loss": 1.0})
        assert events(tmp_path) == [(1, "train/loss", 1.0)]


def test_settings_are_a_text_and_hparams(tmp_path):
    settings = {"seed": 7, "augment": True, "learning_rate": 0.5, "detector": "tiny", "lr_decay_epochs": (4, 5)}
    with Monitor(tmp_path, 0) as monitor:
        monitor.settings(0, settings, {**settings, "seed": 8})
    text = "| setting | value |\n| --- | --- |\n| seed | 7 |\n| augment | True |\n| learning_rate | 0.5 |\n"
    assert (0, "settings", f"{text}| detector | tiny |\n| lr_decay_epochs | (4, 5) |") in events(tmp_path)
    assert lines(tmp_path) == []
    found = accumulated(tmp_path).summary_metadata["_hparams_/session_start_info"].plugin_data.content
    session = hparams_plugin.HParamsPluginData.FromString(found).session_start_info
    values = {name: getattr(value, value.WhichOneof("kind")) for name, value in session.hparams.items()}
    assert values == {**settings, "seed": 8, "lr_decay_epochs": "(4, 5)"}


def test_image_has_its_size_and_pixels(tmp_path):
    image = np.full((40, 60, 3), (200, 100, 50), np.uint8)
    with Monitor(tmp_path, 0) as monitor:
        monitor.image("val_pictures/7", 30, image)
    (event,) = accumulated(tmp_path).Tensors("val_pictures/7")
    width, height, encoded = tf.make_ndarray(event.tensor_proto)
    assert (event.step, width, height) == (30, b"60", b"40")
    decoded = tf.io.decode_image(encoded).numpy().astype(int)
    assert decoded.shape == image.shape
    assert np.abs(decoded - image).max() <= 4  # JPEG of one colour
    assert plugin(tmp_path, "val_pictures/7") == "images"


def test_histogram_holds_all_values(tmp_path):
    with Monitor(tmp_path, 0) as monitor:
        monitor.histogram("val_scores/wrong", 5, np.array([0.1, 0.1, 0.9]))
        monitor.histogram("val_scores/correct", 5, np.array([]))
    (event,) = accumulated(tmp_path).Tensors("val_scores/wrong")
    buckets = tf.make_ndarray(event.tensor_proto)  # [left, right, count]
    assert buckets[:, 2].sum() == 3 and buckets[0, 2] == 2 and buckets[-1, 2] == 1
    assert plugin(tmp_path, "val_scores/correct") == "histograms"


def test_curve_is_what_tensorboard_calls_a_pr_curve(tmp_path):
    thresholds = np.array([0.0, 0.5, 1.0])
    curve = PrecisionRecall(
        thresholds, np.array([3, 2, 0]), np.array([5, 1, 0]), np.array([1, 2, 4]),
        np.array([0.375, 2 / 3, 1.0]), np.array([0.75, 0.5, 0.0]),
    )  # fmt: skip
    with Monitor(tmp_path, 0) as monitor:
        monitor.pr_curve("val_pr/cat", 5, curve)
    (event,) = accumulated(tmp_path).Tensors("val_pr/cat")
    # TensorBoard's rows: true and false positives, true and false negatives, precision, recall.
    expected = [[3, 2, 0], [5, 1, 0], [0, 0, 0], [1, 2, 4], [0.375, 2 / 3, 1], [0.75, 0.5, 0]]
    np.testing.assert_allclose(tf.make_ndarray(event.tensor_proto), expected, rtol=1e-6)
    assert plugin(tmp_path, "val_pr/cat") == "pr_curves"


def test_scalars_are_in_the_events_alone(tmp_path):
    with Monitor(tmp_path, 0) as monitor:
        monitor.scalars(5, {"val_class_AP/cat": 0.5, "val_class_AP/dog": 0.25})
    assert events(tmp_path) == [(5, "val_class_AP/cat", 0.5), (5, "val_class_AP/dog", 0.25)]
    assert lines(tmp_path) == []


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Monitor(None, 0) as monitor:
        monitor.report("train", 1, {"loss": 1.0})
        monitor.settings(0, {"seed": 7}, {"seed": 7})
        monitor.scalars(1, {"AP": 0.5})
        monitor.image("p", 1, np.zeros((4, 4, 3), np.uint8))
        monitor.histogram("h", 1, np.zeros(3))
    assert list(tmp_path.iterdir()) == []


def test_run_that_continues_adds_to_the_lines(tmp_path):
    with Monitor(tmp_path, 0) as monitor:
        monitor.report("train", 10, {"loss": 1.0})
    with Monitor(tmp_path, 10) as monitor:
        monitor.report("train", 20, {"loss": 0.5})
    assert [line["step"] for line in lines(tmp_path)] == [10, 20]


def test_run_that_continues_drops_later_lines(tmp_path):
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


def test_run_that_continues_drops_later_events(tmp_path):
    with Monitor(tmp_path, 0) as monitor:
        monitor.image("start", 0, np.zeros((4, 4, 3), np.uint8))
        monitor.image("later", 30, np.zeros((4, 4, 3), np.uint8))
        for step in (10, 20, 30):
            monitor.report("train", step, {"loss": float(step)})
        monitor.report("val", 30, {"AP": 0.5})
    with Monitor(tmp_path, 20):
        assert [event[:2] for event in events(tmp_path)] == [(0, "start"), (10, "train/loss"), (20, "train/loss")]


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
