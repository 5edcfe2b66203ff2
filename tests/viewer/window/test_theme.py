# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Everything can be read on the desktop's light and on its dark."""

import pytest
from PySide6.QtGui import QColor, QImage, QPalette

from ssd_tf.viewer.window.icons import GRID, ICONS, RECORD_COLOR, app_icon, draw_icon, make_icon
from ssd_tf.viewer.window.theme import MIN_GRAPHIC_CONTRAST, MIN_TEXT_CONTRAST, contrast, mixed, muted_text

ROLES = QPalette.ColorRole


def palette(ground: str, text: str) -> QPalette:
    return QPalette(
        QColor(text), QColor(ground), QColor(ground), QColor(ground), QColor(ground), QColor(text), QColor(ground)
    )


# Fusion's own, and Adwaita's dark.
LIGHT, DARK = palette("#efefef", "#000000"), palette("#323232", "#ffffff")


def test_contrast_of_known_colours():
    # WCAG 2: black on white is 21 to 1; #767676 is the lightest grey that has 4.5 on white.
    assert contrast(QColor("black"), QColor("white")) == pytest.approx(21.0, abs=1e-3)
    assert contrast(QColor("white"), QColor("#767676")) == pytest.approx(4.54, abs=5e-3)
    assert contrast(QColor("red"), QColor("red")) == 1.0


def test_mixed_colours_lie_between():
    assert mixed(QColor("black"), QColor("white"), 0.0) == QColor("black")
    assert mixed(QColor("black"), QColor("white"), 1.0) == QColor("white")
    assert mixed(QColor("black"), QColor("#ff8000"), 0.5).name() == "#804000"


@pytest.mark.parametrize("colors", [LIGHT, DARK])
def test_pale_text_can_be_read(colors):
    colors = QPalette(colors)
    colors.setColor(QPalette.ColorGroup.Inactive, ROLES.WindowText, QColor("#8b8e8f"))  # Adwaita's
    colors.setCurrentColorGroup(QPalette.ColorGroup.Inactive)
    assert contrast(muted_text(colors), colors.color(ROLES.Window)) >= MIN_TEXT_CONTRAST


@pytest.mark.parametrize("colors", [LIGHT, DARK])
@pytest.mark.parametrize("name", sorted(ICONS))
def test_icon_can_be_seen(qapp, colors, name):
    image = make_icon(name, colors).pixmap(GRID, GRID).toImage().convertToFormat(QImage.Format.Format_ARGB32)
    pixels = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    drawn = [pixel for pixel in pixels if pixel.alpha() >= 128]  # lines of 1.7 pixels end in half a pixel
    ground = colors.color(ROLES.Window)
    assert len(drawn) >= 10
    assert all(contrast(pixel, ground) >= MIN_GRAPHIC_CONTRAST for pixel in drawn if pixel.rgb() != RECORD_COLOR.rgb())


def test_icon_of_a_fine_screen_has_more_pixels_and_the_same_size(qapp):
    pixmap = draw_icon("open", QColor("black"), GRID, 2.0)
    assert pixmap.width() == 2 * GRID and pixmap.deviceIndependentSize().width() == GRID


def test_unknown_icon_is_refused(qapp):
    with pytest.raises(KeyError, match="unicorn"):
        make_icon("unicorn", LIGHT)


def test_program_has_an_icon_of_every_size(qapp):
    assert {size.width() for size in app_icon().availableSizes()} == {16, 32, 64, 128, 256}


def test_icons_follow_the_desktop_while_the_window_is_open(make_window, qapp, qtbot):
    window, before = make_window(), qapp.palette()

    def darkness() -> float:
        image = window.commands.open.icon().pixmap(GRID, GRID).toImage()
        pixels = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
        return max(contrast(pixel, QColor("white")) for pixel in pixels if pixel.alpha() == 255)

    try:
        qapp.setPalette(LIGHT)
        qtbot.waitUntil(lambda: darkness() > 15, timeout=60_000)
        qapp.setPalette(DARK)
        qtbot.waitUntil(lambda: darkness() < 1.5, timeout=60_000)
        assert window.panel.palette().color(ROLES.WindowText) == QColor("#ffffff")
    finally:
        qapp.setPalette(before)
