"""How many cells each class has so far: a line a class, with its colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtCore import QRectF
from qtpy.QtGui import QColor, QPainter, QPaintEvent
from qtpy.QtWidgets import QWidget

from napari_sparseattn.colours import NO_CLASS
from napari_sparseattn.widgets.explain.class_rows import ClassRows

_MOST_NAME, _INDENT = 0.4, 4


class ClassCounts(ClassRows):
    """Counts and shares, as bars."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[tuple[str, int], ...] = ()
        self._colours: Mapping[str, str] = {}
        self.setAccessibleName("Cells of each class")

    def show_counts(
        self, classes: Sequence[str], counts: Mapping[str, int], colours: Mapping[str, str]
    ) -> None:
        """Show the classes in their order."""
        self._rows = tuple((name, counts.get(name, 0)) for name in classes)
        self._colours = colours
        said = ", ".join(f"{name}: {count:,}" for name, count in self._rows)
        self.setAccessibleDescription(said)
        self.set_count(len(self._rows))

    @property
    def texts(self) -> list[str]:
        """What stands beside the bars."""
        total = sum(count for _, count in self._rows) or 1
        return [f"{count:,}  {100 * count / total:.1f} %" for _, count in self._rows]

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._rows:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        texts = self.texts
        bar = self.bar_room([name for name, _ in self._rows], _MOST_NAME, max(texts, key=len), _INDENT)
        most = max(count for _, count in self._rows) or 1
        for (name, count), text in zip(self._rows, texts, strict=True):
            self.draw_row(painter, bar, name, text, _INDENT)
            full = QRectF(bar)
            full.setWidth(bar.width() * count / most)
            painter.setBrush(QColor(self._colours.get(name, NO_CLASS)))
            painter.drawRoundedRect(full, 2, 2)
            bar.translate(0, self.row_height)
        painter.end()
