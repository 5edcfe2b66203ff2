# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Pages that need no other file, out of templates, which escape every text, and one style (style.css).

What all pages have is in page.html.jinja; each kind of page has a template of its sections beside its code. Nothing is
loaded from elsewhere: the fonts are the reader's own.
"""

import base64
import functools
import math
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import cv2
import jinja2
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from ssd_tf.plots.rendering import DARK, LIGHT, NARROW, WIDE, render_svg
from ssd_tf.utils.errors import UserError

_FOLDER = pathlib.Path(__file__).parent
_PAGE_LIGHT = {"surface": "#ffffff", "ground": "#f5f6f8", "line": "#dde1e6", "note": "#fff4d6"}
_PAGE_DARK = {"surface": "#181c20", "ground": "#101316", "line": "#2f363d", "note": "#3a3013"}
_QUALITY = 82  # of JPEG
# What tells a page of these from others, near its beginning.
_MARK, _NEAR = b'<meta name="generator" content="ssd_tf">', 256


class Chart(NamedTuple):
    """A chart of a page.

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

    def drawings(self) -> list[tuple[str, Markup]]:
        """For each width the CSS classes that say when it is shown, and the chart as SVG."""
        return [
            (
                f"scroll {kind}" if len(self.widths) > 1 else "scroll",
                Markup(render_svg(self.draw(width), f"{self.name}-{kind}")),
            )
            for kind, width in zip(("wide", "narrow"), self.widths, strict=False)
        ]


class Section(NamedTuple):
    """A part of the page: `key` for links to it, a title, and its inside."""

    key: str
    title: str
    html: Markup


def parts() -> Any:
    """What all pages are made of, as functions: `parts().table(head, rows, label)` returns Markup."""
    return macros(_FOLDER / "page.html.jinja")


@functools.cache
def macros(template: pathlib.Path) -> Any:
    """The macros of a template as functions. It may import those of page.html.jinja."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader((template.parent, _FOLDER)),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["decimals"] = decimals
    return environment.get_template(template.name).module


def page_html(title: str, header: Markup, sections: Sequence[Section]) -> str:
    """The whole page."""
    return str(parts().page(title, style_sheet(), header, sections)).lstrip()


def style_sheet() -> Markup:
    """The CSS of the whole page; the colours of charts are variables that follow the reader's light or dark."""
    light, dark = ("".join(f"--{k}:{v};" for k, v in c.items()) for c in (LIGHT | _PAGE_LIGHT, DARK | _PAGE_DARK))
    rules = (_FOLDER / "style.css").read_text(encoding="utf-8")
    return Markup(f":root{{{light}}}\n@media (prefers-color-scheme: dark){{:root{{{dark}}}}}\n{rules}")


def require_own_page(path: pathlib.Path, flag: str) -> None:
    """Sees that no file of the user's is where a page is going to be written.

    Raises:
      ValueError: one is there that is no page of ssd_tf's; the message begins with the flag that names it.
      OSError: it cannot be read.
    """
    if not path.is_file():
        return
    with path.open("rb") as file:
        if _MARK not in file.read(_NEAR):
            raise UserError(f"{flag}: expected no file there but a page of ssd_tf's own. Received: {path}")


def jpeg_file(image_u8_hw3: np.ndarray) -> bytes:
    """An image, uint8 RGB, as a JPEG file in which labels stay sharp."""
    _, encoded = cv2.imencode(".jpg", image_u8_hw3[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))
    return encoded.tobytes()


def jpeg_url(jpeg: bytes) -> str:
    """The bytes of a JPEG file as an address that holds them."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def decimals(value: float) -> str:
    """Three decimals; a dash for COCO's -1 and for nan, where nothing is defined."""
    return "–" if math.isnan(value) or value == -1 else f"{value:.3f}"
