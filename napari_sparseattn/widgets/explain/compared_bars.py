"""Class probabilities beside those of before: two bars a class."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPalette
from qtpy.QtWidgets import QSizePolicy, QWidget

ROW = 22
GAP = 8


@dataclass(frozen=True)
class ComparedShare:
    """A class, its probability now and before, and its colour "#rrggbb"."""

    name: str
    now: float
    before: float
    colour: str


class ComparedBars(QWidget):
    """A row a class: the upper bar is now, the paler one below it before."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[ComparedShare] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Class probabilities now and of the untouched cell")
        self.setToolTip("Upper bar: with the pixels taken out. Paler bar below: the untouched cell.")

    def show_rows(self, rows: list[ComparedShare]) -> None:
        """Show these classes in this order."""
        resized = len(rows) != len(self._rows)
        self._rows = rows
        self.setAccessibleDescription(
            ", ".join(
                f"{row.name} {100 * row.now:.0f} % now, {100 * row.before:.0f} % before" for row in rows
            )
        )
        if resized:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(260, ROW * max(len(self._rows), 1) + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(180, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        faint = QColor(ink)
        faint.setAlphaF(0.12)
        metrics = self.fontMetrics()
        widest = max((metrics.horizontalAdvance(row.name) for row in self._rows), default=0)
        left = min(widest + 4, int(self.width() * 0.4)) + GAP
        right = metrics.horizontalAdvance("100.0 → 100.0 %") + GAP
        room = max(self.width() - left - right, 10)
        for place, row in enumerate(self._rows):
            top = place * ROW
            painter.setPen(ink)
            elided = metrics.elidedText(row.name, Qt.TextElideMode.ElideMiddle, left - GAP)
            middle = Qt.AlignmentFlag.AlignVCenter
            painter.drawText(
                QRectF(0, top, left - GAP, ROW), int(middle | Qt.AlignmentFlag.AlignLeft), elided
            )
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(faint)
            painter.drawRoundedRect(QRectF(left, top + 4, room, ROW - 8), 2, 2)
            pale = QColor(row.colour)
            pale.setAlphaF(0.45)
            for share, colour, offset, height in (
                (row.now, QColor(row.colour), 4, 8),
                (row.before, pale, 13, ROW - 17),
            ):
                painter.setBrush(colour)
                painter.drawRect(QRectF(left, top + offset, max(room * share, 1), height))
            painter.setPen(ink)
            painter.drawText(
                QRectF(left + room, top, right, ROW),
                int(middle | Qt.AlignmentFlag.AlignRight),
                f"{100 * row.before:.1f} → {100 * row.now:.1f} %",
            )
        painter.end()
