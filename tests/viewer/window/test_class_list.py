# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The list of classes: ticked by mouse and keyboard, in the colours of the image, readable on light and dark."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QPalette

from ssd_tf.drawing.palette import class_color
from ssd_tf.viewer.window.class_list import ClassList
from ssd_tf.viewer.window.theme import MIN_GRAPHIC_CONTRAST, contrast, outlined

PRESS = Qt.MouseButton.LeftButton
NAMES = ["person", "Car", "猫", "racing car"]


@pytest.fixture
def classes(qapp, qtbot) -> ClassList:
    classes = ClassList()
    qtbot.addWidget(classes)
    classes.resize(260, 300)
    classes.set_names(NAMES)
    classes.show()
    return classes


@pytest.fixture
def told(classes) -> list:
    """What the list has told, in order."""
    told: list = []
    classes.hidden_changed.connect(told.append)
    return told


def row_center(classes: ClassList, row: int) -> QPoint:
    return classes.visualItemRect(classes.item(row)).center()


def test_class_is_hidden_by_a_click_anywhere_on_its_row_and_shown_by_another(classes, told, qtbot):
    for _ in range(2):
        qtbot.mouseClick(classes.viewport(), PRESS, pos=row_center(classes, 1))
    assert told == [frozenset({2}), frozenset()]


def test_class_is_hidden_by_the_keyboard(classes, told, qtbot):
    classes.setFocus()
    classes.setCurrentRow(0)
    qtbot.keyClick(classes, Qt.Key.Key_Down)
    qtbot.keyClick(classes, Qt.Key.Key_Space)
    assert told == [frozenset({2})]


def test_counts_are_drawn_and_tell_nothing(classes, told):
    none = classes.grab().toImage()
    classes.set_counts({2: 12})
    assert classes.grab().toImage() != none
    classes.set_counts({})
    assert classes.grab().toImage() == none and told == []


def test_box_has_the_colour_that_the_class_has_in_images(classes):
    for row in range(len(NAMES)):
        area = classes.visualItemRect(classes.item(row))
        image = classes.viewport().grab(area).toImage()
        colors = {image.pixelColor(x, y).rgb() for x in range(30) for y in range(area.height())}
        assert QColor(*class_color(row + 1)).rgb() in colors
        classes.item(row).setCheckState(Qt.CheckState.Unchecked)
    area = classes.visualItemRect(classes.item(0))
    image = classes.viewport().grab(area).toImage()
    middle = image.pixelColor(14, area.height() // 2)
    assert middle == classes.palette().color(QPalette.ColorRole.Base)


@pytest.mark.parametrize(("ground", "text"), [("white", "black"), ("#242424", "#f0f0f0")])
def test_box_of_every_class_can_be_seen_on_light_and_dark(ground, text):
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.Base, QColor(ground))
    palette.setColor(QPalette.ColorRole.Text, QColor(text))
    for class_index in range(1, 100):
        edge = outlined(QColor(*class_color(class_index)), palette)
        assert contrast(edge, QColor(ground)) >= MIN_GRAPHIC_CONTRAST


def test_ticks_of_classes_that_the_filter_hides_stay(classes, told):
    classes.set_filter("car")
    classes.tick_listed(False)
    assert told == [frozenset({2, 4})] and classes.ticked == [1, 3]


def test_nothing_is_told_twice(classes, told):
    classes.tick_listed(False)
    classes.tick_listed(False)
    assert told == [frozenset({1, 2, 3, 4})]
