"""Class probabilities as bars."""

from __future__ import annotations

from qtpy.QtCore import QRectF, QSizeF, Qt, Signal
from qtpy.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QToolTip, QWidget

from napari_sparseattn.widgets.explain.class_rows import ClassRows, places_shown

INDENT = 6


class ProbabilityBars(ClassRows):
    """A row a class: name, bar in the class's colour, per cent. A click chooses the class to explain."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[tuple[str, float, str]] = []
        self._explained: str | None = None
        self._label: str | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName("Class probabilities")

    def show_rows(self, rows: list[tuple[str, float, str]], explained: str | None, label: str | None) -> None:
        """Show (class, probability, colour) in this order; mark the explained class and the given label.

        Of very many classes the most probable are shown, and these two.
        """
        count = len(rows)
        marked = [place for place, (name, _, _) in enumerate(rows) if name in (explained, label)]
        rows = [rows[place] for place in places_shown([share for _, share, _ in rows], marked)]
        self._rows, self._explained, self._label = rows, explained, label
        self.setAccessibleDescription(", ".join(f"{name} {100 * share:.0f} %" for name, share, _ in rows))
        self.set_count(len(rows), count - len(rows))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        names = [name + (" ✓" if name == self._label else "") for name, _, _ in self._rows]
        bar = self.bar_room(names, 0.45, "100.0 %", INDENT)
        for (name, share, colour), shown in zip(self._rows, names, strict=True):
            if name == self._explained:
                painter.setPen(QPen(self.ink, 1))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                frame = QRectF(0.5, bar.top() - 3.5, self.width() - 1, self.row_height - 1)
                painter.drawRoundedRect(frame, 3, 3)
            self.draw_row(painter, bar, shown, f"{100 * share:.1f} %", INDENT)
            painter.setBrush(QColor(colour))
            painter.drawRoundedRect(
                QRectF(bar.topLeft(), QSizeF(max(bar.width() * share, 1), bar.height())), 2, 2
            )
            bar.translate(0, self.row_height)
        self.draw_more(painter, bar, INDENT)
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
        place = int(y // self.row_height)
        return self._rows[place][0] if 0 <= place < len(self._rows) else None
