# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Fonts for names in any script: DejaVu Sans first, then whatever font of the system has the characters.

OpenCV's own text is ASCII only, so names are drawn by Pillow. matplotlib, a dependency of ours, brings DejaVu Sans and
knows where systems keep their fonts. These are read only when a name needs a character that DejaVu Sans lacks, and
once in a program (0.25 s for 290 files).
"""

import functools
import itertools
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

from PIL import ImageFont

# Words in the names of font files, the most wanted first: bold letters without serifs read best on coloured ground.
_WANTED = ("sans", "noto", "bold")
_UNWANTED = ("italic", "oblique", "mono", "serif", "condensed", "black", "thin")


def runs(text: str, others: Mapping[int, str] | None = None) -> tuple[tuple[str, str], ...]:
    """Parts of a text with the font file that has all their characters, in order.

    A character that no font has becomes its escape, like "\\u732b", as do line breaks and other controls. Invisible
    marks (joiners, byte order marks) that no font has are left out. Letters with accents are composed.

    Args:
      text: any string.
      others: code point -> font file, for characters that DejaVu Sans Bold lacks; None looks through the system's.

    Returns:
      (font file, part of the text) pairs; neighbours differ in their font.
    """
    pairs = []
    for character in unicodedata.normalize("NFC", text):
        path = _path_for(character, others)
        if path:
            pairs.append((path, character))
        elif unicodedata.category(character) != "Cf":
            pairs += [(default_font(), c) for c in character.encode("unicode_escape").decode()]
    grouped = itertools.groupby(pairs, key=lambda pair: pair[0])
    return tuple((path, "".join(character for _, character in group)) for path, group in grouped)


def fonts_by_character(paths: Iterable[str]) -> dict[int, str]:
    """Code point -> the first of these font files that has an outline for it.

    Passed over are bitmap fonts, "Last Resort" fonts, which have a box for every character, and files that are no fonts
    or cannot be read: one bad file among the hundreds of a system should not keep images from being drawn.
    """
    from matplotlib.ft2font import FT2Font  # late: matplotlib costs more than the rest of this file

    found: dict[int, str] = {}
    for path in paths:
        try:
            font = FT2Font(path)
        except (OSError, RuntimeError):
            continue
        if font.scalable and "lastresort" not in Path(path).name.lower():
            found = dict.fromkeys(font.get_charmap(), path) | found
    return found


@functools.cache
def default_font() -> str:
    """The file of DejaVu Sans Bold."""
    return str(_matplotlib_fonts() / "DejaVuSans-Bold.ttf")


@functools.lru_cache(maxsize=64)
def load(path: str, size: int) -> ImageFont.FreeTypeFont:
    """A font in a size in pixels."""
    return ImageFont.truetype(path, size)


def _path_for(character: str, others: Mapping[int, str] | None) -> str | None:
    code = ord(character)
    if not character.isprintable() and unicodedata.category(character) != "Cf":
        return None
    if code in _default_characters():
        return default_font()
    path = (_system_fonts() if others is None else others).get(code)
    return path if path and _has_ink(path, character) else None


@functools.cache
def _has_ink(path: str, character: str) -> bool:
    """Whether a font really draws a character: colour fonts list emoji of which Pillow sees no outline."""
    return character.isspace() or load(path, 32).getmask(character).getbbox() is not None


@functools.cache
def _default_characters() -> frozenset[int]:
    return frozenset(fonts_by_character([default_font()]))


@functools.cache
def _system_fonts() -> Mapping[int, str]:
    from matplotlib import font_manager

    paths = sorted(font_manager.findSystemFonts(), key=_rank)
    return fonts_by_character([str(_matplotlib_fonts() / "DejaVuSans.ttf"), *paths])


def _rank(path: str) -> tuple[int, int, str]:
    """The order in which fonts are asked; by name at last, so that it is always the same."""
    name = Path(path).name.lower()
    return sum(word in name for word in _UNWANTED), -sum(word in name for word in _WANTED), name


def _matplotlib_fonts() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"
