# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ssd_tf.plots.history import Curve, History
from ssd_tf.plots.rendering import render_png, render_svg
from ssd_tf.plots.training_curves import PANELS, curves_figure, panel_figure, present_panels, short_number

BY_KEY = {panel.key: panel for panel in PANELS}


def curve(values, every=10, epoch_steps=20):
    steps = every * np.arange(1, len(values) + 1)
    return Curve(steps, steps / epoch_steps, np.array(values, np.float64))


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


HISTORY = History({"loss": curve([4.0, 2.0, 1.5]), "lr": curve([0.1, 0.1, 0.01])}, {"AP": curve([0.2, 0.3])})


def test_only_what_was_reported_is_drawn():
    assert [panel.key for panel in present_panels(HISTORY)] == ["loss", "ap", "lr"]
    assert len([axes for axes in curves_figure(HISTORY).axes if axes.get_visible()]) == 3


def test_nothing_reported_has_no_panel():
    assert present_panels(History({}, {})) == []


def test_last_value_is_written_behind_the_line():
    assert texts(panel_figure(HISTORY, BY_KEY["lr"])) == ["0.01"]
    assert texts(panel_figure(HISTORY, BY_KEY["ap"])) == ["AP 0.3"]


def test_the_number_behind_a_smooth_line_is_the_one_reported_last():
    # Of 50 losses about two are averaged: the line ends at about (9 + 1) / 2.
    figure = panel_figure(History({"loss": curve([9.0] * 49 + [1.0])}, {}), BY_KEY["loss"])
    smooth = figure.axes[0].lines[1]
    assert texts(figure) == ["total 1"] and smooth.get_ydata()[-1] > 2
    # It stands at the end of the line all the same.
    assert figure.axes[0].texts[0].xy[1] == pytest.approx(smooth.get_ydata()[-1])


def test_every_smooth_line_has_the_raw_one_in_its_colour():
    losses = {"loss": curve([4.0, 2.0]), "classification": curve([3.0, 1.5]), "localization": curve([1.0, 0.5])}
    drawn = panel_figure(History(losses, {}), BY_KEY["loss"]).axes[0].lines
    faint, strong = drawn[::2], drawn[1::2]
    assert [line.get_ydata().tolist() for line in faint] == [[4.0, 2.0], [3.0, 1.5], [1.0, 0.5]]
    assert [line.get_color() for line in faint] == [line.get_color() for line in strong]
    assert all(line.get_alpha() < 1 for line in faint) and all(line.get_alpha() is None for line in strong)


def test_the_learning_rate_is_not_smoothed():
    (line,) = panel_figure(HISTORY, BY_KEY["lr"]).axes[0].lines
    assert line.get_ydata().tolist() == [0.1, 0.1, 0.01]


def test_loss_has_its_smooth_line_over_the_raw_one():
    raw, smooth = panel_figure(HISTORY, BY_KEY["loss"]).axes[0].lines
    assert raw.get_ydata().tolist() == [4.0, 2.0, 1.5]
    assert raw.get_alpha() < 1 and smooth.get_alpha() is None and raw.get_linewidth() < smooth.get_linewidth()


def test_epochs_stand_above_the_steps():
    figure = panel_figure(HISTORY, BY_KEY["loss"])
    figure.draw_without_rendering()
    axes = figure.axes[0]
    (above,) = axes.child_axes
    assert axes.get_xlabel() == "step" and above.get_xlabel() == "epoch"
    left, right = above.get_xlim()
    # 20 steps an epoch.
    assert right == pytest.approx(axes.get_xlim()[1] / 20) and left == 0


def test_a_spike_does_not_press_the_rest_flat():
    values = [1.0] * 500
    values[250] = 1000.0
    axes = panel_figure(History({"loss": curve(values)}, {}), BY_KEY["loss"]).axes[0]
    assert 1 < axes.get_ylim()[1] < 100


def test_an_undefined_ap_is_not_drawn():
    figure = panel_figure(History({}, {"AP": curve([-1.0, 0.5, -1.0])}), BY_KEY["ap"])
    assert np.isnan(figure.axes[0].lines[0].get_ydata()[[0, 2]]).all()
    assert texts(figure) == ["AP"] and figure.axes[0].get_ylim()[0] == 0


def test_labels_of_lines_that_end_together_do_not_touch():
    history = History({}, {"AP": curve([0.3, 0.4]), "AP50": curve([0.6, 0.4]), "AP75": curve([0.1, 0.4])})
    axes = panel_figure(history, BY_KEY["ap"]).axes[0]
    heights = sorted(text.xy[1] for text in axes.texts)
    assert (np.diff(heights) >= 0.1 * axes.get_ylim()[1]).all()


@pytest.mark.parametrize("history", [
    History({"loss": curve([3.0])}, {}),
    History({"loss": curve([0.0, 0.0])}, {"AP": curve([-1.0])}),
    History({"loss": Curve(np.array([0]), np.array([0.0]), np.array([1.0]))}, {}),
], ids=["one point", "only zeros", "step 0"])  # fmt: skip
def test_the_shortest_runs_can_be_drawn(history):
    for panel in present_panels(history):
        assert "<svg" in render_svg(panel_figure(history, panel), "a")
    assert render_png(curves_figure(history)).startswith(b"\x89PNG")


def test_a_long_run_stays_a_small_drawing():
    noise = np.random.default_rng(0).normal(5, 1, 20000)
    assert len(render_svg(panel_figure(History({"loss": curve(noise)}, {}), BY_KEY["loss"]), "a")) < 60_000


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (6.76e-6, "6.8e-6"),
        (0.00075, "7.5e-4"),
        (0.0005, "5e-4"),
        (0.001, "0.001"),
        (0.00264, "0.0026"),
        (3.14159, "3.14"),
        (2929, "2929"),
        (12000, "12k"),
    ],
)
def test_numbers_are_short_enough_for_the_space_beside_the_axes(value, text):
    assert short_number(value) == text
