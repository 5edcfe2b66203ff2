# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The confusion matrix as a chart: coloured by the fraction of the row, the counts written."""

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedFormatter

from ssd_tf.plots.rendering import LIGHT, SMALL_FONT_SIZE, STYLE, WIDE, new_figure, shortened

# More rows cannot be read; of more classes those are shown that are confused most.
MAX_CLASSES = 24
# A cell holds its count: three digits, or a few more letters.
_CELL = 30
# The strongest colour of a cell: text in the page's ink is readable on it, in light and in dark.
_STRONGEST = 0.7
_NAME_LETTERS = 14
# The height of a line above it.
_TITLE = 26
# Of so few rows the fractions are written too.
_MOST_WITH_FRACTIONS = 8


def most_confused(matrix: np.ndarray, most: int = MAX_CLASSES) -> list[int]:
    """Classes 1..C, ascending: all, or the `most` that are taken for others, or others for them, most often."""
    between = matrix[1:, 1:] * (1 - np.eye(len(matrix) - 1, dtype=matrix.dtype))
    ranked = np.argsort(-(between.sum(axis=0) + between.sum(axis=1)), kind="stable")
    return sorted(int(k) + 1 for k in ranked[:most])


def largest_mistakes(matrix: np.ndarray, most: int) -> list[tuple[int, int]]:
    """The rows and columns of the largest counts that are wrong, the largest first: at most so many, none of 0."""
    wrong = np.where(np.eye(len(matrix), dtype=bool), 0, matrix)
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    return [(int(row), int(column)) for row, column in zip(*np.unravel_index(order, wrong.shape), strict=True)
            if wrong[row, column]]  # fmt: skip


def mistake_in_words(matrix: np.ndarray, names: Sequence[str], row: int, column: int) -> tuple[str, str, str]:
    """What a cell counts, how often, and how much that is: "cat taken for dog", "1,200", "3% of all cat"."""
    count = int(matrix[row, column])
    if row == 0:
        name = names[column - 1]
        return (
            f"{name} found where nothing is",
            f"{count:,}",
            f"{count / matrix[:, column].sum():.0%} of all {name} found",
        )
    what = f"taken for {names[column - 1]}" if column else "missed"
    return f"{names[row - 1]} {what}", f"{count:,}", f"{count / matrix[row].sum():.0%} of all {names[row - 1]}"


@rc_context(STYLE)
def confusion_figure(matrix: np.ndarray, names: Sequence[str], width: float = WIDE) -> Figure:
    """Rows are true classes, columns are what was found; missed truths and false detections are last.

    With more than MAX_CLASSES classes only those that are confused most are shown, and the figure says so. It is wider
    than `width` where the cells need it.

    Args:
      matrix: int [C + 1, C + 1] of evaluation/confusion.py: index 0 is the background.
      names: of the C classes.
    """
    shown = most_confused(matrix)
    order = [*shown, 0]
    fractions = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    cells, fractions = matrix[np.ix_(order, order)], fractions[np.ix_(order, order)]
    labels = [shortened(names[k - 1], _NAME_LETTERS) for k in shown]
    label_width = 18 + 7.5 * max([len("nothing there"), *map(len, labels)])
    width = max(width, label_width + _CELL * len(order))
    # Cells are at most half as high as they are wide, so that few classes do not fill a screen.
    height = label_width + 30 + min(52, max(26, 0.6 * (width - label_width) / len(order))) * len(order)
    left_out = len(names) > len(shown)
    figure = new_figure(width, height + (_TITLE if left_out else 0))
    axes = figure.subplots()
    if left_out:
        axes.set_title(f"{len(shown)} of {len(names)} classes, those confused most", loc="left", pad=8)
    _draw_cells(axes, cells, fractions, with_fractions=len(order) <= _MOST_WITH_FRACTIONS)
    turned = max(map(len, [*labels, "missed"])) * 7.5 > (width - label_width) / len(order)
    for axis, last in ((axes.xaxis, "missed"), (axes.yaxis, "nothing there")):
        axis.set_ticks(range(len(order)))
        axis.set_major_formatter(FixedFormatter([*labels, last]))
        axis.set_tick_params(labelcolor=LIGHT["ink"], length=0)
    axes.tick_params(axis="x", labeltop=True, labelbottom=False, labelrotation=90 if turned else 0)
    axes.set(xlabel="found", ylabel="true")
    axes.xaxis.set_label_position("top")
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(False)
    return figure


def _draw_cells(axes: Axes, cells: np.ndarray, fractions: np.ndarray, with_fractions: bool) -> None:
    last = len(cells) - 1
    # Lines instead of cells where nothing is: several hundred empty cells would be slow to draw.
    axes.set_xticks(np.arange(last) + 0.5, minor=True)
    axes.set_yticks(np.arange(last) + 0.5, minor=True)
    axes.grid(visible=False)
    axes.grid(visible=True, which="minor", linewidth=1)
    for row, column in np.argwhere(cells).tolist():
        alpha = _STRONGEST * float(fractions[row, column])
        axes.add_patch(
            Rectangle((column - 0.48, row - 0.47), 0.96, 0.94, color=LIGHT["heat"], alpha=alpha, linewidth=0)
        )
        style = {"ha": "center", "fontsize": SMALL_FONT_SIZE, "weight": "bold" if row == column else "normal"}
        place = row - 0.05 if with_fractions else row
        axes.text(
            column, place, _compact(int(cells[row, column])), va="bottom" if with_fractions else "center", **style
        )
        if with_fractions:
            axes.text(column, row + 0.05, f"{fractions[row, column]:.0%}", va="top", **style)
    axes.axhline(last - 0.5, color=LIGHT["muted"], linewidth=1)  # the background apart
    axes.axvline(last - 0.5, color=LIGHT["muted"], linewidth=1)
    axes.set_xlim(-0.5, last + 0.5)
    axes.set_ylim(last + 0.5, -0.5)


def _compact(count: int) -> str:
    """1234 -> 1.2k."""
    if count < 1000:
        return str(count)
    return f"{count / 1000:.1f}k" if count < 10000 else f"{count / 1000:.0f}k"
