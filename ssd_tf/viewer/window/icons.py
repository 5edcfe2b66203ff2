# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The window's icons: the SVG files beside this one, on a grid of 24 by 24, in the colour of the desktop's text."""

import pathlib

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer

GRID = 24
# Pixels of the screen to one of the window: ordinary screens, and two kinds of dense ones.
_RATIOS = (1, 2, 3)
# Vermilion of the palette in drawing/palette.py: stands out on light and on dark, and means recording in every program.
RECORD_COLOR = QColor(213, 94, 0)
_FOLDER = pathlib.Path(__file__).parent / "icons_svg"
_APP = "app"
ICONS = frozenset(path.stem for path in _FOLDER.glob("*.svg")) - {_APP}


def make_icon(name: str, palette: QPalette) -> QIcon:
    """One of ICONS in the palette's text colour, with a paler one for what is disabled.

    Raises:
      KeyError: there is no icon of this name.
    """
    icon = QIcon()
    for mode, group in (
        (QIcon.Mode.Normal, QPalette.ColorGroup.Active),
        (QIcon.Mode.Disabled, QPalette.ColorGroup.Disabled),
    ):
        color = palette.color(group, QPalette.ColorRole.ButtonText)
        for ratio in _RATIOS:
            icon.addPixmap(draw_icon(name, color, GRID, ratio), mode)
    return icon


def draw_icon(name: str, color: QColor, size: int, ratio: float = 1.0) -> QPixmap:
    """One of ICONS as a pixmap of `size` pixels of the window a side, on nothing. Raises KeyError as `make_icon`."""
    if name not in ICONS:
        raise KeyError(name)
    return _rendered(name, color, size, ratio)


def app_icon() -> QIcon:
    """The program's own: two boxes of two classes on a dark square."""
    icon = QIcon()
    for size in (16, 32, 64, 128, 256):
        icon.addPixmap(_rendered(_APP, QColor(), size, 1.0))
    return icon


def _rendered(name: str, color: QColor, size: int, ratio: float) -> QPixmap:
    text = (_FOLDER / f"{name}.svg").read_text(encoding="utf-8").replace("currentColor", color.name())
    renderer = QSvgRenderer(text.encode())
    pixmap = QPixmap(QSize(size, size) * ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.render(painter)
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap
