# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Images are shown pixel for pixel, in the middle, and never larger than there is room for."""

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from ssd_tf.viewer.window.image_view import ImageView

BLUE = (10, 20, 200)


@pytest.fixture
def view(qapp, qtbot) -> ImageView:
    view = ImageView()
    qtbot.addWidget(view)
    view.resize(300, 200)
    view.show()
    return view


def color(image: QImage, x: int, y: int) -> tuple[int, int, int]:
    pixel = image.pixelColor(x, y)
    return pixel.red(), pixel.green(), pixel.blue()


def test_image_lies_in_the_middle_pixel_for_pixel(view):
    image = np.random.default_rng(0).integers(0, 256, (100, 201, 3), np.uint8)  # odd: lines are not of whole words
    view.show_image(image)
    screen = view.grab().toImage()
    for y, x in ((0, 0), (99, 200), (57, 33)):
        assert color(screen, 49 + x, 50 + y) == tuple(image[y, x])
    ground = view.palette().window().color()
    assert color(screen, 48, 100) == color(screen, 251, 100) == (ground.red(), ground.green(), ground.blue())


def test_image_does_not_change_with_the_array_it_came_from(view):
    image = np.full((100, 100, 3), BLUE, np.uint8)
    view.show_image(image)
    image[:] = 0
    del image
    assert color(view.grab().toImage(), 150, 100) == BLUE


def test_part_of_an_array_and_a_mirrored_one_are_shown(view):
    whole = np.zeros((100, 200, 3), np.uint8)
    whole[:, 100:] = BLUE
    view.show_image(whole[:, 100:])
    assert color(view.image(), 99, 50) == BLUE
    view.show_image(whole[:, ::-1])
    assert color(view.image(), 0, 50) == BLUE and color(view.image(), 199, 50) == (0, 0, 0)


def test_image_that_is_too_large_is_made_to_fit_with_its_aspect_kept(view):
    view.show_image(np.full((600, 600, 3), BLUE, np.uint8))
    screen = view.grab().toImage()
    assert color(screen, 51, 1) == color(screen, 248, 198) == BLUE
    assert color(screen, 48, 100) != BLUE and color(screen, 251, 100) != BLUE


def test_text_takes_the_place_of_the_image(view):
    view.show_image(np.full((200, 300, 3), BLUE, np.uint8))
    view.clear("Nothing here")
    assert not view.has_image and view.image().isNull()
    assert view.accessibleDescription() == "Nothing here"
    screen = view.grab().toImage()
    text = [color(screen, x, 100) for x in range(300)]
    assert BLUE not in text and len(set(text)) > 1


@pytest.mark.parametrize("say", ["show_message", "show_recorded"])
def test_what_is_said_lies_over_the_image_and_goes_again(view, say):
    view.show_image(np.full((200, 300, 3), BLUE, np.uint8))
    bare = view.grab().toImage()
    getattr(view, say)("0:07")
    assert view.grab().toImage() != bare
    getattr(view, say)("")
    assert view.grab().toImage() == bare


def test_message_goes_by_itself(view, qtbot):
    view._message_timer.setInterval(1)
    view.show_message("Saved")
    assert view.message == "Saved"
    qtbot.waitUntil(lambda: view.message == "", timeout=60_000)


def test_long_message_stays_inside(view):
    view.show_message("/a/very/long/path" * 30)
    screen = view.grab().toImage()
    ground = view.palette().window().color()
    assert all(screen.pixelColor(x, y) == ground for x in (0, 299) for y in range(200))


def test_fine_screen_gets_pixels_of_its_own(view, monkeypatch):
    monkeypatch.setattr(ImageView, "devicePixelRatioF", lambda self: 2.0)
    assert view.pixel_size == (600, 400)
    view.show_image(np.full((400, 300, 3), BLUE, np.uint8))
    screen = view.grab().toImage()  # of this screen: a pixel is two by two there
    assert color(screen, 76, 1) == color(screen, 223, 198) == BLUE
    assert color(screen, 73, 100) != BLUE


def test_double_click_is_told(view, qtbot):
    with qtbot.waitSignal(view.double_clicked):
        qtbot.mouseDClick(view, Qt.MouseButton.LeftButton)


def test_resizing_is_told(view, qtbot):
    with qtbot.waitSignal(view.resized):
        view.resize(320, 240)
    assert view.pixel_size == (320, 240)
