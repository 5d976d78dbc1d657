"""What the colours mean: each class with its key, and how many cells are painted so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QSizePolicy, QToolButton, QWidget

from napari_sparseattn.colours import text_on
from napari_sparseattn.widgets.foreign_text import tip
from napari_sparseattn.workspace import ClassItem


class ClassLegend(QWidget):
    """A row a class; its button gives the class to the cell that is looked at."""

    chosen = Signal(str)
    """The name of a class."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(1, 1)
        self._rows: dict[str, tuple[QToolButton, QLabel, QLabel]] = {}
        self._shown: tuple[object, ...] = ()

    def show_classes(self, items: Sequence[ClassItem], others: Mapping[str, str]) -> None:
        """Show these classes, and after them what is painted besides: name -> colour."""
        shown = (*items, *others.items())
        if shown == self._shown:
            return
        self._shown = shown
        for row in self._rows.values():
            for part in row:
                part.deleteLater()
        self._rows = {}
        rows = [(item.name, item.colour, item.key) for item in items]
        rows += [(name, colour, "") for name, colour in others.items()]
        for place, (name, colour, key) in enumerate(rows):
            button = QToolButton()
            button.setText(key or " ")
            button.setFixedSize(24, 20)
            button.setStyleSheet(
                f"QToolButton {{ background: {colour}; color: {text_on(colour)}; border: none; "
                f"border-radius: 3px; font-weight: bold; }}"
                "QToolButton:focus, QToolButton:hover:enabled { border: 2px solid palette(highlight); }"
            )
            is_class = name not in others
            button.setEnabled(is_class)
            if is_class:
                hint = f"Give the cell that is looked at the class {name}" + (f" (key {key})" if key else "")
                button.setToolTip(hint)
                button.setAccessibleName(hint)
                button.clicked.connect(lambda _=False, name=name: self.chosen.emit(name))
            title = QLabel(name)
            title.setTextFormat(Qt.TextFormat.PlainText)
            title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            title.setToolTip(tip(name))
            count = QLabel()
            count.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            for column, part in enumerate((button, title, count)):
                self._grid.addWidget(part, place, column)
            self._rows[name] = (button, title, count)

    def show_counts(self, counts: Mapping[str, int]) -> None:
        """Show how many cells each has, and its share."""
        total = sum(counts.values())
        for name, (_, title, label) in self._rows.items():
            number = counts.get(name, 0)
            label.setText(f"{number:,}  ({100 * number / total:.0f} %)" if total else "")
            title.setEnabled(number > 0 or not total)

    def text(self, name: str) -> str:
        """Return the count that a class shows."""
        return self._rows[name][2].text()
