# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The parts that a page is put together of: charts, tables, pictures, sections. Every text is escaped here."""

import base64
from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

from matplotlib.figure import Figure

from ssd_tf.plots.rendering import NARROW, WIDE, render_svg
from ssd_tf.report.style import style_sheet


class Html(str):
    """Text that is HTML already, and not escaped again."""

    __slots__ = ()


class Chart(NamedTuple):
    """A chart of the report.

    Attributes:
      name: of its PNG, and the beginning of the ids in its SVG.
      alt: what it shows, for those who cannot see it.
      caption: how to read it; may be empty.
      draw: the figure at a width in CSS pixels.
      widths: the widths that the page needs: for wide windows, then for narrow ones where these need another.
    """

    name: str
    alt: str
    caption: str
    draw: Callable[[float], Figure]
    widths: tuple[float, ...] = (WIDE, NARROW)


class Section(NamedTuple):
    """A part of the page: `key` for links to it, a title, and its inside as HTML."""

    key: str
    title: str
    html: str


def page_html(title: str, header: str, sections: Sequence[Section]) -> str:
    """The whole page. `title` is text; `header` and the sections' insides are HTML."""
    links = "".join(f'<a href="#{section.key}">{escape(section.title)}</a>' for section in sections)
    parts = "\n".join(
        f'<section id="{section.key}">\n<h2>{escape(section.title)}</h2>\n{section.html}\n</section>'
        for section in sections
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>{style_sheet()}</style>
</head>
<body>
<main>
<header>
{header}
<nav aria-label="Parts of the report">{links}</nav>
</header>
{parts}
</main>
</body>
</html>
"""


def chart_html(chart: Chart) -> str:
    """A <figure> with the chart as SVG, drawn for wide and for narrow windows; a chart wider than its place scrolls."""
    drawings = []
    for kind, width in zip(("wide", "narrow"), chart.widths, strict=False):
        svg = render_svg(chart.draw(width), f"{chart.name}-{kind}")
        shown = f"scroll {kind}" if len(chart.widths) > 1 else "scroll"
        drawings.append(f'<div class="{shown}">{svg}</div>')
    caption = f"<figcaption>{escape(chart.caption)}</figcaption>" if chart.caption else ""
    image = f'<div class="chart" role="img" aria-label="{escape(chart.alt)}">{"".join(drawings)}</div>'
    return f"<figure>{image}{caption}</figure>"


def table_html(head: Sequence[str], rows: Sequence[Sequence[str]], label: str) -> str:
    """A <table> in a box that scrolls by itself. Cells are text, or Html; `label` says what it lists."""
    heads = "".join(f'<th scope="col">{escape(text)}</th>' for text in head)
    lines = "\n".join("<tr>" + "".join(f"<td>{as_html(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="scroll tall" tabindex="0" role="region" aria-label="{escape(label)}"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>\n{lines}\n</tbody></table></div>"
    )


def list_html(settings: Sequence[tuple[str, str]]) -> str:
    """Names with their values."""
    rows = "\n".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in settings)
    return f'<dl class="settings">\n{rows}\n</dl>'


def tile_html(value: str, name: str, meaning: str) -> str:
    """A number that is seen first."""
    return f'<div class="tile"><b>{escape(value)}</b><span>{escape(name)}</span><small>{escape(meaning)}</small></div>'


def pair_html(key: str, title: str, halves: Sequence[tuple[str, bytes]]) -> str:
    """Two JPEG files side by side, each with its alt text; a click on them fills the window."""
    images = "".join(
        f'<img src="data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}" alt="{escape(alt)}">'
        for alt, jpeg in halves
    )
    return (
        f'<figure class="picture" id="{key}"><a href="#{key}"><div class="pair">{images}</div></a>'
        f'<figcaption>{escape(title)} <a class="close" href="#pictures">Close</a></figcaption></figure>'
    )


def as_html(text: str) -> Html:
    """The text escaped, unless it is Html already."""
    return text if isinstance(text, Html) else Html(escape(text))
