"""The confusion matrix: a square a pair of classes, with its count; a click shows its cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QPoint, QRectF, QSize, Qt, Signal
from qtpy.QtGui import (
    QColor,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
)
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

_LARGEST, _LEAST = 54, 22
_FULL = QColor("#0072b2")


class ConfusionView(QWidget):
    """Rows are the known, columns the predicted classes. Arrow keys move, Enter or a click chooses."""

    chosen = Signal(int, int)
    """Known and predicted class of a square that was clicked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._classes: tuple[str, ...] = ()
        self._counts: NDArray[np.int64] = np.zeros((0, 0), np.int64)
        self._known: NDArray[np.int64] = np.zeros(0, np.int64)
        self._places: Sequence[int] = ()
        self._at: tuple[int, int] = (0, 0)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setMouseTracking(True)
        self.setAccessibleName("Confusion matrix")

    def show_counts(
        self, classes: tuple[str, ...], counts: NDArray[np.int64], places: Sequence[int] | None = None
    ) -> None:
        """Show (classes, classes) counts, known by predicted; of very many classes, those at ``places``."""
        self._places = range(len(classes)) if places is None else places
        self._classes = tuple(classes[place] for place in self._places)
        self._known, self._counts = (
            counts.sum(axis=1)[self._places],
            counts[np.ix_(self._places, self._places)],
        )
        classes = self._classes
        self._at = (min(self._at[0], len(classes) - 1), min(self._at[1], len(classes) - 1))
        self.updateGeometry()
        self.update()

    def square(self, known: int, predicted: int) -> QRectF:
        """Return where a square lies."""
        side, left = self._side(), self._left()
        return QRectF(left + predicted * side, self._top() + known * side, side, side)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return round(self._top() + max(len(self._classes), 1) * self._side(width)) + 6

    def sizeHint(self) -> QSize:
        width = self._left() + max(len(self._classes), 1) * 44 + self._overhang()
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        width = self._left() + max(len(self._classes), 1) * _LEAST + self._overhang()
        return QSize(width, self.heightForWidth(width))

    def _left(self) -> int:
        longest = max((self._text_width(name) for name in self._classes), default=0)
        return min(longest, 110) + 26

    def _top(self) -> int:
        longest = max((self._text_width(name) for name in self._classes), default=0)
        return round(min(longest, 110) * 0.71) + 34

    def _side(self, width: int | None = None) -> float:
        count = max(len(self._classes), 1)
        width = self.width() if width is None else width
        return float(np.clip((width - self._left() - self._overhang()) / count, _LEAST, _LARGEST))

    def _overhang(self) -> int:
        """Return the room right of the squares that the slanted name of the last class needs."""
        last = self._text_width(self._classes[-1]) if self._classes else 0
        return round(min(last, 110) * 0.71) - 10 if last > 30 else 12

    def _text_width(self, name: str) -> int:
        return self.fontMetrics().horizontalAdvance(name)

    def _square_at(self, where: QPoint) -> tuple[int, int] | None:
        side = self._side()
        column = int((where.x() - self._left()) // side)
        row = int((where.y() - self._top()) // side)
        inside = 0 <= row < len(self._classes) and 0 <= column < len(self._classes)
        return (row, column) if inside else None

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        quiet = QColor(ink)
        quiet.setAlphaF(0.12)
        side, left, top = self._side(), self._left(), self._top()
        metrics = QFontMetrics(self.font())
        painter.setPen(ink)
        for place, name in enumerate(self._classes):
            text = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, 110)
            painter.drawText(
                QRectF(20, top + place * side, left - 26, side),
                int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter),
                text,
            )
            painter.save()
            painter.translate(left + (place + 0.5) * side - 2, top - 6)
            painter.rotate(-45)
            painter.drawText(0, 0, text)
            painter.restore()
        bold = painter.font()
        bold.setBold(True)
        painter.setFont(bold)
        right = int(Qt.AlignmentFlag.AlignRight)
        painter.drawText(QRectF(0, 0, left - 6, 16), right, "predicted \N{RIGHTWARDS ARROW}")
        painter.save()
        painter.translate(12, top + len(self._classes) * side / 2)
        painter.rotate(-90)
        painter.drawText(QRectF(-60, -10, 120, 16), int(Qt.AlignmentFlag.AlignCenter), "known")
        painter.restore()
        bold.setBold(False)
        painter.setFont(bold)
        known = self._known
        for (row, column), count in np.ndenumerate(self._counts):
            share = count / known[row] if known[row] else 0.0
            square = self.square(row, column).adjusted(1, 1, -1, -1)
            colour = QColor(_FULL)
            colour.setAlphaF(0.12 + 0.88 * share if count else 0.0)
            painter.fillRect(square, quiet)
            painter.fillRect(square, colour)
            if count:
                painter.setPen(QColor("white") if share > 0.45 else ink)
                painter.drawText(square, int(Qt.AlignmentFlag.AlignCenter), f"{count:,}")
        if self.hasFocus() and len(self._classes):
            painter.setPen(QPen(QColor("#e69f00"), 2))
            painter.drawRect(self.square(*self._at).adjusted(1, 1, -1, -1))
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        there = self._square_at(event.position().toPoint())
        hand = there is not None and self._counts[there] > 0
        self.setCursor(Qt.CursorShape.PointingHandCursor if hand else Qt.CursorShape.ArrowCursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        there = self._square_at(event.position().toPoint())
        if there is not None and event.button() == Qt.MouseButton.LeftButton:
            self._at = there
            self._choose()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1),
            Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0),
        }  # fmt: skip
        key = Qt.Key(event.key())
        if key in steps and len(self._classes):
            last = len(self._classes) - 1
            self._at = tuple(  # type: ignore[assignment]
                min(max(at + step, 0), last) for at, step in zip(self._at, steps[key], strict=True)
            )
            self.update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._choose()
        else:
            super().keyPressEvent(event)

    def _choose(self) -> None:
        self.update()
        if len(self._classes) and self._counts[self._at]:
            self.chosen.emit(*(self._places[at] for at in self._at))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            there = self._square_at(event.pos())
            text = "Known classes down, predicted classes across. Click a square to see its cells."
            if there is not None:
                count = int(self._counts[there])
                known, predicted = (self._classes[place] for place in there)
                text = f"{count:,} cells known as {known} and predicted as {predicted}"
                text += ". Click to see them in the gallery." if count else "."
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)
