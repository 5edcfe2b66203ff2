# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Figures as SVG for a page, as PNG for a file, as an array for TensorBoard; and the colours that charts are drawn in.

Charts are drawn in the colours of LIGHT. In an SVG each of them becomes a CSS variable, so that the page that holds it
decides: the same drawing serves light and dark. Sizes are CSS pixels at 100 %: text of 12 is 12 pixels high.
"""

import functools
import io
import re
import unicodedata
import warnings
from typing import Any

import numpy as np
from matplotlib import font_manager, rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter

# Every colour must be different from all others: an SVG is searched for them.
LIGHT = {
    "ink": "#1c2126",
    "muted": "#5c6670",
    "grid": "#e3e7eb",
    "good": "#00875f",
    "bad": "#c94f00",
    "heat": "#0073b3",
    "main": "#0b5fa5",
    # The classes' own colours (drawing/detections.py), darker where they would be lost on white.
    "series0": "#bd7c00",
    "series1": "#2c8fd1",
    "series2": "#008f68",
    "series3": "#998b00",
    "series4": "#00507f",
    "series5": "#d55e00",
    "series6": "#b3588f",
    "series7": "#7a828a",
}
DARK = {
    "ink": "#e6e9ec",
    "muted": "#9aa5b0",
    "grid": "#2f363d",
    "good": "#2fc497",
    "bad": "#ff8a3c",
    "heat": "#1384c7",
    "main": "#6cb6f2",
    "series0": "#e69f00",
    "series1": "#79c6f4",
    "series2": "#25bd90",
    "series3": "#f0e442",
    "series4": "#3f8fd2",
    "series5": "#f27a2e",
    "series6": "#dd8fbd",
    "series7": "#a3acb5",
}
NUM_SERIES = 8
# CSS pixels of a chart beside another one in a wide window, and on a telephone.
WIDE, NARROW = 560, 345
# Below 11 pixels, to which a chart may be made smaller, text is hard to read on a telephone.
FONT_SIZE, SMALL_FONT_SIZE = 13, 12
# Passed to matplotlib.rc_context by every function that draws, so that no setting reaches other figures.
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": FONT_SIZE,
    "axes.titlesize": FONT_SIZE,
    "axes.labelsize": FONT_SIZE,
    "xtick.labelsize": SMALL_FONT_SIZE,
    "ytick.labelsize": SMALL_FONT_SIZE,
    "legend.fontsize": SMALL_FONT_SIZE,
    "legend.frameon": False,
    # Names of classes are not formulas, whatever is in them.
    "text.parse_math": False,
    "text.color": LIGHT["ink"],
    "axes.labelcolor": LIGHT["muted"],
    "axes.edgecolor": LIGHT["grid"],
    "axes.titlecolor": LIGHT["ink"],
    "xtick.color": LIGHT["grid"],
    "ytick.color": LIGHT["grid"],
    "xtick.labelcolor": LIGHT["muted"],
    "ytick.labelcolor": LIGHT["muted"],
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LIGHT["grid"],
    "grid.linewidth": 1.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "lines.linewidth": 2.0,
    "lines.solid_capstyle": "round",
}
# A unit of an SVG by matplotlib is a point; the page takes it for a pixel.
_POINTS_PER_INCH = 72
# Pixels of a PNG for each CSS pixel: sharp on screens of high density.
_PNG_SCALE = 2
# A drawing is not made smaller than this part of its size: text could not be read.
_SMALLEST = 0.92
_MISSING_GLYPH = "Glyph .* missing from font"
# Letters of a name written in escapes: more would leave no place for the chart.
_LONGEST_ESCAPED = 20
_TAG, _REFERENCE, _ID = re.compile(r"<[^>]+>"), re.compile(r"#([\w.-]+)"), re.compile(r' id="([^"]*)"')
_LONG_DECIMALS = re.compile(r"(\d\.\d\d)\d+")


def new_figure(width: float, height: float, margins: tuple[float, float, float, float] | None = None) -> Figure:
    """An empty figure of so many CSS pixels; its parts find their places by themselves, unless `margins` are given.

    Args:
      margins: around the axes, in pixels: left, right, top, bottom.
    """
    layout = "constrained" if margins is None else None
    figure = Figure(figsize=(width / _POINTS_PER_INCH, height / _POINTS_PER_INCH), layout=layout)
    if margins is not None:
        left, right, top, bottom = margins
        figure.subplots_adjust(left / width, bottom / height, 1 - right / width, 1 - top / height)
    return figure


def series_color(class_index: int) -> str:
    """The colour of class 1..C in charts: of the hue that drawing.class_color has in images."""
    return LIGHT[f"series{class_index % NUM_SERIES}"]


def series_variable(class_index: int) -> str:
    """The same for HTML beside a chart, as CSS."""
    return f"var(--series{class_index % NUM_SERIES})"


def shortened(name: str, most: int) -> str:
    """The name, or its beginning, "…" and its end, in at most so many letters; Chinese ones and the like count twice.

    Cut in the middle: names of one data set often begin alike, and their beginnings alone would look the same.
    """
    widths = [2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in name]
    if sum(widths) <= most:
        return name
    behind = (most - 1) // 2
    first = np.searchsorted(np.cumsum(widths), most - 1 - behind, side="right")
    last = np.searchsorted(np.cumsum(widths[::-1]), behind, side="right")
    return f"{name[:first]}…{name[len(name) - last :]}"


def render_svg(figure: Figure, prefix: str) -> str:
    """The figure as an <svg> element to be put into a page, as wide as its place but near to its own size.

    Text stays text, in the page's fonts, so that every script can be read that the reader's machine has. Colours are
    CSS variables: --ink for LIGHT["ink"].

    Args:
      prefix: starts every id inside, so that ids in a page are unique. Letters, digits and dashes.
    """
    buffer = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": prefix}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", _MISSING_GLYPH)  # of measuring alone: the browser draws it
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    drawn = buffer.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    inside = drawn[drawn.index(">") + 1 :]
    inside = re.sub(r"<style .*?</style>", "", inside, flags=re.DOTALL)  # it would reach the whole page
    used = {name for tag in _TAG.findall(inside) for name in _REFERENCE.findall(tag)}
    inside = _TAG.sub(lambda tag: _tag_for_page(tag[0], prefix, used), inside)
    width, height = (side * _POINTS_PER_INCH for side in figure.get_size_inches())
    limits = f"max-width: {width:g}px; min-width: {_SMALLEST * width:g}px"
    size = f'viewBox="0 0 {width:g} {height:g}" style="{limits}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} aria-hidden="true">{inside}'


def render_png(figure: Figure) -> bytes:
    """The figure as a PNG file on white, two pixels for each of CSS."""
    buffer = io.BytesIO()
    _escape_missing(figure)
    figure.savefig(buffer, format="png", dpi=_PNG_SCALE * _POINTS_PER_INCH, facecolor="white")
    return buffer.getvalue()


def to_image(figure: Figure) -> np.ndarray:
    """The figure on white as uint8 RGB [h, w, 3], two pixels for each of CSS."""
    _escape_missing(figure)
    figure.set_facecolor("white")
    figure.set_dpi(_PNG_SCALE * _POINTS_PER_INCH)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.array(np.asarray(canvas.buffer_rgba())[..., :3])


def _tag_for_page(tag: str, prefix: str, used: set[str]) -> str:
    """An SVG tag with colours as variables, the ids that are used, short numbers, and the page's font."""
    tag = _LONG_DECIMALS.sub(r"\1", " ".join(tag.split()))
    tag = tag.replace("xlink:href", "href").replace("font-family: 'DejaVu Sans'; ", "")
    tag = _ID.sub(lambda match: f' id="{prefix}-{match[1]}"' if match[1] in used else "", tag)
    tag = tag.replace("url(#", f"url(#{prefix}-").replace('href="#', f'href="#{prefix}-')
    for name, color in LIGHT.items():
        tag = tag.replace(color, f"var(--{name})")
    return tag


def _escape_missing(figure: Figure) -> None:
    """Writes characters that the chart's font lacks as their escapes, like \\u732b, instead of empty boxes."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):  # they write their labels anew whenever they are drawn
            if isinstance(formatter := axis.get_major_formatter(), FixedFormatter):
                axis.set_major_formatter(FixedFormatter([_escaped(text) for text in formatter.seq]))
    for text in figure.findobj():
        if isinstance(text, Text):
            text.set_text(_escaped(text.get_text()))


def _escaped(text: str) -> str:
    escaped = "".join(c if ord(c) in _characters() else c.encode("unicode_escape").decode() for c in text)
    return shortened(escaped, max(len(text), _LONGEST_ESCAPED))


@functools.cache
def _characters() -> frozenset[int]:
    return frozenset(FT2Font(font_manager.findfont("DejaVu Sans")).get_charmap())
