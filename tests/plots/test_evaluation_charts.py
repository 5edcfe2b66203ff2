# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest

from ssd_tf.evaluation.coco_matching import Outcomes
from ssd_tf.evaluation.coco_metrics import SUMMARY_KEYS, CocoMetrics
from ssd_tf.evaluation.error_analysis import ERROR_KINDS, ErrorCost, Errors
from ssd_tf.evaluation.precision_recall import Matches
from ssd_tf.plots import evaluation_charts
from ssd_tf.plots.rendering import LIGHT, WIDE, render_svg, series_color

RECALL = np.linspace(0, 1, 101)
MATCHES = Matches(
    scores=np.array([0.9, 0.8, 0.62, 0.3]),
    classes=np.ones(4, int),
    correct=np.array([True, True, False, False]),
    truths=np.array([3]),
)


def until(recall):
    """float [101]: precision 0.5 up to a recall, then COCO's 0."""
    return 0.5 * (recall >= RECALL)


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def lines(figure):
    return [line for line in figure.axes[0].lines if len(line.get_xdata()) > 1]


def annotations(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def metrics(**summary):
    summary = {**dict.fromkeys(SUMMARY_KEYS, 0.5), **summary}
    outcomes = Outcomes(np.zeros(0, np.int8), np.zeros(0, np.int8))
    return CocoMetrics(summary, (), 0, 0, np.zeros((10, 101, 0)), outcomes, MATCHES)


def errors(**costs):
    kinds = {kind: ErrorCost(25, costs.get(kind, 0.0)) for kind in ERROR_KINDS}
    return Errors(0.5, kinds, ErrorCost(0, 0.0), ErrorCost(0, 0.0), 1, 0)


def test_all_of_a_few_classes_are_drawn_the_best_first():
    assert evaluation_charts.drawn_classes([0.2, math.nan, 0.9]) == [3, 1]


def test_of_many_classes_the_best_and_the_worst_are_drawn():
    assert evaluation_charts.drawn_classes([k / 100 for k in range(1, 31)], most=4) == [30, 29, 2, 1]


def test_a_curve_ends_at_the_highest_recall_reached():
    figure = evaluation_charts.precision_recall_figure(until(0.4)[:, None], ["cat"], "At IoU 0.50")
    (line,) = lines(figure)
    assert line.get_xdata()[-1] == pytest.approx(0.4) and (line.get_ydata() == 0.5).all()


def test_the_legend_has_each_ap_and_the_mean_of_the_classes_that_have_one():
    # 41 of 101 and 81 of 101 points at precision 0.5: AP 0.203 and 0.401.
    precision = np.stack([until(0.4), until(0.8), np.full(101, math.nan)], axis=1)
    figure = evaluation_charts.precision_recall_figure(precision, ["cat", "dog", "cow"], "t")
    assert legend(figure) == ["0.40  dog", "0.20  cat", "0.30  mean of 2 classes"]


def test_one_class_needs_no_mean():
    assert legend(evaluation_charts.precision_recall_figure(until(0.4)[:, None], ["cat"], "t")) == ["0.20  cat"]


def test_lines_have_the_colours_of_their_classes_and_a_second_one_is_dashed():
    precision = np.stack([until(0.5)] * 9, axis=1)
    figure = evaluation_charts.precision_recall_figure(precision, [f"c{k}" for k in range(1, 10)], "t")
    styles = [(line.get_color(), line.get_linestyle()) for line in lines(figure)]
    assert styles[0] == (series_color(1), "-") and styles[8] == (series_color(9), "--")
    assert series_color(1) == series_color(9) and len(set(styles)) == 10
    assert styles[9][0] == LIGHT["ink"]


@pytest.mark.parametrize("precision", [np.zeros((101, 1)), np.full((101, 1), math.nan), np.zeros((101, 0))])
def test_nothing_found_and_no_truth_can_be_drawn(precision):
    names = ["cat"] * precision.shape[1]
    for width in (WIDE, 345):
        assert "<svg" in render_svg(evaluation_charts.precision_recall_figure(precision, names, "t", width), "a")


def test_sizes_say_ap_ar_and_how_many_boxes():
    figure = evaluation_charts.sizes_figure(
        metrics(APs=0.1, ARs=0.2, APl=-1.0, ARl=-1.0), {"small": 1200, "medium": 3, "large": 0}
    )
    assert annotations(figure) == ["AP 0.10, AR 0.20", "AP 0.50, AR 0.50", "no such objects"]
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["small, 1,200 boxes", "medium, 3 boxes", "large, 0 boxes"]


def test_bars_of_errors_are_as_long_as_their_cost():
    figure = evaluation_charts.errors_figure(errors(localization=0.25, missed=0.5))
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    assert widths == [0, 0.25, 0, 0, 0, 0.5]
    assert annotations(figure)[1] == "0.250, 25 times"


def test_an_undefined_cost_differs_from_one_of_nothing():
    assert annotations(evaluation_charts.errors_figure(errors(both=math.nan)))[1:3] == [
        "0.000, 25 times",
        "–, 25 times",
    ]


def test_scores_of_right_and_wrong_detections_are_counted():
    figure = evaluation_charts.scores_figure(MATCHES, 0.8)
    assert legend(figure) == ["wrong, 2", "correct, 2"]
    outline = figure.axes[0].patches[1]
    values, edges, _ = outline.get_data()
    assert [edges[k] for k in np.flatnonzero(values >= 1)] == pytest.approx([0.28, 0.6])  # of 0.3 and of 0.62
    assert annotations(figure) == ["best F1 at 0.8"]


def test_thresholds_by_hand():
    figure = evaluation_charts.thresholds_figure(MATCHES, 0.8)
    precision, recall, f1 = (line.get_ydata() for line in figure.axes[0].lines[:3])
    # From 0.70 on two are found, both right, of three: precision 1, recall 2/3, F1 0.8. From 0 on 2/4, 2/3, 4/7.
    assert (precision[70], recall[70], f1[70]) == pytest.approx((1, 2 / 3, 0.8))
    assert (precision[0], recall[0], f1[0]) == pytest.approx((0.5, 2 / 3, 4 / 7))


def test_no_threshold_is_marked_where_none_is_best():
    for draw in (evaluation_charts.scores_figure, evaluation_charts.thresholds_figure):
        assert annotations(draw(MATCHES, math.nan)) == []


def test_no_detection_at_all_can_be_drawn():
    nothing = Matches(np.zeros(0), np.zeros(0, int), np.zeros(0, bool), np.array([0]))
    for draw in (evaluation_charts.scores_figure, evaluation_charts.thresholds_figure):
        assert "<svg" in render_svg(draw(nothing, math.nan), "a")
