# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The panel tells the score and the hidden classes that were chosen, by mouse and by keyboard."""

import pytest
from PySide6.QtCore import Qt

from ssd_tf.viewer.window.controls import ControlPanel

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
