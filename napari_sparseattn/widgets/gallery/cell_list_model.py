"""The cells that are shown, as a Qt list: rows are places in the grid, the user role is the cell's index."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractListModel, QModelIndex, QObject, Qt

from napari_sparseattn.widgets.gallery.cards import Cards, CardSource

CELL = Qt.ItemDataRole.UserRole
CARD = Qt.ItemDataRole.UserRole + 1


class CellListModel(QAbstractListModel):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: NDArray[np.int64] = np.zeros(0, np.int64)
        self._row_of: dict[int, int] = {}
        self._cards: CardSource = Cards(None, {})

    @property
    def rows(self) -> NDArray[np.int64]:
        """(m,) the cell at each place."""
        return self._rows

    def set_rows(self, rows: NDArray[np.int64]) -> None:
        """Show other cells, or the same in another order."""
        self.beginResetModel()
        self._rows = rows
        self._row_of = {int(cell): row for row, cell in enumerate(rows)}
        self.endResetModel()

    def set_cards(self, cards: CardSource) -> None:
        """Show other things about the same cells."""
        self._cards = cards
        if len(self._rows):
            self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1))

    def row_of(self, cell: int) -> int | None:
        """Return the place of a cell, None where it is not shown."""
        return self._row_of.get(cell)

    def places(self, cells: Iterable[int]) -> list[int]:
        """Return the places of those cells that are shown, ascending."""
        return sorted(self._row_of[cell] for cell in cells if cell in self._row_of)

    def cell_changed(self, cell: int) -> None:
        """Repaint one cell."""
        row = self._row_of.get(cell)
        if row is not None:
            self.dataChanged.emit(self.index(row), self.index(row))

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        cell = int(self._rows[index.row()])
        if role == CELL:
            return cell
        if role == CARD:
            return self._cards[cell]
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._cards.tooltip(cell)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            card = self._cards[cell]
            return ", ".join(text for text in (f"cell {cell + 1}", card.caption, card.given) if text)
        return None
