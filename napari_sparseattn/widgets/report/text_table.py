"""A table of text that is shown as it is, and copied as it is."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from napari_sparseattn.widgets.foreign_text import tip

Rows = Sequence[tuple[str, ...]]


class TextTableModel(QAbstractTableModel):
    def __init__(self) -> None:
        super().__init__()
        self.columns: tuple[str, ...] = ()
        self.rows: Rows = ()
        self._numbers: frozenset[int] = frozenset()

    def set_table(self, columns: Sequence[str], rows: Rows, numbers: frozenset[int] = frozenset()) -> None:
        """Show other rows; ``numbers`` are the columns that are set to the right."""
        self.beginResetModel()
        self.columns, self.rows, self._numbers = tuple(columns), rows, numbers
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role == Qt.ItemDataRole.DisplayRole:
            return self.rows[index.row()][index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(str(self.rows[index.row()][index.column()]))
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() in self._numbers:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return self.columns[section]
        return None


class TextTable(QTableView):
    """Rows can be chosen and copied with Ctrl+C, with their heading, for a spreadsheet."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = TextTableModel()
        self.setModel(self.table)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setWordWrap(False)
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setDefaultSectionSize(24)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setHighlightSections(False)

    def show_table(self, columns: Sequence[str], rows: Rows, numbers: frozenset[int] = frozenset()) -> None:
        self.table.set_table(columns, rows, numbers)
        first = rows[:200]
        for column, name in enumerate(columns):
            longest = max((len(row[column]) for row in first), default=0)
            letters = min(max(longest, len(name) + 1), 42)
            self.setColumnWidth(column, letters * self.fontMetrics().averageCharWidth() + 22)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            chosen = sorted({index.row() for index in self.selectedIndexes()})
            lines = [self.table.columns, *(self.table.rows[row] for row in chosen)]
            QGuiApplication.clipboard().setText("\n".join("\t".join(line) for line in lines))
            return
        super().keyPressEvent(event)
