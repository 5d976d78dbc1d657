"""What pictures of class probabilities share: a row a class, its name, and the ground of a bar."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPalette
from qtpy.QtWidgets import QSizePolicy, QWidget

GAP = 8
MOST_ROWS = 30


def places_shown(shares: Sequence[float], kept: Collection[int] = ()) -> list[int]:
    """Return the places of the classes that get a row, ascending: thirty of most share, and those kept."""
    order = sorted(range(len(shares)), key=lambda place: -shares[place])
    return sorted({*order[:MOST_ROWS], *kept})


class ClassRows(QWidget):
    """Rows of a fixed height, and a line that says how many classes have none."""

    row_height = 19

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._count = self._more = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_count(self, count: int, more: int = 0) -> None:
        """Show so many rows, say how ``more`` classes there are, and paint anew."""
        if (count, more) != (self._count, self._more):
            self._count, self._more = count, more
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(260, self.row_height * max(self._count + bool(self._more), 1) + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(180, self.sizeHint().height())

    def draw_more(self, painter: QPainter, bar: QRectF, indent: int) -> None:
        """Draw the last line, where there are classes without a row; ``bar`` is where its bar would lie."""
        if self._more:
            painter.setPen(self.ink)
            line = QRectF(indent, bar.top() - 4, self.width() - indent, self.row_height)
            said = f"{self._more:,} more classes, less probable"
            painter.drawText(line, int(Qt.AlignmentFlag.AlignVCenter), said)

    @property
    def ink(self) -> QColor:
        """Colour of the letters."""
        return self.palette().color(QPalette.ColorRole.WindowText)

    def bar_room(self, names: list[str], most: float, widest_number: str, indent: int) -> QRectF:
        """Return where the bar of the first row lies: between the names and the numbers.

        Parameters
        ----------
        names
            Written on the left, over no more than a share ``most`` of the width.
        widest_number
            Written on the right.
        indent
            Pixels before the names.
        """
        metrics = self.fontMetrics()
        widest = max((metrics.horizontalAdvance(name) for name in names), default=0)
        left = min(widest + 4, int(self.width() * most)) + GAP + indent
        right = metrics.horizontalAdvance(widest_number) + GAP
        return QRectF(left, 4, max(self.width() - left - right, 10), self.row_height - 8)

    def draw_row(self, painter: QPainter, bar: QRectF, name: str, number: str, indent: int) -> None:
        """Draw the name, the empty bar and the number of a row; ``bar`` is where its bar lies."""
        top, height = bar.top() - 4, self.row_height
        elided = self.fontMetrics().elidedText(
            name, Qt.TextElideMode.ElideMiddle, int(bar.left()) - GAP - indent
        )
        painter.setPen(self.ink)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(
            QRectF(indent, top, bar.left() - GAP - indent, height),
            int(middle | Qt.AlignmentFlag.AlignLeft),
            elided,
        )
        painter.drawText(
            QRectF(bar.right(), top, self.width() - bar.right() - indent, height),
            int(middle | Qt.AlignmentFlag.AlignRight),
            number,
        )
        faint = self.ink
        faint.setAlphaF(0.12)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(faint)
        painter.drawRoundedRect(bar, 2, 2)
