# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The window's icons: outlines on a grid of 24 by 24, drawn in whatever colour the desktop's text has.

Drawn rather than shipped as files, they are sharp at every size and can be seen on light and on dark.
"""

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPalette, QPen, QPixmap, QPolygonF

GRID = 24
# Pixels of the screen to one of the window: ordinary screens, and two kinds of dense ones.
_RATIOS = (1, 2, 3)
_STROKE = 1.7
# Vermilion of the palette in drawing/palette.py: stands out on light and on dark, and means recording everywhere.
RECORD_COLOR = QColor(213, 94, 0)


def make_icon(name: str, palette: QPalette) -> QIcon:
    """One of ICONS in the palette's text colour, with a paler one for what is disabled.

    Raises:
      KeyError: there is no icon of this name.
    """
    icon = QIcon()
    for mode, group in ((QIcon.Mode.Normal, QPalette.ColorGroup.Active), (QIcon.Mode.Disabled, _DISABLED)):
        color = palette.color(group, QPalette.ColorRole.ButtonText)
        for ratio in _RATIOS:
            icon.addPixmap(draw_icon(name, color, GRID, ratio), mode)
    return icon


def draw_icon(name: str, color: QColor, size: int, ratio: float = 1.0) -> QPixmap:
    """An icon as a pixmap of `size` pixels of the window a side, on nothing."""
    draw = ICONS[name]  # before the painter: Qt crashes where a pixmap goes before the painter on it
    pixmap = QPixmap(QSize(size, size) * ratio)
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(size / GRID, size / GRID)
    pen = QPen(color, _STROKE)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    draw(painter)
    painter.end()
    return pixmap


def app_icon() -> QIcon:
    """The program's own: two boxes of two classes on a dark square."""
    icon = QIcon()
    for size in (16, 32, 64, 128, 256):
        pixmap = QPixmap(size, size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(size / GRID, size / GRID)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(32, 36, 44))
        painter.drawRoundedRect(QRectF(1, 1, 22, 22), 5, 5)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for color, box in (((86, 180, 233), QRectF(5, 5, 9, 11)), ((230, 159, 0), QRectF(10, 10, 9, 9))):
            painter.setPen(QPen(QColor(*color), 2))
            painter.drawRect(box)
        painter.end()
        icon.addPixmap(pixmap)
    return icon


def _lines(painter: QPainter, *points: tuple[float, float]) -> None:
    painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in points]))


def _filled(painter: QPainter, path: QPainterPath) -> None:
    painter.setBrush(painter.pen().color())
    painter.drawPath(path)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _polygon(*points: tuple[float, float]) -> QPainterPath:
    path = QPainterPath()
    path.addPolygon(QPolygonF([QPointF(x, y) for x, y in points]))
    path.closeSubpath()
    return path


def _open(painter: QPainter) -> None:
    _lines(painter, (3, 18.5), (3, 5.5), (9, 5.5), (11.2, 8), (19, 8), (19, 11))
    painter.drawPath(_polygon((3, 18.5), (6, 11), (22, 11), (18.8, 18.5)))


def _camera(painter: QPainter) -> None:
    painter.drawRoundedRect(QRectF(2.5, 6.5, 13, 11), 2, 2)
    painter.drawPath(_polygon((15.5, 11), (21.5, 7.5), (21.5, 16.5), (15.5, 13)))


def _play(painter: QPainter) -> None:
    _filled(painter, _polygon((7.5, 5.5), (18.5, 12), (7.5, 18.5)))


def _pause(painter: QPainter) -> None:
    _filled(painter, _polygon((7, 6), (9.2, 6), (9.2, 18), (7, 18)))
    _filled(painter, _polygon((14.8, 6), (17, 6), (17, 18), (14.8, 18)))


def _step(painter: QPainter) -> None:
    _filled(painter, _polygon((6, 6), (15, 12), (6, 18)))
    _lines(painter, (18.5, 6), (18.5, 18))


def _snapshot(painter: QPainter) -> None:
    path = QPainterPath(QPointF(4.5, 7.5))
    for x, y in ((8, 7.5), (9.5, 5), (14.5, 5), (16, 7.5), (19.5, 7.5)):
        path.lineTo(x, y)
    path.quadTo(21.5, 7.5, 21.5, 9.5)
    path.lineTo(21.5, 17)
    path.quadTo(21.5, 19, 19.5, 19)
    path.lineTo(4.5, 19)
    path.quadTo(2.5, 19, 2.5, 17)
    path.lineTo(2.5, 9.5)
    path.quadTo(2.5, 7.5, 4.5, 7.5)
    painter.drawPath(path)
    painter.drawEllipse(QPointF(12, 13), 3.4, 3.4)


def _record(painter: QPainter) -> None:
    painter.drawEllipse(QPointF(12, 12), 8, 8)
    painter.setBrush(painter.pen().color())
    painter.drawEllipse(QPointF(12, 12), 4, 4)


def _stop(painter: QPainter) -> None:
    painter.drawEllipse(QPointF(12, 12), 8, 8)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(RECORD_COLOR)
    painter.drawRoundedRect(QRectF(8.5, 8.5, 7, 7), 1, 1)


def _full_screen(painter: QPainter) -> None:
    for x, y in ((4, 4), (20, 4), (4, 20), (20, 20)):
        inward_x, inward_y = (5 if x < 12 else -5), (5 if y < 12 else -5)
        _lines(painter, (x + inward_x, y), (x, y), (x, y + inward_y))


def _panel(painter: QPainter) -> None:
    painter.drawRoundedRect(QRectF(3, 5, 18, 14), 2, 2)
    _lines(painter, (14.5, 5), (14.5, 19))


def _retry(painter: QPainter) -> None:
    # Angles are sixteenths of a degree, from three o'clock against the clock.
    painter.drawArc(QRectF(4.5, 4.5, 15, 15), 30 * 16, 290 * 16)
    _lines(painter, (19.8, 3.6), (19.2, 8.6), (14.3, 8.4))


def _info(painter: QPainter) -> None:
    painter.drawEllipse(QPointF(12, 12), 9, 9)
    _lines(painter, (12, 11.5), (12, 16.5))
    _lines(painter, (12, 7.6), (12, 7.7))


def _warning(painter: QPainter) -> None:
    painter.drawPath(_polygon((12, 3.5), (21.5, 20), (2.5, 20)))
    _lines(painter, (12, 9.5), (12, 14))
    _lines(painter, (12, 16.9), (12, 17))


_DISABLED = QPalette.ColorGroup.Disabled
ICONS: dict[str, Callable[[QPainter], None]] = {
    "open": _open,
    "camera": _camera,
    "play": _play,
    "pause": _pause,
    "step": _step,
    "snapshot": _snapshot,
    "record": _record,
    "stop": _stop,
    "full_screen": _full_screen,
    "panel": _panel,
    "retry": _retry,
    "info": _info,
    "warning": _warning,
}
