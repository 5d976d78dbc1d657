"""Class probabilities beside those of before: two bars a class."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import QRectF
from qtpy.QtGui import QColor, QPainter, QPaintEvent
from qtpy.QtWidgets import QWidget

from napari_sparseattn.widgets.explain.class_rows import ClassRows, places_shown


@dataclass(frozen=True)
class ComparedShare:
    """A class, its probability now and before, and its colour "#rrggbb"."""

    name: str
    now: float
    before: float
    colour: str


class ComparedBars(ClassRows):
    """A row a class: the upper bar is now, the paler one below it before."""

    row_height = 22

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[ComparedShare] = []
        self.setAccessibleName("Class probabilities now and of the untouched cell")
        self.setToolTip("Upper bar: with the pixels taken out. Paler bar below: the untouched cell.")

    def show_rows(self, rows: list[ComparedShare]) -> None:
        """Show these classes in this order; of very many, the most probable now or before."""
        count = len(rows)
        rows = [rows[place] for place in places_shown([max(row.now, row.before) for row in rows])]
        self._rows = rows
        self.setAccessibleDescription(
            ", ".join(
                f"{row.name} {100 * row.now:.0f} % now, {100 * row.before:.0f} % before" for row in rows
            )
        )
        self.set_count(len(rows), count - len(rows))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        bar = self.bar_room([row.name for row in self._rows], 0.4, "100.0 → 100.0 %", 0)
        for row in self._rows:
            said = f"{100 * row.before:.1f} → {100 * row.now:.1f} %"
            self.draw_row(painter, bar, row.name, said, 0)
            pale = QColor(row.colour)
            pale.setAlphaF(0.45)
            for share, colour, below, height in (
                (row.now, QColor(row.colour), 0, 8),
                (row.before, pale, 9, self.row_height - 17),
            ):
                painter.setBrush(colour)
                width = max(bar.width() * share, 1)
                painter.drawRect(QRectF(bar.left(), bar.top() + below, width, height))
            bar.translate(0, self.row_height)
        self.draw_more(painter, bar, 0)
        painter.end()
