# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The look: Qt's Fusion style in the colours of the desktop, whether light or dark, and how well they can be read.

Nothing here or in the other files of the window sets a colour of its own for text or ground: both come from the
palette, which Qt changes while the program runs when the desktop goes from light to dark.
"""

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from ssd_tf.viewer.window.icons import app_icon

# WCAG 2 level AA: text; and graphics that carry information, such as icons.
MIN_TEXT_CONTRAST, MIN_GRAPHIC_CONTRAST = 4.5, 3.0


def apply_theme(app: QApplication) -> None:
    """Fusion, which follows the desktop's light or dark on every system, and the program's name and icon."""
    app.setStyle("Fusion")
    app.setApplicationName("ssd_tf")
    app.setApplicationDisplayName("ssd_tf")
    app.setWindowIcon(app_icon())


def contrast(first: QColor, second: QColor) -> float:
    """How far two opaque colours are apart, from 1 to 21, as WCAG 2 defines it."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def mixed(first: QColor, second: QColor, fraction: float) -> QColor:
    """The opaque colour between two: `first` where fraction is 0, `second` where it is 1."""
    values = zip(_channels(first), _channels(second), strict=True)
    return QColor.fromRgbF(*((1 - fraction) * a + fraction * b for a, b in values))


def muted_text(palette: QPalette) -> QColor:
    """For text that matters less, such as units and hints: paler than the text, with contrast enough to be read."""
    # Of the active window: some desktops make the text of the others so pale already that it cannot bear more.
    active, roles = QPalette.ColorGroup.Active, QPalette.ColorRole
    text, ground = palette.color(active, roles.WindowText), palette.color(active, roles.Window)
    # Three tenths towards the ground keeps any text that has a contrast of 11 above 4.5.
    return mixed(text, ground, 0.3)


def outlined(color: QColor, palette: QPalette) -> QColor:
    """A colour for the edge of a mark in `color`: itself, or where it is too near the ground, nearer to the text."""
    ground = palette.color(QPalette.ColorRole.Base)
    if contrast(color, ground) >= MIN_GRAPHIC_CONTRAST:
        return color
    return mixed(color, palette.color(QPalette.ColorRole.Text), 0.5)


def _channels(color: QColor) -> tuple[float, float, float]:
    return color.redF(), color.greenF(), color.blueF()


def _luminance(color: QColor) -> float:
    channels = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(color)]
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]
