"""A logarithmic slider of k with a tick at the learned k."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QPointF, QRect, QSize, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QSlider, QStyle, QStyleOptionSlider, QWidget

STOPS = 240


class KSlider(QSlider):
    """Its stops are numbers of pixels in whole units, evenly spaced by ratio; the learned k is one."""

    k_moved = Signal(int)
    """The user moved it: the number of pixels."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._stops = np.array([1])
        self._learned = 1
        self.setRange(0, 0)
        self.setPageStep(10)
        self.valueChanged.connect(self._tell)

    def set_stops(self, grid_pixels: int, unit_pixels: int, learned: int) -> None:
        """Offer whole units of ``unit_pixels`` pixels up to the grid."""
        units = grid_pixels // unit_pixels
        counts = np.unique(np.round(np.geomspace(1, units, min(STOPS, units))).astype(int))
        stops = np.unique([*(counts * unit_pixels), learned])
        self.blockSignals(True)
        self._stops, self._learned = stops, learned
        self.setRange(0, len(stops) - 1)
        self.blockSignals(False)
        self.update()

    def show_k(self, k: int) -> None:
        """Move to the stop nearest to k, silently."""
        self.blockSignals(True)
        self.setValue(int(np.abs(np.log(self._stops / max(k, 1))).argmin()))
        self.blockSignals(False)

    def k_at(self, value: int) -> int:
        """Return the number of pixels at a position."""
        return int(self._stops[value])

    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        return QSize(hint.width(), hint.height() + 10)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _tell(self, value: int) -> None:
        self.k_moved.emit(self.k_at(value))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.maximum() == 0:
            return
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        style = self.style()
        groove = style.subControlRect(
            QStyle.ComplexControl.CC_Slider, option, QStyle.SubControl.SC_SliderGroove, self
        )
        handle = style.subControlRect(
            QStyle.ComplexControl.CC_Slider, option, QStyle.SubControl.SC_SliderHandle, self
        )
        where = int(np.searchsorted(self._stops, self._learned))
        room = groove.width() - handle.width()
        x = groove.x() + handle.width() / 2 + room * where / self.maximum()
        self._draw_tick(x, groove)

    def _draw_tick(self, x: float, groove: QRect) -> None:
        top = self.rect().bottom() - 1
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = QColor("#e69f00")
        painter.setPen(QPen(colour, 1))
        painter.setBrush(colour)
        painter.drawPolygon(QPolygonF([QPointF(x, top - 6), QPointF(x - 4, top), QPointF(x + 4, top)]))
        painter.end()
