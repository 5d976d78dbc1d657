"""The course of a training: loss, accuracy and selected pixels over the epochs, drawn as they come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

TRAINING, VALIDATION = "#e69f00", "#56b4e9"
_TOP, _BOTTOM, _GAP = 18, 6, 12
_LEGEND = 18


class Curves(QWidget):
    """Three small plots side by side; the last figure stands in each title, what the colours mean below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._records: Sequence[dict[str, Any]] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Course of the training")
        self.setToolTip(
            "Loss: on the cells that teach (orange) and on those kept to choose by (blue); lower is better. "
            "Accuracy: the mean share of right answers over the classes, on the cells kept to choose by. "
            "Selected pixels: how many the model has learned to need."
        )

    def sizeHint(self) -> QSize:
        return QSize(300, 110 + _LEGEND)

    def show_records(self, records: Sequence[dict[str, Any]]) -> None:
        """Show these epochs."""
        self._records = records
        if records:
            last = records[-1]
            self.setAccessibleDescription(
                f"epoch {last['epoch']} of {last['epochs']}, loss {last['loss']:.2f}"
            )
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width = (self.width() - 2 * _GAP) / 3
        for place, (title, lines, low, high) in enumerate(self._plots()):
            room = QRectF(place * (width + _GAP), 0, width, self.height() - _LEGEND)
            self._plot(painter, room, title, lines, low, high)
        self._explain_colours(painter)

    def _explain_colours(self, painter: QPainter) -> None:
        left, top = 1.0, self.height() - _LEGEND
        for colour, text in ((TRAINING, "cells that teach"), (VALIDATION, "cells kept to choose by")):
            painter.fillRect(QRectF(left, top + _LEGEND / 2 - 1, 12, 2), QColor(colour))
            painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
            room = QRectF(left + 16, top, self.width(), _LEGEND)
            painter.drawText(room, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), text)
            left += 16 + self.fontMetrics().horizontalAdvance(text) + 14

    def _plots(self) -> list[tuple[str, list[tuple[str, list[float | None]]], float, float]]:
        records = self._records
        loss = [one["loss"] for one in records]
        judged = [one["validation_loss"] for one in records]
        accuracy = [one["validation_balanced_accuracy"] for one in records]
        share = [one["pixel_fraction"] for one in records]
        known = [value for value in (*loss, *judged) if value is not None]
        titles = ["Loss", "Accuracy", "Selected pixels"]
        if records:
            if judged[-1] is not None:
                titles[0] = f"Loss {judged[-1]:.2f}"
            if accuracy[-1] is not None:
                titles[1] = f"Accuracy {100 * accuracy[-1]:.0f} %"
            titles[2] = f"Selected {100 * share[-1]:.0f} %"
        return [
            (titles[0], [(TRAINING, loss), (VALIDATION, judged)], 0.0, max([*known, 0.1])),
            (titles[1], [(VALIDATION, accuracy)], 0.0, 1.0),
            (titles[2], [(VALIDATION, share)], 0.0, max([*share, 0.1])),
        ]

    def _plot(
        self,
        painter: QPainter,
        room: QRectF,
        title: str,
        lines: list[tuple[str, list[float | None]]],
        low: float,
        high: float,
    ) -> None:
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        painter.setPen(ink)
        name = self.fontMetrics().elidedText(title, Qt.TextElideMode.ElideRight, int(room.width()))
        painter.drawText(QRectF(room.left(), 0, room.width(), _TOP), int(Qt.AlignmentFlag.AlignLeft), name)
        inner = QRectF(room.left() + 1, _TOP, room.width() - 2, room.height() - _TOP - _BOTTOM)
        faint = QColor(ink)
        faint.setAlphaF(0.25)
        painter.setPen(QPen(faint, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(inner)
        epochs = self._records[-1]["epochs"] if self._records else 1
        for colour, values in lines:
            points = [
                QPointF(
                    inner.left() + inner.width() * (number + 1) / max(epochs, 1),
                    inner.bottom() - inner.height() * (value - low) / max(high - low, 1e-9),
                )
                for number, value in enumerate(values)
                if value is not None
            ]
            painter.setPen(QPen(QColor(colour), 2))
            if len(points) == 1:
                painter.drawPoint(points[0])
            else:
                painter.drawPolyline(QPolygonF(points))
