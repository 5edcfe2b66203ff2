# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""The classes of the model, each with a box to tick in the colour that its boxes have in the image."""

from collections.abc import Iterable, Mapping

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPalette, QPen, QPolygonF
from PySide6.QtWidgets import (
    QApplication,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from ssd_tf.drawing.palette import class_color
from ssd_tf.viewer.window.theme import contrast, outlined

_CLASS, _COUNT = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1
_BOX, _GAP = 14, 7
_Index = QModelIndex | QPersistentModelIndex


class ClassList(QListWidget):
    """A row for every class: its box, its name, and how many are in the image.

    Signals:
      hidden_changed(frozenset[int]): the classes (1..C) whose box is not ticked.
    """

    hidden_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.setItemDelegate(_ClassDelegate(self))
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setAccessibleName("Classes")
        self.itemChanged.connect(self._tell)
        self._hidden: frozenset[int] = frozenset()

    def set_names(self, names: Iterable[str]) -> None:
        """Fills the list: the first name is of class 1. All are ticked."""
        self.blockSignals(True)
        self.clear()
        for class_index, name in enumerate(names, start=1):
            item = QListWidgetItem(name)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked)
            item.setData(_CLASS, class_index)
            item.setToolTip(name)
            self.addItem(item)
        self.blockSignals(False)
        self._tell()

    def set_counts(self, counts: Mapping[int, int]) -> None:
        """Shows how many objects of each class there are; none is shown as nothing."""
        self.blockSignals(True)
        for item in self._items():
            count = counts.get(item.data(_CLASS), 0)
            if count != item.data(_COUNT):
                item.setData(_COUNT, count)
        self.blockSignals(False)
        self.viewport().update()

    def set_filter(self, text: str) -> None:
        """Lists only the classes whose name contains a text, in capitals or not."""
        for item in self._items():
            item.setHidden(text.strip().casefold() not in item.text().casefold())

    def tick_listed(self, ticked: bool) -> None:
        """Ticks all classes that the filter leaves in the list, or none of them."""
        self.blockSignals(True)
        for item in self._items():
            if not item.isHidden():
                item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
        self.blockSignals(False)
        self._tell()
        self.viewport().update()

    @property
    def ticked(self) -> list[int]:
        """The classes whose box is ticked."""
        return [i.data(_CLASS) for i in self._items() if i.checkState() == Qt.CheckState.Checked]

    def _items(self) -> list[QListWidgetItem]:
        return [self.item(row) for row in range(self.count())]

    def _tell(self) -> None:
        hidden = frozenset(i.data(_CLASS) for i in self._items() if i.checkState() == Qt.CheckState.Unchecked)
        if hidden != self._hidden:
            self._hidden = hidden
            self.hidden_changed.emit(hidden)


class _ClassDelegate(QStyledItemDelegate):
    """Draws a row, and ticks it wherever it is clicked."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        option = QStyleOptionViewItem(option)
        self.initStyleOption(option, index)
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        role = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area: QRect = option.rect.adjusted(_GAP, 0, -_GAP, 0)
        box = QRectF(area.left(), area.center().y() - _BOX / 2 + 0.5, _BOX, _BOX)
        ticked = index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked.value
        _draw_box(painter, box, QColor(*class_color(index.data(_CLASS))), ticked, option.palette)
        painter.setPen(option.palette.color(role))
        count = str(index.data(_COUNT) or "")
        name_area = area.adjusted(_BOX + _GAP, 0, -option.fontMetrics.horizontalAdvance(count) - _GAP, 0)
        name = option.fontMetrics.elidedText(option.text, Qt.TextElideMode.ElideRight, name_area.width())
        painter.drawText(name_area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, name)
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, count)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index):
        size = super().sizeHint(option, index)
        size.setHeight(max(size.height(), _BOX + 10))
        return size

    def editorEvent(
        self, event: QEvent, model: QAbstractItemModel, option: QStyleOptionViewItem, index: _Index
    ) -> bool:
        if isinstance(event, QKeyEvent):
            wanted = event.type() == QEvent.Type.KeyPress and event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Select)
        else:
            wanted = event.type() == QEvent.Type.MouseButtonRelease
        if not wanted:
            return False
        ticked = index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked.value
        state = Qt.CheckState.Unchecked if ticked else Qt.CheckState.Checked
        return model.setData(index, state.value, Qt.ItemDataRole.CheckStateRole)


def _draw_box(painter: QPainter, box: QRectF, color: QColor, ticked: bool, palette: QPalette) -> None:
    """A box filled with the class's colour and ticked, or its outline alone."""
    painter.setPen(QPen(outlined(color, palette), 1.5))
    painter.setBrush(color if ticked else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(box.adjusted(0.75, 0.75, -0.75, -0.75), 3, 3)
    if ticked:
        black, white = QColor(0, 0, 0), QColor(255, 255, 255)
        painter.setPen(QPen(black if contrast(black, color) > contrast(white, color) else white, 1.8))
        corner = box.topLeft()
        painter.drawPolyline(QPolygonF([corner + QPointF(x, y) for x, y in ((3.6, 7.2), (6.2, 9.8), (10.6, 4.6))]))
