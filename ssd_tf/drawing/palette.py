# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""A colour for every class, and the colours of what is written on it and drawn around it.

Eight hues in three shades. The hues are Okabe and Ito's (2008), made for colour-blind readers, with light grey in
place of their black. Distances below are CIE 1976 ones (deltaE), the least among normal sight and the three kinds of
colour blindness as Machado et al. (2009) simulate them; 2 can just be seen.
"""

import functools

import numpy as np

Color = tuple[int, int, int]

# The hue as it is, then how much white and black its lighter and its darker shade have. Two hues are at least 16 apart.
# The middle grey that was here was 7 from the purple for deuteranopes. The amounts come from a search for the
# largest least distance of all 24: 9, where the same for all hues reached 6.
_HUES: tuple[tuple[Color, float, float], ...] = (
    ((230, 159, 0), 0.3, 0.65),  # orange
    ((86, 180, 233), 0.65, 0.65),  # sky blue
    ((0, 158, 115), 0.25, 0.2),  # bluish green
    ((240, 228, 66), 0.55, 0.35),  # yellow
    ((0, 114, 178), 0.2, 0.65),  # blue
    ((213, 94, 0), 0.65, 0.2),  # vermilion
    ((204, 121, 167), 0.3, 0.2),  # reddish purple
    ((220, 220, 220), 0.75, 0.65),  # light grey
)
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


@functools.cache
def class_color(class_index: int) -> Color:
    """The colour of a class as RGB in 0..255: always the same, different for the first 24."""
    cycle, index = divmod(class_index, len(_HUES))
    hue, white, black = _HUES[index]
    level, amount = ((0, 0.0), (255, white), (0, black))[cycle % 3]
    red, green, blue = (round(c + (level - c) * amount) for c in hue)
    return red, green, blue


@functools.cache
def contrasting(color: Color) -> Color:
    """Black or white, whichever stands out more from a colour: a contrast ratio of 4.58 at least."""
    return _BLACK if contrast(color, _BLACK) > contrast(color, _WHITE) else _WHITE


def contrast(a: Color, b: Color) -> float:
    """The contrast ratio of two colours, 1..21, as WCAG 2 defines it for sRGB; text should have 4.5."""
    low, high = sorted((_luminance(a), _luminance(b)))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: Color) -> float:
    """Relative luminance, 0..1, as WCAG 2 defines it for sRGB."""
    srgb = np.array(color) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))
