# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The panel tells the score and the hidden classes that were chosen, by mouse and by keyboard."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QPalette

from ssd_tf.evaluation.palette import class_color
from ssd_tf.window.controls import ControlPanel
from ssd_tf.window.theme import MIN_GRAPHIC_CONTRAST, contrast, outlined

PRESS = Qt.MouseButton.LeftButton
NAMES = ["person", "Car", "猫", "racing car"]


@pytest.fixture
def panel(qapp, qtbot) -> ControlPanel:
    panel = ControlPanel(0.3)
    qtbot.addWidget(panel)
    panel.resize(260, 500)
    panel.set_names(NAMES)
    panel.show()
    return panel


@pytest.fixture
def told(panel) -> list:
    """What the panel has told, in order."""
    told: list = []
    panel.threshold_changed.connect(told.append)
    panel.hidden_changed.connect(told.append)
    return told


def row_center(panel: ControlPanel, row: int) -> QPoint:
    return panel.classes.visualItemRect(panel.classes.item(row)).center()


def listed(panel: ControlPanel) -> list[str]:
    items = [panel.classes.item(row) for row in range(panel.classes.count())]
    return [item.text() for item in items if not item.isHidden()]


def test_slider_and_number_go_together(panel, told):
    panel.slider.setValue(45)
    panel.value.setValue(0.07)
    assert told == [0.45, 0.07]
    assert panel.slider.value() == 7 and panel.value.value() == 0.07


@pytest.mark.parametrize("step", range(101))
def test_every_step_of_the_slider_is_shown_as_it_is(panel, told, step):
    panel.slider.setValue(step)
    assert panel.slider.value() == step and panel.value.text().replace(",", ".") == f"{step / 100:.2f}"
    assert told in ([], [step / 100])  # nothing where it stood there already


def test_number_can_be_typed(panel, told, qtbot):
    panel.value.selectAll()
    qtbot.keyClicks(panel.value, panel.value.locale().toString(0.85, "f", 2))
    qtbot.keyClick(panel.value, Qt.Key.Key_Return)
    assert told == [0.85]


def test_class_is_hidden_by_a_click_anywhere_on_its_row_and_shown_by_another(panel, told, qtbot):
    for _ in range(2):
        qtbot.mouseClick(panel.classes.viewport(), PRESS, pos=row_center(panel, 1))
    assert told == [frozenset({2}), frozenset()]


def test_class_is_hidden_by_the_keyboard(panel, told, qtbot):
    panel.classes.setFocus()
    panel.classes.setCurrentRow(0)
    qtbot.keyClick(panel.classes, Qt.Key.Key_Down)
    qtbot.keyClick(panel.classes, Qt.Key.Key_Space)
    assert told == [frozenset({2})]


def test_filter_looks_for_parts_of_names_and_leaves_the_ticks(panel, told):
    panel.filter.setText(" CAR")
    assert listed(panel) == ["Car", "racing car"]
    panel.filter.setText("猫")
    assert listed(panel) == ["猫"]
    panel.filter.setText("zebra")
    assert listed(panel) == []
    panel.filter.clear()
    assert listed(panel) == NAMES and told == []


def test_all_and_none_are_of_the_classes_that_are_listed(panel, told, qtbot):
    qtbot.mouseClick(panel.none, PRESS)
    panel.filter.setText("car")
    qtbot.mouseClick(panel.all, PRESS)
    panel.filter.clear()
    qtbot.mouseClick(panel.all, PRESS)
    assert told == [frozenset({1, 2, 3, 4}), frozenset({1, 3}), frozenset()]


def test_another_model_has_all_its_classes_ticked(panel, told):
    panel.classes.tick_listed(False)
    panel.filter.setText("o")
    panel.set_names(["one", "two", "three"])
    assert told[-1] == frozenset() and listed(panel) == ["one", "two"]


def test_counts_are_drawn_and_tell_nothing(panel, told):
    none = panel.classes.grab().toImage()
    panel.set_counts({2: 12})
    assert panel.classes.grab().toImage() != none
    panel.set_counts({})
    assert panel.classes.grab().toImage() == none and told == []


def test_box_has_the_colour_that_the_class_has_in_pictures(panel):
    for row in range(len(NAMES)):
        area = panel.classes.visualItemRect(panel.classes.item(row))
        image = panel.classes.viewport().grab(area).toImage()
        colors = {image.pixelColor(x, y).rgb() for x in range(30) for y in range(area.height())}
        assert QColor(*class_color(row + 1)).rgb() in colors
        panel.classes.item(row).setCheckState(Qt.CheckState.Unchecked)
    area = panel.classes.visualItemRect(panel.classes.item(0))
    image = panel.classes.viewport().grab(area).toImage()
    middle = image.pixelColor(14, area.height() // 2)
    assert middle == panel.palette().color(QPalette.ColorRole.Base)


@pytest.mark.parametrize(("ground", "text"), [("white", "black"), ("#242424", "#f0f0f0")])
def test_box_of_every_class_can_be_seen_on_light_and_dark(ground, text):
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.Base, QColor(ground))
    palette.setColor(QPalette.ColorRole.Text, QColor(text))
    for class_index in range(1, 100):
        edge = outlined(QColor(*class_color(class_index)), palette)
        assert contrast(edge, QColor(ground)) >= MIN_GRAPHIC_CONTRAST
