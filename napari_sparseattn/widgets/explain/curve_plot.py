"""The plot of class probability against k."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

LEFT, RIGHT, TOP, BOTTOM = 42, 18, 8, 34


class CurvePlot(QWidget):
    """A line a class over the number of pixels, logarithmic. A click or a drag sets k."""

    k_picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._k: NDArray[np.int64] | None = None
        self._lines: list[tuple[str, str, NDArray[np.float32]]] = []
        self._at = self._learned = self._grid = 0
        self._strong: str | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName("Class probability against the number of selected pixels")

    def show_curve(
        self,
        k: NDArray[np.int64] | None,
        lines: list[tuple[str, str, NDArray[np.float32]]],
        strong: str | None,
    ) -> None:
        """Show (class, colour, probabilities) over k; None while it is not known. One is drawn strong."""
        self._k, self._lines, self._strong = k, lines, strong
        self.update()

    def show_k(self, k: int, learned: int, grid: int) -> None:
        """Show where k stands, and the learned k."""
        if (k, learned, grid) != (self._at, self._learned, self._grid):
            self._at, self._learned, self._grid = k, learned, grid
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(260, 122)

    def minimumSizeHint(self) -> QSize:
        return QSize(180, 112)

    def x_of(self, k: float) -> float:
        """Return where a number of pixels lies in the widget."""
        return LEFT + (self.width() - LEFT - RIGHT) * self._share(k)

    @property
    def _least(self) -> int:
        return int(self._k[0]) if self._k is not None else 1

    def _share(self, k: float) -> float:
        low, high = np.log(self._least), np.log(max(self._grid, self._least + 1))
        return float((np.log(max(k, self._least)) - low) / (high - low))

    def _k_at(self, x: float) -> int:
        share = min(max((x - LEFT) / max(self.width() - LEFT - RIGHT, 1), 0), 1)
        low, high = np.log(self._least), np.log(max(self._grid, self._least + 1))
        return max(1, round(float(np.exp(low + share * (high - low)))))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        faint = QColor(ink)
        faint.setAlphaF(0.25)
        plot = QRectF(LEFT, TOP, self.width() - LEFT - RIGHT, self.height() - TOP - BOTTOM)
        if self._grid == 0:
            painter.end()
            return
        font = painter.font()
        font.setPointSizeF(font.pointSizeF() * 0.85)
        painter.setFont(font)
        for share, text in ((0.0, "0 %"), (0.5, "50 %"), (1.0, "100 %")):
            y = plot.bottom() - share * plot.height()
            painter.setPen(QPen(faint, 1))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(ink)
            painter.drawText(
                QRectF(0, y - 8, LEFT - 5, 16),
                int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter),
                text,
            )
        self._draw_k_axis(painter, plot, ink)
        if self._k is None:
            painter.drawText(plot, int(Qt.AlignmentFlag.AlignCenter), "Trying other numbers of pixels…")
        else:
            for name, colour, values in sorted(self._lines, key=lambda line: line[0] == self._strong):
                painter.setPen(QPen(QColor(colour), 2.5 if name == self._strong else 1.2))
                painter.drawPolyline(QPolygonF([
                    QPointF(self.x_of(k), plot.bottom() - float(p) * plot.height())
                    for k, p in zip(self._k, values, strict=True)
                ]))  # fmt: skip
        for k, pen in (
            (self._learned, QPen(QColor("#e69f00"), 1, Qt.PenStyle.DashLine)),
            (self._at, QPen(ink, 1.5)),
        ):
            x = self.x_of(k)
            painter.setPen(pen)
            painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
        painter.end()

    def _draw_k_axis(self, painter: QPainter, plot: QRectF, ink: QColor) -> None:
        painter.setPen(ink)
        last = -1e9
        for share in (0.001, 0.01, 0.03, 0.1, 0.3, 1):
            k = share * self._grid
            if k < self._least:
                continue
            x = self.x_of(k)
            if x - last < 40:
                continue
            last = x
            painter.drawText(
                QRectF(x - 22, plot.bottom() + 3, 44, 14),
                int(Qt.AlignmentFlag.AlignHCenter),
                f"{100 * share:g} %",
            )
        painter.drawText(
            QRectF(plot.left(), plot.bottom() + 15, plot.width(), 16),
            int(Qt.AlignmentFlag.AlignCenter),
            "selected pixels",
        )

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._grid and event.button() == Qt.MouseButton.LeftButton:
            self.k_picked.emit(self._k_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grid and event.buttons() & Qt.MouseButton.LeftButton:
            self.k_picked.emit(self._k_at(event.position().x()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right move k by a tenth."""
        factor = {Qt.Key.Key_Left: 1 / 1.1, Qt.Key.Key_Right: 1.1}.get(event.key())
        if factor is None or not self._grid:
            super().keyPressEvent(event)
            return
        step = max(abs(round(self._at * factor) - self._at), 4)
        self.k_picked.emit(min(max(self._at + (step if factor > 1 else -step), 1), self._grid))
