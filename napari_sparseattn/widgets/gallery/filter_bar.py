"""The conditions on what is shown, one control each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QGridLayout, QWidget

from napari_sparseattn.widgets.gallery.choice_button import ChoiceButton
from napari_sparseattn.widgets.gallery.column_titles import column_title
from napari_sparseattn.widgets.gallery.number_limits import NumberLimits
from napari_sparseattn.widgets.gallery.range_slider import RangeSlider
from sparseattn.table.filters import CellFilter

_LABELLED = (("Labelled or not", None), ("Labelled", True), ("Not labelled", False))
_AGREEMENT = (("Agreeing or not", None), ("Model disagrees", True), ("No disagreement", False))


class FilterBar(QWidget):
    changed = Signal()
    """`value`: the user changed it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value = CellFilter()
        self.predicted = ChoiceButton("Predicted", "Show only cells of these predicted classes")
        self.given = ChoiceButton("Given", "Show only cells that were given these classes")
        self.labelled = _box(_LABELLED, "Show only cells with a given class, or only those without")
        self.agreement = _box(_AGREEMENT, "Show only cells whose given class is not the predicted one")
        self.confidence = RangeSlider("Confidence", "Show only cells whose class is this probable")
        self.in_distribution = RangeSlider(
            "Familiar",
            "How much a cell is like those that the model was taught with: near 0, like none of them",
        )
        self.limits = NumberLimits()
        self._samples: dict[str, ChoiceButton] = {}
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addWidget(self.predicted, 0, 0)
        self._layout.addWidget(self.given, 0, 1)
        self._layout.addWidget(self.labelled, 1, 0)
        self._layout.addWidget(self.agreement, 1, 1)
        self._layout.addWidget(self.confidence, 2, 0, 1, 2)
        self._layout.addWidget(self.in_distribution, 3, 0, 1, 2)
        self._layout.addWidget(self.limits, 4, 0, 1, 2)
        for column in (0, 1):
            self._layout.setColumnStretch(column, 1)
        for control in (self.predicted, self.given, self.confidence, self.in_distribution, self.limits):
            control.changed.connect(self._tell)
        for box in (self.labelled, self.agreement):
            box.currentIndexChanged.connect(self._tell)

    @property
    def value(self) -> CellFilter:
        """The filter as it is set; gates are kept as they are."""
        return self._value

    def show_value(self, value: CellFilter) -> None:
        """Show a filter that was set elsewhere, without telling it back."""
        self._value = value
        self.confidence.set_value(value.confidence)
        self.in_distribution.set_value(value.in_distribution)
        for box, choices, chosen in (
            (self.labelled, _LABELLED, value.labelled),
            (self.agreement, _AGREEMENT, value.disagreement),
        ):
            box.blockSignals(True)
            box.setCurrentIndex([choice for _, choice in choices].index(chosen))
            box.blockSignals(False)

    def hide_answers(self, hidden: bool) -> None:
        """Hide the conditions on what a model says; they are kept, and do not hold meanwhile."""
        for control in (self.predicted, self.agreement, self.confidence, self.in_distribution):
            control.setVisible(not hidden)

    def offer(
        self,
        predicted: Sequence[str],
        given: Sequence[str],
        samples: Mapping[str, Sequence[str]],
        numbers: Mapping[str, tuple[str, float, float]],
        colours: dict[str, str],
    ) -> None:
        """Offer the classes, sample values, and numbers (title, least, largest) that there are."""
        self.limits.offer(
            {name: title for name, (title, _, _) in numbers.items()},
            {name: (low, high) for name, (_, low, high) in numbers.items()},
            {name: (low, high) for name, low, high in self._value.limits},
        )
        self.predicted.offer(predicted, self._value.predicted, colours)
        self.given.offer(given, self._value.given, colours)
        allowed = dict(self._value.samples)
        wanted = {**samples, **{column: () for column in allowed if column not in samples}}
        if list(wanted) != list(self._samples):
            for button in self._samples.values():
                self._layout.removeWidget(button)
                button.deleteLater()
            self._samples = {}
            for place, column in enumerate(wanted):
                button = ChoiceButton(column_title(column), f"Show only cells of these values of {column}")
                button.changed.connect(self._tell)
                self._samples[column] = button
                self._layout.addWidget(button, 5 + place // 2, place % 2)
        for column, button in self._samples.items():
            button.offer(wanted[column], allowed.get(column, ()))

    def _tell(self) -> None:
        self._value = dataclasses.replace(
            self._value,
            samples=tuple(
                (column, button.chosen) for column, button in self._samples.items() if button.chosen
            ),
            predicted=self.predicted.chosen,
            given=self.given.chosen,
            confidence=self.confidence.value,
            in_distribution=self.in_distribution.value,
            limits=tuple((name, low, high) for name, (low, high) in self.limits.value.items()),
            labelled=_LABELLED[self.labelled.currentIndex()][1],
            disagreement=_AGREEMENT[self.agreement.currentIndex()][1],
        )
        self.changed.emit()


def _box(choices: Sequence[tuple[str, bool | None]], hint: str) -> QComboBox:
    box = QComboBox()
    for text, _ in choices:
        box.addItem(text)
    box.setToolTip(hint)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return box
