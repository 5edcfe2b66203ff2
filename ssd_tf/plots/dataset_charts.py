# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Charts of a data set: boxes by class, boxes of an image, shapes of boxes, and which of them default boxes match.

Each function returns a matplotlib Figure of `width` CSS pixels; plots/rendering.py makes SVG, PNG or an array of it.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from ssd_tf.plots.rendering import LIGHT, STYLE, WIDE, new_figure, shortened

# More rows would not be read; all of them stand in a table.
MAX_CLASSES = 24
_NAME_LETTERS = 20
_SPLIT_COLORS = (LIGHT["main"], LIGHT["series0"], LIGHT["series2"], LIGHT["series6"], LIGHT["series7"])
_DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
_ROW = 24
# Bars of the boxes of an image are whole numbers up to so many, then ranges.
_MOST_BARS = 30
# Of w / h, as powers of 2; what is beyond is counted at the ends.
_ASPECTS = np.linspace(-4, 4, 33)
# Cells of the chart of shapes for each doubling of a side, and the smallest side, in pixels.
_CELLS, _LEAST = 3, 4
# The weakest and the strongest colour of a cell.
_ALPHA = (0.12, 0.85)


@rc_context(STYLE)
def classes_figure(names: Sequence[str], boxes_cs: np.ndarray, splits: Sequence[str], width: float = WIDE) -> Figure:
    """Boxes of each class, the most frequent first; a colour for each split.

    Args:
      names: of the C classes; the first MAX_CLASSES in this order are drawn.
      boxes_cs: int [C, number of splits].
      splits: their names.
    """
    order = [int(k) for k in np.argsort(-boxes_cs.sum(axis=1), kind="stable")[:MAX_CLASSES]]
    many = len(splits) > 1
    figure = new_figure(width, 62 + _ROW * len(order) + (26 if many else 0))
    axes = figure.subplots()
    start = np.zeros(len(order))
    for s, name in enumerate(splits):
        values = boxes_cs[order, s]
        axes.barh(range(len(order)), values, left=start, height=0.66, color=_split_color(s), label=name)
        start += values
    for row, total in enumerate(start.tolist()):
        axes.annotate(f"{total:,.0f}", (total, row), (5, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(order)), [shortened(names[k], _NAME_LETTERS) for k in order], color=LIGHT["ink"])
    _lying(axes, max(float(start.max(initial=0)), 1) * (1.18 if width >= WIDE else 1.3))
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set_xlabel("boxes")
    if many:
        figure.legend(loc="outside upper left", ncols=min(len(splits), 4), handlelength=1.2)
    return figure


@rc_context(STYLE)
def boxes_of_images_figure(counts: Mapping[str, np.ndarray], width: float = WIDE) -> Figure:
    """Which part of the images of each split has how many boxes.

    Args:
      counts: split -> int [N], the boxes of each of its images; at least one image in all.
    """
    figure = new_figure(width, 280)
    axes = figure.subplots()
    most = max(int(values.max(initial=0)) for values in counts.values())
    step = max(1, -(-(most + 1) // _MOST_BARS))
    edges = np.arange(0, most + step + 1, step) - 0.5
    for s, (name, values) in enumerate(counts.items()):
        if not len(values):
            continue
        share = np.histogram(values, edges)[0] / len(values)
        color, dashes = _split_color(s), _DASHES[s % len(_DASHES)]
        axes.stairs(share, edges, fill=True, color=color, alpha=0.16)
        label = f"{name}: {values.mean():.1f} on average"
        axes.stairs(share, edges, linewidth=2, color=color, linestyle=dashes, label=label)
    axes.set(xlim=(edges[0], edges[-1]), xlabel="boxes of an image" + (f", {step} together" if step > 1 else ""))
    axes.set_ylim(0, None)
    axes.set_ylabel("images")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    figure.legend(loc="outside upper left", ncols=2 if width >= WIDE else 1)
    return figure


@rc_context(STYLE)
def matched_figure(
    names: Sequence[str], boxes: Sequence[int], matched: Sequence[int], label: str, width: float = WIDE
) -> Figure:
    """Boxes of each kind, and the part of them that default boxes match, with this part written.

    Args:
      names: of the kinds, such as ranges of sizes.
      boxes, matched: how many there are, and how many of them are matched.
      label: what the kinds are.
    """
    figure = new_figure(width, 280)
    axes = figure.subplots()
    places = range(len(names))
    axes.bar(places, boxes, width=0.72, color=LIGHT["bad"], alpha=0.55, label="not matched")
    axes.bar(places, matched, width=0.72, color=LIGHT["main"], label="matched at IoU 0.5")
    for place, (total, right) in enumerate(zip(boxes, matched, strict=True)):
        if total:
            axes.annotate(
                f"{math.floor(100 * right / total)}%", (place, total), (0, 3), textcoords="offset points", ha="center"
            )
    axes.set_xticks(places, names)
    axes.tick_params(axis="x", length=0)
    axes.grid(visible=False, axis="x")
    axes.set(xlabel=label, ylabel="boxes", ylim=(0, 1.15 * max([1, *boxes])))
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    figure.legend(loc="outside upper left", ncols=2, handlelength=1.2)
    return figure


@rc_context(STYLE)
def aspects_figure(ratios_n: np.ndarray, width: float = WIDE) -> Figure:
    """How many boxes have which ratio of width to height; float [N], above 0."""
    figure = new_figure(width, 280)
    axes = figure.subplots()
    counts, _ = np.histogram(np.clip(np.log2(ratios_n), _ASPECTS[0], _ASPECTS[-1]), _ASPECTS)
    axes.stairs(counts, _ASPECTS, fill=True, color=LIGHT["main"], alpha=0.85)
    ticks = range(-4, 5)
    axes.set_xticks(ticks, [f"{2**t}" if t >= 0 else f"1/{2**-t}" for t in ticks])
    axes.set(xlim=(_ASPECTS[0], _ASPECTS[-1]), xlabel="width / height", ylabel="boxes")
    axes.set_ylim(0, None)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    return figure


@rc_context(STYLE)
def shapes_figure(
    sizes_n2: np.ndarray, anchors: Mapping[str, np.ndarray], image_size: int, width: float = WIDE
) -> Figure:
    """Heights over widths of boxes, both logarithmic: the more boxes, the stronger the colour; and default boxes.

    Args:
      sizes_n2: float [N, 2], heights and widths in pixels at the detector's input.
      anchors: what to call a set of default boxes -> float [K, 2], heights and widths of each of them.
      image_size: the side of the input.
    """
    figure = new_figure(width, min(width, WIDE) * 0.86)
    axes = figure.subplots()
    last = float(np.log2(image_size)) + 0.5 / _CELLS
    first = np.log2(_LEAST)
    edges = np.arange(first, last + 1 / _CELLS, 1 / _CELLS)
    logs = np.clip(np.log2(np.maximum(sizes_n2, 1e-6)), edges[0], edges[-1] - 1e-6)
    counts, _, _ = np.histogram2d(logs[:, 1], logs[:, 0], (edges, edges))
    strength = np.sqrt(counts / max(counts.max(), 1))
    for column, row in np.argwhere(counts).tolist():
        alpha = _ALPHA[0] + (_ALPHA[1] - _ALPHA[0]) * float(strength[column, row])
        place = (edges[column] + 0.01, edges[row] + 0.01)
        side = 1 / _CELLS - 0.02
        axes.add_patch(Rectangle(place, side, side, color=LIGHT["heat"], alpha=alpha, linewidth=0))
    styles: tuple[dict[str, Any], ...] = (
        {"marker": "o", "color": LIGHT["bad"], "s": 26},
        {"marker": "D", "color": LIGHT["good"], "s": 26},
    )
    for (name, shapes), style in zip(anchors.items(), styles, strict=False):
        inside = np.clip(np.log2(shapes), edges[0], edges[-1])
        axes.scatter(inside[:, 1], inside[:, 0], label=name, linewidths=0, zorder=3, **style)
    ticks = [2**k for k in range(int(first), int(last) + 1)]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator(np.log2(ticks).tolist()))
        axis.set_major_formatter(lambda value, _: f"{2**value:.0f}")
        axis.set_minor_locator(NullLocator())
    axes.set(
        xlim=(edges[0], edges[-1]), ylim=(edges[0], edges[-1]), xlabel="width in pixels", ylabel="height in pixels"
    )
    figure.legend(loc="outside upper left", ncols=1, handletextpad=0.2)
    return figure


@rc_context(STYLE)
def recall_figure(names: Sequence[str], recalls: Sequence[float], chosen: str, width: float = WIDE) -> Figure:
    """The part of the boxes that each detector's default boxes match; the chosen one in a stronger colour."""
    figure = new_figure(width, 58 + _ROW * len(names))
    axes = figure.subplots()
    for row, (name, value) in enumerate(zip(names, recalls, strict=True)):
        is_chosen = name == chosen
        axes.barh(row, value, height=0.66, color=LIGHT["main"], alpha=1 if is_chosen else 0.4)
        weight = "bold" if is_chosen else "normal"
        axes.annotate(f"{value:.1%}", (value, row), (5, 0), textcoords="offset points", va="center", weight=weight)
    letters = 40 if width >= WIDE else 22
    axes.set_yticks(range(len(names)), [shortened(name, letters) for name in names], color=LIGHT["ink"])
    _lying(axes, 1.2 if width >= WIDE else 1.4)
    axes.set_xticks([0, 0.5, 1], ["0", "50%", "100%"])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel("boxes that a default box matches at IoU 0.5")
    return figure


def _split_color(place: int) -> str:
    return _SPLIT_COLORS[place % len(_SPLIT_COLORS)]


def _lying(axes: Axes, high: float) -> None:
    """Bars that lie, with a grid along the values alone."""
    axes.set_xlim(0, high)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
