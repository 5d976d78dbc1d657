"""What is it? What was worked out of a source of cells, to be looked at and corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_sparseattn.source_words import MODALITIES, RGB, axes_in_words, known_from
from napari_sparseattn.widgets.foreign_text import show_as_text
from napari_sparseattn.widgets.remember_box import RememberBox
from sparseattn.cells.readers.layouts import LAYOUTS

if TYPE_CHECKING:
    from sparseattn.cells import SourceFacts

_MOST_IN_SIGHT = 6


class WhatIsItDialog(QDialog):
    """Shows facts and from whom they are known; `changed` is what the user says otherwise.

    Parameters
    ----------
    title
        What the source is called.
    facts
        What was worked out; None where the order of the axes must be said before anything else.
    shape
        Of the array of which that is so.
    why
        A sentence to begin with, "" for none.
    """

    def __init__(
        self,
        title: str,
        facts: SourceFacts | None,
        *,
        shape: tuple[int, ...] = (),
        why: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("What Is It?")
        self._facts = facts
        self.layout_of = QComboBox()
        self.layout_of.setToolTip("Which axis of the array counts cells, which channels, rows and columns")
        self.modality = QComboBox()
        self.modality.setToolTip("A model is asked only about the kind of images that it was made for")
        self.pixel_size = QDoubleSpinBox()
        self.channels: list[QLineEdit] = []
        self.remember = RememberBox()
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.hint = QLabel()
        self.hint.setWordWrap(True)
        self._grid = QGridLayout()
        self._grid.setColumnStretch(1, 1)
        self._grid.setHorizontalSpacing(12)
        head = QLabel(why or f"What {title} is, as far as it could be worked out.")
        if facts is None:
            size = " x ".join(map(str, shape))
            head.setText(f"{title} holds {size} numbers and does not say which axis is which.")
        head.setTextFormat(Qt.TextFormat.PlainText)
        head.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.addWidget(head)
        layout.addLayout(self._grid)
        layout.addWidget(self.hint)
        layout.addWidget(self.remember)
        layout.addWidget(self.buttons)
        self.setMinimumWidth(460)
        if facts is None:
            self._ask_axes(shape)
        else:
            self._show_facts(facts)
        show_as_text(self)
        self._check()

    @property
    def changed(self) -> dict[str, Any]:
        """What is to be otherwise than it was worked out: options of `open_cells`, plain JSON values."""
        said: dict[str, Any] = {}
        if self.layout_of.currentData() is not None:
            said["layout"] = self.layout_of.currentData()
        facts = self._facts
        if facts is None:
            return said
        if self.modality.currentData() != facts.modality.value:
            said["modality"] = self.modality.currentData()
        names = [box.text().strip() for box in self.channels]
        if names and tuple(names) != facts.channels.value:
            said["channel_names"] = names
        size = self.pixel_size.value()
        if size and size != facts.pixel_size_um.value:
            said["pixel_size_um"] = size
        return said

    @property
    def confirmed(self) -> dict[str, Any]:
        """What is said with OK: what was changed, and guesses that were looked at and left as they are."""
        facts = self._facts
        if facts is not None and facts.layout.by == "guess" and facts.layout.value is not None:
            return {"layout": facts.layout.value, **self.changed}
        return self.changed

    def _ask_axes(self, shape: tuple[int, ...]) -> None:
        self._offer_layouts(shape)
        of_cells = [place for place in range(self.layout_of.count()) if "N" in self.layout_of.itemData(place)]
        self.layout_of.setCurrentIndex(of_cells[0] if of_cells else 0)
        self._add("Axes", self.layout_of, "several are possible")

    def _offer_layouts(self, shape: tuple[int, ...] | None, besides: str = "") -> None:
        for layout in LAYOUTS:
            if layout != besides and (shape is None or len(layout) == len(shape)):
                self.layout_of.addItem(axes_in_words(layout, shape), layout)

    def _show_facts(self, facts: SourceFacts) -> None:
        for name, words in MODALITIES.items():
            self.modality.addItem(words, name)
        self.modality.setCurrentIndex(self.modality.findData(facts.modality.value or "unknown"))
        self._add("Kind of image", self.modality, known_from(facts.modality))
        if facts.layout.value is not None:
            shown = axes_in_words(facts.layout.value, facts.array_shape)
            self.layout_of.addItem(shown, None)
            self._offer_layouts(facts.array_shape, facts.layout.value)
            self._add("Axes", self.layout_of, known_from(facts.layout))
        self._show_channels(facts)
        if facts.unit.value is not None:
            self._add("Values are in", QLabel(facts.unit.value), known_from(facts.unit))
        if facts.wavelength_nm.value is not None:
            light = QLabel(f"{facts.wavelength_nm.value:g} nm (more under Phase… in the menu)")
            self._add("Wavelength", light, known_from(facts.wavelength_nm))
        self.pixel_size.setRange(0, 1000)
        self.pixel_size.setDecimals(4)
        self.pixel_size.setSingleStep(0.01)
        self.pixel_size.setSuffix(" µm")
        self.pixel_size.setSpecialValueText("they differ" if _differ(facts) else "not known")
        self.pixel_size.setToolTip("Side of a pixel in the sample")
        self.pixel_size.setValue(facts.pixel_size_um.value or 0)
        self._add("Side of a pixel", self.pixel_size, known_from(facts.pixel_size_um))

    def _show_channels(self, facts: SourceFacts) -> None:
        names = facts.channels.value or ()
        if names == RGB:
            self._add("Channels", QLabel("red, green, blue"), known_from(facts.channels))
            return
        rows = QWidget()
        grid = QGridLayout(rows)
        grid.setContentsMargins(0, 0, 0, 0)
        for place, (of_file, name) in enumerate(zip(facts.file_channels, names, strict=True)):
            box = QLineEdit(name)
            box.setAccessibleName(f"Name of channel {of_file}")
            box.setToolTip("What the channel shows, as the model that you use names it: brightfield, DAPI")
            box.textChanged.connect(self._check)
            self.channels.append(box)
            if of_file != name:
                grid.addWidget(QLabel(f"{of_file} is"), place, 0)
            grid.addWidget(box, place, 1)
        shown: QWidget = rows
        if len(names) > _MOST_IN_SIGHT:
            area = QScrollArea()
            area.setWidget(rows)
            area.setWidgetResizable(True)
            area.setFixedHeight(_MOST_IN_SIGHT * (self.channels[0].sizeHint().height() + 6))
            shown = area
        title = "Channel" if len(names) == 1 else "Channels"
        self._add(title, shown, known_from(facts.channels))

    def _add(self, title: str, control: QWidget, by: str) -> None:
        row = self._grid.rowCount()
        note = QLabel(by)
        font = note.font()
        font.setItalic(True)
        note.setFont(font)
        self._grid.addWidget(QLabel(title), row, 0, Qt.AlignmentFlag.AlignTop)
        self._grid.addWidget(control, row, 1)
        self._grid.addWidget(note, row, 2, Qt.AlignmentFlag.AlignTop)

    def _check(self) -> None:
        names = [box.text().strip() for box in self.channels]
        wrong = "" if all(names) else "Give every channel a name."
        if not wrong and len(set(names)) < len(names):
            wrong = "Two channels cannot have one name."
        self.hint.setText(wrong)
        self.hint.setVisible(bool(wrong))
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(not wrong)


def _differ(facts: SourceFacts) -> bool:
    return len([size for size in facts.pixel_sizes_um if size is not None]) > 1
