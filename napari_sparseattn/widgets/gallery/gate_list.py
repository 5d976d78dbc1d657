"""The gates by name: tick, rename, choose, delete."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QEvent, Qt, QTimer, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QListWidget, QListWidgetItem, QWidget

from napari_sparseattn.widgets.gallery.column_titles import column_title
from napari_sparseattn.widgets.gallery.scatter_canvas import gate_key
from sparseattn.table.gates import PolygonGate


class GateList(QListWidget):
    ticked = Signal(int, bool)
    renamed = Signal(int, str)
    picked = Signal(int)
    key_given = Signal(str)
    """"undo", "redo" or "delete"."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._listed: tuple[tuple[PolygonGate, ...], tuple[int, ...]] | None = None
        self._fit(1)
        self.setMinimumWidth(120)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)  # it would cover the line
        self.setToolTip("Gates: tick those that count, double-click to rename")
        self.setAccessibleName("Gates")
        self.itemChanged.connect(self._tell)
        self.currentRowChanged.connect(self.picked)

    def show_gates(self, gates: Sequence[PolygonGate], counts: Sequence[int], chosen: int) -> None:
        self.blockSignals(True)
        if (tuple(gates), tuple(counts)) != self._listed:  # not while one is clicked: its item would go
            self._listed = (tuple(gates), tuple(counts))
            self._fill(gates, counts)
        self.setCurrentRow(chosen)
        self.blockSignals(False)

    def _fill(self, gates: Sequence[PolygonGate], counts: Sequence[int]) -> None:
        self.clear()
        for gate, count in zip(gates, counts, strict=True):
            item = QListWidgetItem(gate.name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if gate.active else Qt.CheckState.Unchecked)
            item.setToolTip(
                f"{count:,} cells, on {column_title(gate.x)} and {column_title(gate.y)}. "
                "Gates on the same two columns are choices; on others, all must hold."
            )
            self.addItem(item)
        if not gates:
            item = QListWidgetItem("No gates yet")
            item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.addItem(item)
        self._fit(len(gates))

    def _fit(self, rows: int) -> None:
        """Take the room of one to three gates."""
        self.setFixedHeight(min(max(rows, 1), 3) * (self.fontMetrics().height() + 6) + 8)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and gate_key(event) is not None:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        given = gate_key(event)
        if given is not None:
            self.key_given.emit(given)
            return
        super().keyPressEvent(event)

    def _tell(self, item: QListWidgetItem) -> None:
        assert self._listed is not None
        row = self.row(item)
        gate = self._listed[0][row]
        active, name = item.checkState() == Qt.CheckState.Checked, item.text().strip()
        # Told once Qt is done with the item, since the list is then filled anew.
        if active != gate.active:
            QTimer.singleShot(0, lambda: self.ticked.emit(row, active))
        elif name and name != gate.name:
            QTimer.singleShot(0, lambda: self.renamed.emit(row, name))
        elif name != gate.name:
            item.setText(gate.name)
