"""How recorded phase becomes optical path difference, with the current cell as a preview."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from napari_sparseattn.widgets.remember_box import RememberBox
from sparseattn.errors import InputError
from sparseattn.phase.settings import PhaseSettings

if TYPE_CHECKING:
    from napari_sparseattn.jobs import Jobs, Report

SIDE = 260
"""Of the preview, in pixels of the screen."""

_PAUSE_MS = 150

_VALUES = {
    "as the file says": "auto",
    "phase in radians": "radians",
    "phase in wavelengths": "wavelengths",
    "path difference in nm": "nm",
    "path difference in µm": "um",
    "path difference in m": "m",
    "complex wave": "field",
    "off-axis hologram": "hologram",
    "QLSI picture": "qlsi",
}
_BACKGROUNDS = {
    "as usual for such files": "auto",
    "leave it": "none",
    "its level": "offset",
    "its tilt (a plane)": "tilt",
    "its curve (second order)": "curve",
}
_UNWRAP = {"where it is needed": None, "yes": True, "no": False}


class PhaseDialog(QDialog):
    """Asks for what a file of phase does not say; shows what comes of it.

    Parameters
    ----------
    jobs
        In whose threads the preview is computed.
    path, options
        The file and how it is opened, as `sparseattn.cells.open_cells` takes it.
    index
        Which cell to show; None: the file is a field of many cells.
    """

    def __init__(
        self,
        jobs: Jobs,
        path: Path,
        options: Mapping[str, Any],
        index: int | None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Phase")
        self._jobs, self._path, self._options, self._index = jobs, path, dict(options), index
        began = self._options.pop("phase", None) or {}
        self._began, said = set(began), PhaseSettings.from_json(began)
        self._reference = said.reference
        self.wavelength = _number(" nm", 20_000, 1, "as the file says")
        self.wavelength.setValue(said.wavelength_nm or 0)
        self.pixel_size = _number(" µm", 1000, 4, "as the file says")
        self.pixel_size.setValue(self._options.pop("pixel_size_um", None) or 0)
        self.values = _choices(_VALUES, said.values)
        self.background = _choices(_BACKGROUNDS, said.background)
        self.unwrap = _choices(_UNWRAP, said.unwrap)
        self.invert = QCheckBox("Cells appear as holes: turn the sign")
        self.invert.setChecked(said.invert)
        self.picture = QLabel()
        self.picture.setFixedSize(SIDE, SIDE)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.picture.setAccessibleName("Preview")
        self.says = QLabel()
        self.says.setWordWrap(True)
        self.says.setFixedWidth(SIDE)
        self.remember = RememberBox()
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._lay_out()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE_MS)
        self._timer.timeout.connect(self._preview)
        for number in (self.wavelength, self.pixel_size):
            number.valueChanged.connect(self._timer.start)
        for box in (self.values, self.background, self.unwrap):
            box.currentIndexChanged.connect(self._timer.start)
        self.invert.toggled.connect(self._timer.start)
        self._preview()

    @property
    def options(self) -> dict[str, Any]:
        """What `open_cells` is to be given, as plain JSON values."""
        return {**self._options, **self.said}

    @property
    def said(self) -> dict[str, Any]:
        """Of these, what is said here."""
        phase = PhaseSettings(
            values=self.values.currentData(),
            wavelength_nm=self.wavelength.value() or None,
            unwrap=self.unwrap.currentData(),
            invert=self.invert.isChecked(),
            background=self.background.currentData(),
            reference=self._reference,
        ).to_json()
        usual = PhaseSettings().to_json()
        changed = {
            name: value for name, value in phase.items() if value != usual[name] or name in self._began
        }
        size = {"pixel_size_um": self.pixel_size.value()} if self.pixel_size.value() else {}
        return {**size, "phase": changed}

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow("Wavelength", self.wavelength)
        form.addRow("Pixel size", self.pixel_size)
        form.addRow("The numbers are", self.values)
        form.addRow("Jumps of a wavelength", self.unwrap)
        form.addRow("Take off the ground", self.background)
        form.addRow(self.invert)
        seen = QVBoxLayout()
        seen.addWidget(self.picture)
        seen.addWidget(self.says)
        seen.addStretch()
        beside = QHBoxLayout()
        beside.addLayout(form)
        beside.addLayout(seen)
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel(f"{self._path.name} becomes optical path difference in nanometres."))
        layout.addLayout(beside)
        layout.addWidget(self.remember)
        layout.addWidget(self.buttons)

    def _preview(self) -> None:
        try:
            options = self.options
        except InputError as error:  # a wavelength that is half typed
            self._show(str(error))
            return
        path, index = self._path, self._index

        def work(_: Report) -> NDArray[np.float32] | str:
            from sparseattn.cells import open_cells, open_field

            try:
                if index is None:
                    return np.asarray(open_field(path, **options).plane(0)[0], np.float32)
                cells = open_cells(path, **options)
                return np.asarray(cells.read(min(index, len(cells) - 1))[0], np.float32)
            except InputError as error:
                return str(error)

        self._jobs.start("Preview", work, self._show, bound_to=(), key="phase preview", quiet=True)

    def _show(self, seen: NDArray[np.float32] | str) -> None:
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(not isinstance(seen, str))
        if isinstance(seen, str):
            self.picture.clear()
            self.says.setText(seen)
            return
        low, high = float(seen.min()), float(seen.max())
        self.says.setText(f"{low:.0f} to {high:.0f} nm, {seen.shape[0]} x {seen.shape[1]} pixels")
        self.picture.setPixmap(_pixmap(seen, low, high))


def _pixmap(image: NDArray[np.float32], low: float, high: float) -> QPixmap:
    from matplotlib import colormaps

    scaled = (image - low) / ((high - low) or 1)
    pixels = np.ascontiguousarray(colormaps["viridis"](scaled, bytes=True))
    height, width = image.shape
    picture = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
    keep = Qt.AspectRatioMode.KeepAspectRatio
    return QPixmap.fromImage(picture).scaled(SIDE, SIDE, keep)  # copies: the array may go


def _number(suffix: str, largest: float, decimals: int, empty: str) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(0, largest)
    box.setDecimals(decimals)
    box.setSuffix(suffix)
    box.setSpecialValueText(empty)
    return box


def _choices(names: Mapping[str, Any], chosen: Any) -> QComboBox:
    box = QComboBox()
    for name, value in names.items():
        box.addItem(name, value)
    box.setCurrentIndex(list(names.values()).index(chosen))
    return box
