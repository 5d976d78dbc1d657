"""A range of 0 to 1 with its name and its two numbers."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QWidget
from superqt import QDoubleRangeSlider


class RangeSlider(QWidget):
    changed = Signal()

    def __init__(self, title: str, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._slider = QDoubleRangeSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(0, 1)
        self._slider.setSingleStep(0.01)
        self._slider.setValue((0.0, 1.0))
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
        self._slider.valueChanged.connect(self._tell)
        self._name()

    @property
    def value(self) -> tuple[float, float]:
        low, high = self._slider.value()
        return round(low, 2), round(high, 2)

    def set_value(self, value: tuple[float, float]) -> None:
        """Show a range, without telling it back."""
        if value != self.value:
            self._slider.blockSignals(True)
            self._slider.setValue(value)
            self._slider.blockSignals(False)
            self._name()

    def _tell(self) -> None:
        self._name()
        self.changed.emit()

    def _name(self) -> None:
        low, high = self.value
        self._numbers.setText("any" if (low, high) == (0, 1) else f"{low:.2f} to {high:.2f}")
