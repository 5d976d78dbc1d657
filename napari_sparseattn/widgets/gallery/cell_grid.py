"""The grid of thumbnails: draws only what is in sight, is walked and labelled by keys."""

from __future__ import annotations

from collections.abc import Iterable

from qtpy.QtCore import QEvent, QItemSelection, QItemSelectionModel, QPoint, Qt, Signal
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import QAbstractItemView, QListView, QWidget

from napari_sparseattn.widgets.gallery.cell_delegate import CellDelegate
from napari_sparseattn.widgets.gallery.cell_list_model import CellListModel
from napari_sparseattn.widgets.thumbnails import Thumbnails

_BATCH = 1000
"""Cells laid out at once."""

_LABEL_KEYS = "123456789"
_NO_MODIFIER = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)


class CellGrid(QListView):
    looked_at = Signal(int)
    """The cell under the cursor of the grid, by a click or the arrow keys."""
    chosen = Signal(list)
    """The cells that are selected."""
    key_given = Signal(str)
    """"1" to "9" for a class, "unsure", "exclude", "" to take the label away, "undo", "redo"."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.thumbnails = Thumbnails(self)
        self.cells = CellListModel(self)
        self._delegate = CellDelegate(self.thumbnails, self)
        self._quiet = False
        self.setModel(self.cells)
        self.setItemDelegate(self._delegate)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        # Ten thousand cells laid out in one go ask the model ten thousand times, each time for the lock that
        # the thread that classifies holds.
        self.setLayoutMode(QListView.LayoutMode.Batched)
        self.setBatchSize(_BATCH)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setTabKeyNavigation(False)
        self.setAccessibleName("Cells")
        self.thumbnails.ready.connect(self.cells.cell_changed)
        self.selectionModel().selectionChanged.connect(self._tell_chosen)
        self.selectionModel().currentChanged.connect(self._tell_looked_at)
        self.set_side(96)

    @property
    def side(self) -> int:
        return self._delegate.side

    def set_side(self, side: int) -> None:
        """Show pictures of another size; what was in sight stays in sight."""
        top = self.viewport().rect().topLeft()
        first = self.indexAt(top + QPoint(8, 8))
        self._delegate.side = side
        self.setGridSize(self._delegate.card_size(self.fontMetrics().height()))
        self.verticalScrollBar().setSingleStep(side // 3)
        if first.isValid():
            self.scrollTo(first, QAbstractItemView.ScrollHint.PositionAtTop)

    @property
    def selected(self) -> list[int]:
        """The cells that are selected."""
        rows = self.cells.rows
        return [int(rows[index.row()]) for index in self.selectedIndexes()]

    @property
    def words_to_open(self) -> str:
        """What a button says that opens the cells that are selected, or else those that are shown."""
        count = len(self.selectedIndexes())
        return f"Open {count:,} Cell{'s' * (count > 1)}" if count else "Open These Cells"

    def show_rows(self, rows: object, selection: Iterable[int], current: int) -> None:
        """Show other cells; those selected stay so where they are still there."""
        place = self.currentIndex().row()
        self._quiet = True
        try:
            self.cells.set_rows(rows)
            self._select(selection)
            self._set_current(current, fallback=place)
        finally:
            self._quiet = False

    def show_selection(self, selection: Iterable[int]) -> None:
        """Mark the cells that are selected, without telling it back."""
        self._quiet = True
        try:
            self._select(selection)
        finally:
            self._quiet = False

    def show_current(self, cell: int) -> None:
        """Put the cursor on a cell and bring it in sight."""
        row = self.cells.row_of(cell)
        if row is None or row == self.currentIndex().row():
            return
        self._quiet = True
        try:
            self._set_current(cell, fallback=row)
            self.scrollTo(self.cells.index(row))
        finally:
            self._quiet = False

    def keyboardSearch(self, search: str | None) -> None:
        """Letters and digits are no search here."""

    def event(self, event: QEvent) -> bool:
        # Keys that mean something here go before shortcuts of the window while the grid has the focus.
        if event.type() == QEvent.Type.ShortcutOverride and _given_by(event) is not None:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        given = _given_by(event)
        if given is not None:
            self.key_given.emit(given)
            event.accept()
            return
        super().keyPressEvent(event)

    def _select(self, selection: Iterable[int]) -> None:
        chosen = QItemSelection()
        places = self.cells.places(selection)
        start = 0
        for at in range(1, len(places) + 1):
            if at == len(places) or places[at] != places[at - 1] + 1:
                chosen.select(self.cells.index(places[start]), self.cells.index(places[at - 1]))
                start = at
        self.selectionModel().select(chosen, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def _set_current(self, cell: int, fallback: int) -> None:
        """Put the cursor on a cell; where it is not shown, where it was: the next cell has moved up there."""
        row = self.cells.row_of(cell)
        if row is None:
            row = min(fallback, len(self.cells.rows) - 1)
        if row >= 0:
            self.selectionModel().setCurrentIndex(
                self.cells.index(row), QItemSelectionModel.SelectionFlag.NoUpdate
            )

    def _tell_chosen(self) -> None:
        if not self._quiet:
            self.chosen.emit(self.selected)

    def _tell_looked_at(self) -> None:
        row = self.currentIndex().row()
        if not self._quiet and row >= 0:
            self.looked_at.emit(int(self.cells.rows[row]))


def _given_by(event: QKeyEvent) -> str | None:
    """Return what a key means, see `CellGrid.key_given`; None where it means nothing here."""
    if event.matches(QKeySequence.StandardKey.Undo):
        return "undo"
    if event.matches(QKeySequence.StandardKey.Redo):
        return "redo"
    if event.modifiers() not in _NO_MODIFIER:
        return None
    if event.key() in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete):
        return ""
    if event.text() and event.text() in _LABEL_KEYS:
        return event.text()
    return {"u": "unsure", "x": "exclude"}.get(event.text())
