"""Figures with a name above and a remark below."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QWidget


class Tiles(QWidget):
    """Figures with a name above and a remark below, three in a row."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._labels: list[QLabel] = []

    def show_tiles(self, tiles: Sequence[tuple[str, str, str]]) -> None:
        """Show (name, figure, remark)."""
        while len(self._labels) < len(tiles):
            label = QLabel()
            label.setTextFormat(Qt.TextFormat.RichText)
            label.setWordWrap(True)
            label.setAlignment(Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(label, len(self._labels) // 3, len(self._labels) % 3)
            self._labels.append(label)
        for place, label in enumerate(self._labels):
            label.setVisible(place < len(tiles))
            if place < len(tiles):
                name, figure, remark = tiles[place]
                large = f"<b style='font-size: large'>{escape(figure)}</b>"
                label.setText(f"<small>{escape(name)}</small><br>{large}<br><small>{escape(remark)}</small>")

    @property
    def text(self) -> str:
        return " ".join(label.text() for label in self._labels if not label.isHidden())
