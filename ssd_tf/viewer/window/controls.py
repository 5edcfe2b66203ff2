# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The panel beside the image: which score and which classes are shown."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from ssd_tf.viewer.window.class_list import ClassList
from ssd_tf.viewer.window.keys import ARROWS, SPACE, keep_keys, pass_on_letters

_STEPS = 100  # of the slider: two decimals


class ControlPanel(QWidget):
    """Score slider and class list.

    Signals:
      threshold_changed(float): 0..1, in hundredths.
      hidden_changed(frozenset[int]): classes (1..C) that are not to be drawn.
    """

    threshold_changed = Signal(float)
    hidden_changed = Signal(object)

    def __init__(self, threshold: float, parent: QWidget | None = None):
        super().__init__(parent)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _STEPS)
        self.slider.setAccessibleName("Lowest score")
        self.slider.setToolTip("Show objects that the model is at least so sure of")
        self.value = QDoubleSpinBox(minimum=0.0, maximum=1.0, singleStep=0.01, decimals=2)
        self.value.setKeyboardTracking(False)  # else the first digit of 0.45 would be set, and shown as 0.00
        self.value.setAccessibleName("Lowest score")
        self.classes = ClassList()
        self.filter = QLineEdit(placeholderText="Filter", clearButtonEnabled=True)
        self.filter.setAccessibleName("Filter the classes by name")
        self.all, self.none = QPushButton("All"), QPushButton("None")
        self.all.setToolTip("Show all classes that are listed")
        self.none.setToolTip("Hide all classes that are listed")
        self._lay_out()
        self.slider.setValue(round(threshold * _STEPS))
        self.value.setValue(threshold)
        self.slider.valueChanged.connect(lambda step: self.value.setValue(step / _STEPS))
        self.value.valueChanged.connect(self._set_threshold)
        self.classes.hidden_changed.connect(self.hidden_changed)
        # So that the window's point, which steps, is no longer typed into the number.
        self.value.lineEdit().returnPressed.connect(self.value.clearFocus)
        self.filter.textChanged.connect(self.classes.set_filter)
        self.all.clicked.connect(lambda: self.classes.tick_listed(True))
        self.none.clicked.connect(lambda: self.classes.tick_listed(False))
        keep_keys(ARROWS, self.slider)
        keep_keys(SPACE, self.classes, self.all, self.none)
        pass_on_letters(self.value)

    def set_names(self, names: Sequence[str]) -> None:
        """The model's classes, in order."""
        self.classes.set_names(names)
        self.classes.set_filter(self.filter.text())

    def set_counts(self, counts: Mapping[int, int]) -> None:
        """How many objects of each class are in the image."""
        self.classes.set_counts(counts)

    def _lay_out(self) -> None:
        score, classes = _heading("Score", self.slider), _heading("Classes", self.filter)
        row = QHBoxLayout()
        row.addWidget(self.slider, 1)
        row.addWidget(self.value)
        choice = QGridLayout()
        choice.addWidget(self.filter, 0, 0, 1, 2)
        choice.addWidget(self.all, 1, 0)
        choice.addWidget(self.none, 1, 1)
        layout = QVBoxLayout(self)
        layout.setSpacing(6)
        layout.addWidget(score)
        layout.addLayout(row)
        layout.addSpacing(8)
        layout.addWidget(classes)
        layout.addLayout(choice)
        layout.addWidget(self.classes, 1)

    def _set_threshold(self, threshold: float) -> None:
        self.slider.setValue(round(threshold * _STEPS))
        self.threshold_changed.emit(threshold)


def _heading(text: str, buddy: QWidget) -> QLabel:
    label = QLabel(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    label.setBuddy(buddy)
    return label
