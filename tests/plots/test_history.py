# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_tf.plots.history import read_history, smoothed, thinned

LINES = (
    {"step": 2, "loss": 4.0, "lr": 0.1, "epoch": 0.5},
    {"step": 4, "loss": 2.0, "lr": 0.1, "epoch": 1.0, "input_wait": 0.25},
    {"step": 4, "epoch": 1.0, "AP": 0.5, "APs": -1.0},
)


def write(path, lines, end="\n"):
    path.write_text("\n".join(json.dumps(line) for line in lines) + end)
    return path


def test_training_and_evaluations_are_separated(tmp_path):
    history = read_history(write(tmp_path / "metrics.jsonl", LINES))
    assert set(history.training) == {"loss", "lr", "input_wait"} and set(history.evaluations) == {"AP", "APs"}
    loss = history.training["loss"]
    assert (loss.steps.tolist(), loss.epochs.tolist(), loss.values.tolist()) == ([2, 4], [0.5, 1.0], [4.0, 2.0])


def test_an_evaluation_whose_numbers_are_not_defined_is_one(tmp_path):
    lines = [{"step": 4, "epoch": 1.0, "AP": None, "AP50": None}, {"step": 8, "epoch": 2.0, "loss": None}]
    history = read_history(write(tmp_path / "metrics.jsonl", lines))
    assert {name: curve.values.tolist() for name, curve in history.evaluations.items()} == {
        "AP": [-1.0],
        "AP50": [-1.0],
    }
    assert history.training == {}


def test_a_number_that_is_reported_later_only_has_a_shorter_curve(tmp_path):
    history = read_history(write(tmp_path / "metrics.jsonl", LINES))
    assert history.training["input_wait"].steps.tolist() == [4]


def test_epoch_of_a_step_that_was_reported(tmp_path):
    history = read_history(write(tmp_path / "metrics.jsonl", LINES))
    assert (history.epoch_of(2), history.epoch_of(4), history.epoch_of(3)) == (0.5, 1.0, None)


def test_half_a_line_of_a_run_that_is_writing_is_left_out(tmp_path):
    path = write(tmp_path / "metrics.jsonl", LINES)
    path.write_text(path.read_text() + '{"step": 6, "lo')
    assert read_history(path).training["loss"].steps.tolist() == [2, 4]


def test_no_file_is_an_empty_history(tmp_path):
    assert read_history(tmp_path / "metrics.jsonl") == ({}, {})


@pytest.mark.parametrize("line", ["nonsense", "[1, 2]", '{"loss": 1.0, "epoch": 1}', '{"step": "x", "epoch": 1}'])
def test_a_line_that_no_run_writes_is_named(tmp_path, line):
    path = tmp_path / "metrics.jsonl"
    path.write_text(json.dumps(LINES[0]) + f"\n{line}\n")
    with pytest.raises(ValueError, match=r"metrics.jsonl:2: expected a line of a run's reports. Received: "):
        read_history(path)


def test_smoothing_by_hand():
    # part 0.5 of 4 values: the decay is 1 - 1/2. Weights of the third value: 1, 1/2, 1/4 over 7/4.
    found = smoothed(np.array([4.0, 2.0, 0.0, 0.0]), part=0.5)
    np.testing.assert_allclose(found[:3], [4.0, (2 + 4 / 2) / 1.5, (0 + 2 / 2 + 4 / 4) / 1.75], rtol=1e-12)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200))
def test_smoothed_values_stay_among_the_values(values):
    found = smoothed(np.array(values))
    slack = 1e-9 * (1 + max(map(abs, values)))  # of rounding
    assert len(found) == len(values)
    assert min(values) - slack <= found.min() and found.max() <= max(values) + slack


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400), st.integers(4, 50))
def test_thinning_keeps_the_ends_and_the_spikes(values, most):
    values = np.array(values)
    kept = thinned(values, most)
    assert len(kept) <= max(most + 2, 1) and (np.diff(kept) > 0).all()
    assert kept[0] == 0 and kept[-1] == len(values) - 1
    assert values[kept].min() == values.min() and values[kept].max() == values.max()


def test_a_short_curve_is_not_thinned():
    assert thinned(np.zeros(10), most=10).tolist() == list(range(10))
