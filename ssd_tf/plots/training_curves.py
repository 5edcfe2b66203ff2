# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Charts of a run's course: loss, learning rate, gradients, speed and AP, by step with the epoch above."""

from typing import NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ssd_tf.plots.history import Curve, History, smoothed, thinned
from ssd_tf.plots.rendering import LIGHT, SMALL_FONT_SIZE, STYLE, new_figure

PANEL_WIDTH, PANEL_HEIGHT = 345, 265
# Around the axes, in pixels, for numbers and names; the same in all panels, so that they stand in line.
_LEFT, _RIGHT, _RIGHT_WITH_NAMES, _TOP, _BOTTOM = 52, 50, 118, 58, 42
_COLUMNS = 3
# The first steps' losses and a few spikes would press the rest of a curve flat.
_SHOWN_PART = 0.99
_MOST_MARKERS = 30


class _End(NamedTuple):
    """Of a curve: its name, the value that was reported last, the height at which its line ends, and its colour."""

    label: str
    value: float
    height: float
    color: str


class Panel(NamedTuple):
    """One chart of the course: its title, what it shows, and the names of its curves in the order of their colours.

    Attributes:
      key: for file names and ids.
      curves: name in metrics.jsonl -> label in the chart.
      evaluations: whether the curves are of evaluations or of training.
      smooth: draw a moving average of each curve, over a faint line of the values themselves.
      unit: of the values, written after the title.
    """

    key: str
    title: str
    curves: dict[str, str]
    evaluations: bool = False
    smooth: bool = True
    unit: str = ""


PANELS = (
    Panel("loss", "Loss", {"loss": "total", "classification": "classification", "localization": "localisation"}),
    Panel("ap", "AP at each evaluation", {"AP": "AP", "AP50": "AP50", "AP75": "AP75"}, evaluations=True, smooth=False),
    Panel("lr", "Learning rate", {"lr": ""}, smooth=False),
    Panel("gradient", "Gradient norm", {"gradient_norm": ""}, unit="before clipping"),
    Panel("positives", "Positive anchors", {"positives": ""}, unit="an image"),
    Panel("speed", "Speed", {"images_per_s": ""}, unit="images/s"),
    Panel("waiting", "Waiting for input", {"input_wait": ""}, unit="fraction of the time"),
    Panel("memory", "Memory", {"host_memory_mb": "host", "gpu_memory_mb": "GPUs"}, smooth=False, unit="MB"),
)
_COLORS = (LIGHT["main"], LIGHT["bad"], LIGHT["good"])
_STYLES = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)))


def present_panels(history: History) -> list[Panel]:
    """Those of PANELS that the run has something for."""
    return [panel for panel in PANELS if any(name in _source(history, panel) for name in panel.curves)]


@rc_context(STYLE)
def panel_figure(history: History, panel: Panel, width: float = PANEL_WIDTH) -> Figure:
    """A figure with one panel."""
    right = _RIGHT_WITH_NAMES if any(panel.curves.values()) else _RIGHT
    figure = new_figure(width, PANEL_HEIGHT, (_LEFT, right, _TOP, _BOTTOM))
    _draw(figure.subplots(), history, panel)
    return figure


@rc_context(STYLE)
def curves_figure(history: History) -> Figure:
    """A figure with all panels that the run has something for."""
    panels = present_panels(history)
    rows = -(-len(panels) // _COLUMNS)
    figure = new_figure(_COLUMNS * PANEL_WIDTH, rows * PANEL_HEIGHT)
    places = figure.subplots(rows, _COLUMNS, squeeze=False).reshape(-1)
    for axes, panel in zip(places, panels, strict=False):
        _draw(axes, history, panel)
    for axes in places[len(panels) :]:
        axes.set_visible(False)
    return figure


def _source(history: History, panel: Panel) -> dict[str, Curve]:
    return history.evaluations if panel.evaluations else history.training


def _last_step(history: History) -> int:
    curves = (*history.training.values(), *history.evaluations.values())
    return max(int(curve.steps[-1]) for curve in curves)


def _draw(axes: Axes, history: History, panel: Panel) -> None:
    unit = f", {panel.unit}" if panel.unit else ""
    axes.set_title(panel.title + unit, loc="left", pad=8)
    found = {label: curve for name, label in panel.curves.items() if (curve := _source(history, panel).get(name))}
    ends = []
    for k, (label, curve) in enumerate(found.items()):
        undefined = panel.evaluations & (curve.values == -1)  # as COCO says it
        values = np.where(undefined, np.nan, curve.values)
        line = smoothed(values) if panel.smooth else values
        kept = thinned(line)
        if panel.smooth:
            raw = thinned(values)
            axes.plot(curve.steps[raw], values[raw], color=_COLORS[k], linewidth=0.8, alpha=0.3)
        marker = "o" if (panel.evaluations and len(kept) <= _MOST_MARKERS) or len(kept) == 1 else ""
        axes.plot(curve.steps[kept], line[kept], marker=marker, color=_COLORS[k], linestyle=_STYLES[k], markersize=4)
        ends.append(_End(label, values[-1], line[-1], _COLORS[k]))
    longest = max(found.values(), key=lambda curve: curve.steps[-1])
    _set_values(axes, [curve.values for curve in found.values()])
    _set_steps(axes, longest, _last_step(history))
    _label_ends(axes, ends, last=int(longest.steps[-1]))


def _set_values(axes: Axes, curves: list[np.ndarray]) -> None:
    """From 0 to what nearly all values and all smoothed ones but the first are below."""
    values = np.concatenate(curves)
    high = np.quantile(values[np.isfinite(values)], _SHOWN_PART) if np.isfinite(values).any() else 0
    highs = [np.nanmax(smoothed(curve)[len(curve) // 8 :], initial=0) for curve in curves]
    axes.set_ylim(0, max(1.08 * max(high, *highs), 1e-9))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(short_number))


def _label_ends(axes: Axes, ends: list[_End], last: int) -> None:
    """Writes each curve's name and last reported value behind its end, moved apart where they would touch."""
    low, high = axes.get_ylim()
    gap = (high - low) * 0.12
    places = {}
    for place, end in enumerate(sorted(ends, key=lambda end: end.height)):
        height = min(end.height, high) if np.isfinite(end.height) else low
        places[place] = max(height, places[place - 1] + gap) if place else height
        text = f"{end.label} {short_number(end.value)}".strip() if np.isfinite(end.value) else end.label
        axes.annotate(
            text, (last, places[place]), (7, 0), textcoords="offset points", va="center", color=end.color,
            fontsize=SMALL_FONT_SIZE, annotation_clip=False,
        )  # fmt: skip


def _set_steps(axes: Axes, curve: Curve, last_step: int) -> None:
    """Steps below, from 0 on, and epochs above."""
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10], integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(short_number))
    axes.set_xlabel("step")
    axes.set_xlim(0, 1.01 * max(last_step, 1))
    if not curve.epochs[-1] > 0:
        return
    steps_per_epoch = curve.steps[-1] / curve.epochs[-1]  # all epochs of a run are as long
    above = axes.secondary_xaxis("top", functions=(lambda s: s / steps_per_epoch, lambda e: e * steps_per_epoch))
    above.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10], integer=True))
    above.spines["top"].set_visible(False)
    above.set_xlabel("epoch")


def short_number(value: float, _: object = None) -> str:
    """12000 -> 12k, 3.14159 -> 3.14, 0.00264 -> 0.0026, 0.00025 -> 2.5e-4: what fits beside the axes."""
    size = abs(value)
    for limit, letter in ((1e6, "M"), (1e3, "k")):
        if size >= 10 * limit or (size >= limit and value % limit == 0):
            return f"{value / limit:.3g}{letter}"
    if 0 < size < 1e-3:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    if size < 0.01:
        return f"{value:.2g}"
    return f"{value:.3g}" if size < 1000 else f"{value:.0f}"
