"""Class probabilities as bars."""

from __future__ import annotations

from qtpy.QtCore import QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

ROW = 19
GAP = 8


class ProbabilityBars(QWidget):
    """A row a class: name, bar in the class's colour, per cent. A click chooses the class to explain."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[tuple[str, float, str]] = []
        self._explained: str | None = None
        self._label: str | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName("Class probabilities")

    def show_rows(self, rows: list[tuple[str, float, str]], explained: str | None, label: str | None) -> None:
        """Show (class, probability, colour) in this order; mark the explained class and the given label."""
        resized = len(rows) != len(self._rows)
        self._rows, self._explained, self._label = rows, explained, label
        self.setAccessibleDescription(", ".join(f"{name} {100 * share:.0f} %" for name, share, _ in rows))
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
        names = [name + (" ✓" if name == self._label else "") for name, _, _ in self._rows]
        widest = max((metrics.horizontalAdvance(name) for name in names), default=0)
        left = min(widest + 4, int(self.width() * 0.45)) + GAP + 6
        right = metrics.horizontalAdvance("100.0 %") + GAP
        room = max(self.width() - left - right, 10)
        for place, ((name, share, colour), shown) in enumerate(zip(self._rows, names, strict=True)):
            top = place * ROW
            if name == self._explained:
                painter.setPen(QPen(ink, 1))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(QRectF(0.5, top + 0.5, self.width() - 1, ROW - 1), 3, 3)
            painter.setPen(ink)
            elided = metrics.elidedText(shown, Qt.TextElideMode.ElideMiddle, left - GAP - 6)
            painter.drawText(
                QRectF(6, top, left - GAP - 6, ROW),
                int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft),
                elided,
            )
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(faint)
            painter.drawRoundedRect(QRectF(left, top + 4, room, ROW - 8), 2, 2)
            painter.setBrush(QColor(colour))
            painter.drawRoundedRect(QRectF(left, top + 4, max(room * share, 1), ROW - 8), 2, 2)
            painter.setPen(ink)
            painter.drawText(
                QRectF(left + room, top, right - 6, ROW),
                int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight),
                f"{100 * share:.1f} %",
            )
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if (name := self._at(event.position().y())) is not None:
            self.chosen.emit(name)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if (name := self._at(event.position().y())) is not None:
            QToolTip.showText(event.globalPosition().toPoint(), f"{name}: click to explain this class", self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up and down choose the class to explain."""
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(event.key())
        names = [name for name, _, _ in self._rows]
        if step is None or not names:
            super().keyPressEvent(event)
            return
        place = names.index(self._explained) if self._explained in names else -step
        self.chosen.emit(names[(place + step) % len(names)])

    def _at(self, y: float) -> str | None:
        place = int(y // ROW)
        return self._rows[place][0] if 0 <= place < len(self._rows) else None
