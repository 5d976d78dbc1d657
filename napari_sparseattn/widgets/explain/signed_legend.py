"""The legend of a signed map: what each of its two colours speaks for, and how strongly at most."""

from __future__ import annotations

from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent, QPalette
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_sparseattn.colours import AGAINST_CLASS, FOR_CLASS

BAR = 10


class SignedLegend(QWidget):
    """A bar from the colour of what is below 0, over nothing at 0, to that of what is above, with words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._below = self._above = ""
        self._limit = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_sides(self, below: str, above: str, limit: float) -> None:
        """Name both sides; ``limit`` is where the colours are strongest, on either side of 0."""
        self._below, self._above, self._limit = below, above, limit
        self.setAccessibleName(f"Blue: {below}; orange: {above}; strongest at {limit:.2g}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, BAR + 2 * self.fontMetrics().height() + 4)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        line = self.fontMetrics().height()
        width = self.width()
        gradient = QLinearGradient(0, 0, width, 0)
        for side, colour in ((-1, AGAINST_CLASS), (1, FOR_CLASS)):
            for strength in (0.0, 1.0):
                ink = QColor(colour)
                ink.setAlphaF(strength)
                gradient.setColorAt(0.5 + side * max(strength / 2, 1e-4), ink)
        painter.fillRect(QRectF(0, line + 2, width, BAR), gradient)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        ends = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignRight
        strongest = f"{self._limit:.2g}"
        for top, texts in (
            (0.0, (self._below, "", self._above)),
            (line + BAR + 4.0, (f"\N{MINUS SIGN}{strongest}", "0", f"+{strongest}")),
        ):
            for end, text in zip(ends, texts, strict=True):
                shown = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, width // 2 - 4)
                painter.drawText(QRectF(0, top, width, line), int(end), shown)
        painter.end()
