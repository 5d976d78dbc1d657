"""A range of numbers, 0 to 1 unless another is given, with its name and its two ends."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QWidget
from superqt import QDoubleRangeSlider

_STEPS = 100


class RangeSlider(QWidget):
    changed = Signal()

    def __init__(
        self, title: str, hint: str, span: tuple[float, float] = (0.0, 1.0), parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._span = span
        self._slider = QDoubleRangeSlider(Qt.Orientation.Horizontal)
        self._slider.setAccessibleName(title)
        self._numbers = QLabel()
        self._numbers.setMinimumWidth(self._numbers.fontMetrics().horizontalAdvance("0.00 to 0.00 "))
        self._numbers.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        name = QLabel(title)
        self.setToolTip(hint)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(name)
        layout.addWidget(self._slider, stretch=1)
        layout.addWidget(self._numbers)
        self._set_range()
        self._slider.setValue(span)
        self._slider.valueChanged.connect(self._tell)
        self._name()

    @property
    def value(self) -> tuple[float, float]:
        """The range: its ends are those of the span, or whole steps."""
        least, largest = self._span
        step = (largest - least) / _STEPS
        low, high = self._slider.value()

        def even(number: float) -> float:
            if number <= least + step / 2:
                return least
            return largest if number >= largest - step / 2 else round(number, self._digits)

        return even(low), even(high)

    @property
    def is_whole(self) -> bool:
        """Whether every number is allowed."""
        return self.value == self._span

    def set_value(self, value: tuple[float, float]) -> None:
        """Show a range, without telling it back."""
        if value != self.value:
            self._slider.blockSignals(True)
            self._slider.setValue(value)
            self._slider.blockSignals(False)
            self._name()

    def set_span(self, span: tuple[float, float]) -> None:
        """Say the least and the largest number, without telling it back."""
        if span != self._span:
            kept = self.value
            self._span = span
            self._slider.blockSignals(True)
            self._set_range()
            self._slider.setValue((max(kept[0], span[0]), min(kept[1], span[1])))
            self._slider.blockSignals(False)
            self._name()

    def _set_range(self) -> None:
        least, largest = self._span
        self._slider.setRange(least, largest)
        self._slider.setSingleStep((largest - least) / _STEPS or 1)

    @property
    def _digits(self) -> int:
        """Digits after the point that tell one step from the next."""
        step, digits = (self._span[1] - self._span[0]) / _STEPS, 0
        while 0 < step < 1 and digits < 6:
            step, digits = step * 10, digits + 1
        return digits

    def _tell(self) -> None:
        self._name()
        self.changed.emit()

    def _name(self) -> None:
        low, high = self.value
        text = f"{low:,.{self._digits}f} to {high:,.{self._digits}f}"
        self._numbers.setText("any" if self.is_whole else text)
