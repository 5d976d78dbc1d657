"""Limits on columns of numbers: a row for each column that is chosen."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from napari_sparseattn.widgets.foreign_text import tip
from napari_sparseattn.widgets.gallery.range_slider import RangeSlider

Range = tuple[float, float]


class NumberLimits(QWidget):
    """Offers columns to limit; limited ones have a slider, and a button that takes the limit away."""

    changed = Signal()
    """`value`: the user changed it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._titles: dict[str, str] = {}
        self._spans: dict[str, Range] = {}
        self._rows: dict[str, tuple[QWidget, RangeSlider]] = {}
        self.add = QComboBox()
        self.add.setToolTip("Show only cells with a number in a range: choose the column")
        self.add.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.add.activated.connect(self._add_chosen)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addWidget(self.add)

    @property
    def value(self) -> dict[str, Range]:
        """The limits by column; a column whose whole range is allowed is left out."""
        return {name: slider.value for name, (_, slider) in self._rows.items() if not slider.is_whole}

    def offer(
        self, titles: Mapping[str, str], spans: Mapping[str, Range], value: Mapping[str, Range]
    ) -> None:
        """Offer columns by their titles, with their least and largest number, and show the limits set."""
        self._spans = dict(spans)
        for name in [name for name in self._rows if name not in spans and name not in value]:
            self._remove(name)
        for name, limits in value.items():
            self._show_row(name, titles.get(name, name), self._spans.get(name, limits)).set_value(limits)
        for name, (_, slider) in self._rows.items():
            if name not in value:
                slider.set_span(self._spans[name])
                slider.set_value(self._spans[name])
        self._titles = dict(titles)
        self._list()

    def row(self, name: str) -> RangeSlider:
        """Return the slider of a column that is limited."""
        return self._rows[name][1]

    def _list(self) -> None:
        free = [name for name in self._titles if name in self._spans and name not in self._rows]
        if [self.add.itemData(place) for place in range(1, self.add.count())] != free:
            self.add.clear()
            self.add.addItem("Limit a number\N{HORIZONTAL ELLIPSIS}", "")
            for name in free:
                self.add.addItem(self._titles[name], name)
        self.add.setCurrentIndex(0)
        self.add.setVisible(bool(free))

    def _add_chosen(self) -> None:
        name = self.add.currentData()
        if name:
            self._show_row(name, self._titles[name], self._spans[name])
            self._list()

    def _show_row(self, name: str, title: str, span: Range) -> RangeSlider:
        if name in self._rows:
            slider = self._rows[name][1]
            slider.set_span(span)
            return slider
        slider = RangeSlider(title, f"Show only cells with such a number: {title}", span)
        slider.changed.connect(self.changed)
        remove = QToolButton()
        remove.setText("\N{MULTIPLICATION SIGN}")
        remove.setAutoRaise(True)
        remove.setToolTip(tip(f"Take this limit away: {title}"))
        remove.setAccessibleName(remove.toolTip())
        remove.clicked.connect(lambda _=False, name=name: self._take_away(name))
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(slider, stretch=1)
        layout.addWidget(remove)
        self._rows[name] = row, slider
        self._layout.addWidget(row)
        return slider

    def _take_away(self, name: str) -> None:
        self._remove(name)
        self._list()
        self.changed.emit()

    def _remove(self, name: str) -> None:
        row, _ = self._rows.pop(name)
        self._layout.removeWidget(row)
        row.deleteLater()
