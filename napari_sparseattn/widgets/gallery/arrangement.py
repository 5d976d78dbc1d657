"""In which order the cells of a gallery stand, and how large their pictures are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QSlider

from napari_sparseattn.widgets.gallery.cell_grid import CellGrid
from napari_sparseattn.widgets.rows import in_a_row
from sparseattn.table.filters import CellOrder

_SIDES = (40, 240)


class Arrangement:
    """The controls of a row: the column to sort by, the direction, and the size of the pictures.

    Parameters
    ----------
    grid : CellGrid
        Whose pictures change their size.
    on_order : callable
        Called with the order that the user chose.
    """

    def __init__(self, grid: CellGrid, on_order: Callable[[CellOrder], None]) -> None:
        self.sort = QComboBox()
        self.sort.setToolTip("Sort the cells by this column")
        self.sort.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.sort.setMinimumContentsLength(8)
        self.descending = QPushButton()
        self.descending.setCheckable(True)
        self.size = QSlider(Qt.Orientation.Horizontal)
        self.size.setRange(*_SIDES)
        self.size.setValue(grid.side)
        self.size.setMinimumWidth(60)
        self.size.setToolTip("Size of the pictures")
        self.size.setAccessibleName("Size of the pictures")
        self._on_order = on_order
        self._show_direction()
        self.sort.activated.connect(self._choose)
        self.descending.toggled.connect(self._choose)
        self.size.valueChanged.connect(grid.set_side)

    def laid_out(self) -> QHBoxLayout:
        """Return the row."""
        laid = in_a_row(QLabel("Sort"), self.sort, self.descending, QLabel("Size"), self.size)
        laid.setStretch(1, 2)
        laid.setStretch(4, 1)
        return laid

    def offer(self, columns: Sequence[tuple[str, str]]) -> None:
        """Offer columns, each as its title and its name, after the order of the cells themselves."""
        orders = [("In their order", ""), *columns]
        if [self.sort.itemData(at) for at in range(self.sort.count())] != [name for _, name in orders]:
            self.sort.clear()
            for title, name in orders:
                self.sort.addItem(title, name)

    def show(self, order: CellOrder) -> None:
        """Show an order without choosing it."""
        self.sort.setCurrentIndex(max(self.sort.findData(order.column), 0))
        self.descending.blockSignals(True)
        self.descending.setChecked(order.descending)
        self.descending.blockSignals(False)
        self._show_direction()

    def _show_direction(self) -> None:
        down = self.descending.isChecked()
        self.descending.setText("\N{DOWNWARDS ARROW}" if down else "\N{UPWARDS ARROW}")
        self.descending.setToolTip("Largest first" if down else "Smallest first")

    def _choose(self, *_: object) -> None:
        self._show_direction()
        self._on_order(CellOrder(self.sort.currentData() or "", self.descending.isChecked()))
