"""The classes with their colours, keys and counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap
from qtpy.QtWidgets import QHeaderView, QSizePolicy, QTreeWidget, QTreeWidgetItem, QWidget

from napari_sparseattn.colours import NO_CLASS
from napari_sparseattn.workspace import SETTING_ASIDE, ClassItem

STATES = {"unsure": ("U", "Looked at, and it cannot be told"), "exclude": ("X", "Not a cell, or a bad image")}
_MOST_ROWS = 12


class ClassList(QTreeWidget):
    """A row a class. Double-click, or Enter, gives the class to the cells that are chosen."""

    given = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[tuple[str, str, str, str]] = []
        self.setColumnCount(3)
        self.setHeaderLabels(["Key", "Class", "Cells"])
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setVerticalScrollMode(QTreeWidget.ScrollMode.ScrollPerPixel)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Classes")
        self.setToolTip("Double-click a class, or press its key, to give it to the cell.")
        header = self.header()
        header.setStretchLastSection(False)
        header.setResizeContentsPrecision(_MOST_ROWS)  # else each change looks at all of a thousand rows
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.ResizeToContents)
        self.itemActivated.connect(lambda item, _: self.given.emit(item.data(1, Qt.ItemDataRole.UserRole)))

    def show_classes(self, classes: Sequence[ClassItem], counts: Mapping[str, int]) -> None:
        """Show the classes and below them what is no class, with how many cells each has."""
        rows = [(item.name, item.key, item.colour, "") for item in classes]
        rows += [(name, STATES[name][0], NO_CLASS, STATES[name][1]) for name in SETTING_ASIDE]
        if rows != self._rows:
            self._rows = rows
            self._make_rows(rows, counts)
        for place, (name, *_) in enumerate(rows):
            count, item = f"{counts.get(name, 0):,}", self.topLevelItem(place)
            if item.text(2) != count:
                item.setText(2, count)

    def _make_rows(self, rows: Sequence[tuple[str, str, str, str]], counts: Mapping[str, int]) -> None:
        chosen = self.chosen
        self.clear()
        swatches = {colour: _swatch(colour) for _, _, colour, _ in rows}
        for name, key, colour, hint in rows:
            item = QTreeWidgetItem([key, name, f"{counts.get(name, 0):,}"])
            item.setData(1, Qt.ItemDataRole.UserRole, name)
            item.setIcon(1, swatches[colour])
            item.setTextAlignment(0, Qt.AlignmentFlag.AlignCenter)
            item.setTextAlignment(2, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            item.setToolTip(
                1, hint or f"Key {key}" if key or hint else "No key is left: double-click gives it"
            )
            if name in SETTING_ASIDE:
                font = item.font(1)
                font.setItalic(True)
                item.setFont(1, font)
            self.addTopLevelItem(item)
            if name == chosen:
                self.setCurrentItem(item)
        height = self.sizeHintForRow(0) * min(len(rows), _MOST_ROWS) + self.header().sizeHint().height() + 6
        self.setFixedHeight(height)

    @property
    def chosen(self) -> str | None:
        """The class whose row is chosen."""
        item = self.currentItem()
        return None if item is None else str(item.data(1, Qt.ItemDataRole.UserRole))


def _swatch(colour: str) -> QIcon:
    pixmap = QPixmap(QSize(14, 14))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawRoundedRect(1, 1, 12, 12, 3, 3)
    painter.end()
    return QIcon(pixmap)
