# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Charts of an evaluation: precision over recall, sizes of objects, kinds of errors, scores, thresholds.

Each function returns a matplotlib Figure of `width` CSS pixels; plots/rendering.py makes SVG, PNG or an array of it.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from ssd_tf.evaluation.coco_metrics import CocoMetrics
from ssd_tf.evaluation.error_analysis import ERROR_KINDS, Errors
from ssd_tf.evaluation.precision_recall import Matches, precision_recall
from ssd_tf.plots.rendering import LIGHT, SMALL_FONT_SIZE, STYLE, WIDE, new_figure, series_color, shortened

# More lines than this cannot be distinguished; of more classes the best and the worst are drawn.
MAX_CURVES = 10
_DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)))
_SIZES = (("small", "APs", "ARs"), ("medium", "APm", "ARm"), ("large", "APl", "ARl"))
ERROR_NAMES = {"localization": "localisation", "both": "both of these"}
_SCORE_BINS = 25
_NAME_LETTERS = 16


def drawn_classes(average_precision: Sequence[float], most: int = MAX_CURVES) -> list[int]:
    """Classes 1..C to draw, the best AP first: all, or the best and the worst half of `most`. Those of nan are not."""
    ranked = [k for k in range(1, len(average_precision) + 1) if not math.isnan(average_precision[k - 1])]
    ranked.sort(key=lambda k: (-average_precision[k - 1], k))
    return ranked if len(ranked) <= most else ranked[: most // 2] + ranked[-(most // 2) :]


@rc_context(STYLE)
def precision_recall_figure(precision: np.ndarray, names: Sequence[str], title: str, width: float = WIDE) -> Figure:
    """Precision over recall of each class, and the mean of all; the legend is ordered by AP.

    Args:
      precision: float [101, C] at recall 0, 0.01 ... 1; nan in the columns of classes without ground truth.
      names: of the C classes.
    """
    average = [float(column.mean()) for column in precision.T]
    shown = drawn_classes(average)
    narrow = width < WIDE
    figure = new_figure(width, 0.62 * WIDE + (18 * (len(shown) + 3) // 2 if narrow else 0))
    axes = figure.subplots()
    axes.set_title(title, loc="left", pad=8)
    times: dict[str, int] = {}
    for k in shown:
        color = series_color(k)
        times[color] = times.get(color, -1) + 1  # a colour that returns is dashed
        label = f"{average[k - 1]:.2f}  {shortened(names[k - 1], _NAME_LETTERS)}"
        _recall_line(
            axes, precision[:, k - 1], label=label, color=color, linestyle=_DASHES[times[color] % len(_DASHES)]
        )
    defined = precision[:, ~np.isnan(precision[0])]
    if defined.shape[1] > 1:
        label = f"{defined.mean():.2f}  mean of {defined.shape[1]} classes"
        _recall_line(axes, defined.mean(axis=1), label=label, color=LIGHT["ink"], linewidth=3.5)
    axes.set(xlim=(0, 1.01), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    if shown:
        heading = "AP" if len(shown) == defined.shape[1] else f"AP: best {MAX_CURVES // 2}, worst {MAX_CURVES // 2}"
        place: Any = {"loc": "outside lower left", "ncols": 2} if narrow else {"loc": "outside right upper"}
        legend = figure.legend(title=heading, handlelength=1.6, alignment="left", columnspacing=1, **place)
        legend.get_title().set_color(LIGHT["muted"])
    return figure


@rc_context(STYLE)
def sizes_figure(metrics: CocoMetrics, boxes: Mapping[str, int], width: float = WIDE) -> Figure:
    """AP and AR of small, medium and large objects; `boxes` says by these words how many there are."""
    figure = new_figure(width, 230)
    axes = figure.subplots()
    for row, (_, ap_key, ar_key) in enumerate(_SIZES):
        ap, ar = metrics.summary[ap_key], metrics.summary[ar_key]
        if ap < 0:
            axes.annotate(
                "no such objects", (0, row), (6, 0), textcoords="offset points", va="center", color=LIGHT["muted"]
            )
            continue
        axes.barh(row, ar, height=0.62, color=LIGHT["main"], alpha=0.25)
        axes.barh(row, ap, height=0.62, color=LIGHT["main"])
        axes.annotate(
            f"AP {ap:.2f}, AR {ar:.2f}", (max(ap, ar), row), (6, 0), textcoords="offset points", va="center"
        )  # fmt: skip
    labels = [f"{name}, {boxes[name]:,} boxes" for name, _, _ in _SIZES]
    axes.set_yticks(range(len(_SIZES)), labels, color=LIGHT["ink"])
    axes.set(xlabel="AP (dark), AR 100 (light)", ylim=(-0.5, len(_SIZES) - 0.5))
    _horizontal(axes, 1.4 if width >= WIDE else 1.9)  # with room for the text behind a bar
    axes.set_xticks([0, 0.5, 1])
    return figure


@rc_context(STYLE)
def errors_figure(errors: Errors, width: float = WIDE) -> Figure:
    """What AP50 would gain if all errors of one kind were put right, for each kind."""
    figure = new_figure(width, 260)
    axes = figure.subplots()
    costs = [errors.kinds[kind] for kind in ERROR_KINDS]
    values = np.nan_to_num([cost.cost for cost in costs])
    axes.barh(range(len(costs)), values, height=0.62, color=LIGHT["bad"])
    for row, (cost, value) in enumerate(zip(costs, values, strict=True)):
        text = f"{'–' if math.isnan(cost.cost) else f'{value:.3f}'}, {cost.count:,} times"
        axes.annotate(text, (max(value, 0), row), (6, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(costs)), [ERROR_NAMES.get(kind, kind) for kind in ERROR_KINDS], color=LIGHT["ink"])
    _horizontal(axes, max(float(values.max()), 0.01) * (1.45 if width >= WIDE else 1.9))
    axes.set_xlabel("AP50 that it costs")
    return figure


@rc_context(STYLE)
def scores_figure(matches: Matches, threshold: float | None = None, width: float = WIDE) -> Figure:
    """How many right and how many wrong detections have which score; a line at `threshold`, where given."""
    figure = new_figure(width, 300)
    axes = figure.subplots()
    edges = np.linspace(0, 1, _SCORE_BINS + 1)
    for name, chosen in (("wrong", ~matches.correct), ("correct", matches.correct)):
        counts, _ = np.histogram(matches.scores[chosen], edges)
        color, dashes = (LIGHT["good"], "-") if name == "correct" else (LIGHT["bad"], (0, (4, 1.5)))
        heights = np.maximum(counts, 0.5)  # a logarithmic axis has no 0
        label = f"{name}, {int(chosen.sum()):,}"
        axes.stairs(heights, edges, baseline=0.5, fill=True, color=color, alpha=0.18)
        axes.stairs(heights, edges, baseline=0.5, linewidth=2, color=color, linestyle=dashes, label=label)
    axes.set_yscale("log")
    axes.set(xlim=(0, 1), xlabel="score", ylabel="detections")
    axes.set_ylim(0.5, None)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else "")
    axes.yaxis.set_minor_locator(NullLocator())
    _mark_threshold(axes, threshold)
    figure.legend(loc="outside upper left", ncols=2)
    return figure


@rc_context(STYLE)
def thresholds_figure(matches: Matches, threshold: float | None = None, width: float = WIDE) -> Figure:
    """Precision, recall and F1 of all classes together by score threshold; a line at `threshold`, where given."""
    figure = new_figure(width, 300)
    axes = figure.subplots()
    curve = precision_recall(matches, None, np.linspace(0, 1, 101))
    found = 2 * curve.true_positives
    f1 = found / np.maximum(found + curve.false_positives + curve.false_negatives, 1)
    axes.plot(curve.thresholds, curve.precision, color=LIGHT["good"], label="precision", linestyle=(0, (4, 1.5)))
    axes.plot(curve.thresholds, curve.recall, color=LIGHT["bad"], label="recall", linestyle=(0, (1.5, 1.5)))
    axes.plot(curve.thresholds, f1, color=LIGHT["main"], label="F1", linewidth=3)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="score threshold")
    _mark_threshold(axes, threshold, height=0.09)
    figure.legend(loc="outside upper left", ncols=3)
    return figure


def _recall_line(axes: Axes, precision: np.ndarray, **style) -> None:
    """Up to the highest recall that was reached, with a dot there: beyond it COCO's precision is 0."""
    reached = int(np.flatnonzero(precision > 0)[-1]) + 1 if (precision > 0).any() else 1
    recall = np.linspace(0, 1, len(precision))
    axes.plot(recall[:reached], precision[:reached], **style)
    axes.plot(recall[reached - 1], precision[reached - 1], "o", color=style["color"], markersize=5, clip_on=False)


def _horizontal(axes: Axes, high: float) -> None:
    """What bars that lie have in common: the first on top, a grid along the values alone."""
    axes.invert_yaxis()
    axes.set_xlim(0, high)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))


def _mark_threshold(axes: Axes, threshold: float | None, height: float = 1.0) -> None:
    if threshold is None or math.isnan(threshold):
        return
    axes.axvline(threshold, color=LIGHT["ink"], linewidth=1.5, linestyle=(0, (2, 2)))
    right = threshold < 0.5
    axes.annotate(
        f"best F1 at {threshold:g}", (threshold, height), (6 if right else -6, -3),
        xycoords=axes.get_xaxis_transform(), textcoords="offset points", va="top",
        ha="left" if right else "right", fontsize=SMALL_FONT_SIZE,
    )  # fmt: skip
