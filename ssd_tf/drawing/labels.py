# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Labels: one line of text on a filled box in the colour of its class, as small images.

Videos show the same names frame after frame, each time with another score, so sizes are kept, and what a name and a
score look like: letters cost more than all other parts of a drawn image.
"""

import functools
import math
import re

import numpy as np
from PIL import Image, ImageDraw

from ssd_tf.drawing import fonts
from ssd_tf.drawing.palette import Color, contrasting

_SCORE = re.compile(r" [0-9]\.[0-9]{2}\Z")


@functools.lru_cache(maxsize=4096)
def fit_text(name: str, score: str, font_size: int, max_width: int) -> str:
    """The name and the score, the name shortened with "…" where the label would be wider than max_width pixels."""
    keep = len(name)
    text = name + score
    while keep > 1 and label_size(text, font_size)[1] > max_width:
        keep -= 1
        text = f"{name[:keep]}…{score}"
    return text


@functools.lru_cache(maxsize=4096)
def label_size(text: str, font_size: int) -> tuple[int, int]:
    """Height and width in pixels of the label that render_label makes."""
    ascent, descent = _metrics(text, font_size)
    return ascent + descent + 2, sum(_width(part, font_size) for part in _parts(text)) + 2 * _margin(font_size)


# 256 labels of a 4000 x 3000 image are some 40 MB, of a 640 x 480 one 1 MB; the letters below a third of that.
@functools.lru_cache(maxsize=256)
def render_label(text: str, color: Color, font_size: int) -> np.ndarray:
    """A label as uint8 RGB [h, w, 3], read-only: black or white text, whichever stands out more, on the colour."""
    height, width = label_size(text, font_size)
    label = Image.new("RGB", (width, height), color)
    draw = ImageDraw.Draw(label)
    # A darker edge parts labels of one class that touch.
    edge = (round(0.6 * color[0]), round(0.6 * color[1]), round(0.6 * color[2]))
    draw.rectangle((0, 0, width - 1, height - 1), outline=edge, width=max(1, font_size // 20))
    x, baseline = _margin(font_size), 1 + _metrics(text, font_size)[0]
    for part in _parts(text):
        for letters, left, top in _letters(part, font_size):
            label.paste(contrasting(color), (x + left, baseline + top), letters)
        x += _width(part, font_size)
    pixels = np.array(label)
    pixels.flags.writeable = False  # it is kept, so nobody may paint on it
    return pixels


def _parts(text: str) -> list[str]:
    """The name and the score, where there is one: it stands on the right, whichever way the name is written."""
    score = _SCORE.search(text)
    return [text[: score.start()], score.group()] if score else [text]


def _width(part: str, font_size: int) -> int:
    return math.ceil(sum(fonts.load(path, font_size).getlength(piece) for path, piece in fonts.runs(part)))


@functools.lru_cache(maxsize=256)
def _letters(part: str, font_size: int) -> tuple[tuple[Image.Image, int, int], ...]:
    """The letters of a part, those of each font as a mask, with its left and upper pixel seen from where the part's
    baseline begins."""
    masks, x = [], 0.0
    for path, piece in fonts.runs(part):
        font = fonts.load(path, font_size)
        left, top, right, bottom = font.getbbox(piece, anchor="ls")
        first, upper = math.floor(x + left), math.floor(top)
        mask = Image.new("L", (math.ceil(x + right) - first, math.ceil(bottom) - upper))
        ImageDraw.Draw(mask).text((x - first, -upper), piece, 255, font, anchor="ls")
        masks.append((mask, first, upper))
        x += font.getlength(piece)
    return tuple(masks)


def _margin(font_size: int) -> int:
    return max(2, font_size // 5)


def _metrics(text: str, font_size: int) -> tuple[int, int]:
    """Rows above and below the baseline: those of the default font, and more where letters of other scripts need it."""
    ascent, descent = fonts.load(fonts.default_font(), font_size).getmetrics()
    for path, part in fonts.runs(text):
        if path != fonts.default_font():
            _, top, _, bottom = fonts.load(path, font_size).getbbox(part, anchor="ls")
            ascent, descent = max(ascent, math.ceil(-top)), max(descent, math.ceil(bottom))
    return ascent, descent
