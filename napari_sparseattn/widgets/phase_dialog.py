"""How recorded phase becomes optical path difference, with the current cell as a preview."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QCheckBox, QDoubleSpinBox, QFormLayout, QWidget

from napari_sparseattn.widgets.preview_dialog import PreviewDialog, choices
from sparseattn.phase.settings import PhaseSettings

if TYPE_CHECKING:
    from napari_sparseattn.jobs import Jobs, Report

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


class PhaseDialog(PreviewDialog):
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
        super().__init__(jobs, path, options, _PAUSE_MS, parent)
        self.setWindowTitle("Phase")
        self._index = index
        began = self._options.pop("phase", None) or {}
        self._began, said = set(began), PhaseSettings.from_json(began)
        self._reference = said.reference
        self.wavelength = _number(" nm", 20_000, 1, "as the file says")
        self.wavelength.setValue(said.wavelength_nm or 0)
        self.pixel_size = _number(" µm", 1000, 4, "as the file says")
        self.pixel_size.setValue(self._options.pop("pixel_size_um", None) or 0)
        self.values = choices(_VALUES, said.values)
        self.background = choices(_BACKGROUNDS, said.background)
        self.unwrap = choices(_UNWRAP, said.unwrap)
        self.invert = QCheckBox("Cells appear as holes: turn the sign")
        self.invert.setChecked(said.invert)
        form = QFormLayout()
        form.addRow("Wavelength", self.wavelength)
        form.addRow("Pixel size", self.pixel_size)
        form.addRow("The numbers are", self.values)
        form.addRow("Jumps of a wavelength", self.unwrap)
        form.addRow("Take off the ground", self.background)
        form.addRow(self.invert)
        self._lay_out(f"{path.name} becomes optical path difference in nanometres.", form)
        for number in (self.wavelength, self.pixel_size):
            number.valueChanged.connect(self._timer.start)
        for box in (self.values, self.background, self.unwrap):
            box.currentIndexChanged.connect(self._timer.start)
        self.invert.toggled.connect(self._timer.start)
        self._preview()

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

    def _look(self, options: dict[str, Any]) -> Callable[[Report], NDArray[np.float32]]:
        path, index = self._path, self._index

        def look(_: Report) -> NDArray[np.float32]:
            from sparseattn.cells import open_cells, open_field

            if index is None:
                return np.asarray(open_field(path, **options).plane(0)[0], np.float32)
            cells = open_cells(path, **options)
            return np.asarray(cells.read(min(index, len(cells) - 1))[0], np.float32)

        return look

    def _picture_of(self, seen: NDArray[np.float32]) -> tuple[QImage, str]:
        from matplotlib import colormaps

        low, high = float(seen.min()), float(seen.max())
        pixels = colormaps["viridis"]((seen - low) / ((high - low) or 1), bytes=True)
        height, width = seen.shape
        picture = QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()
        return picture, f"{low:.0f} to {high:.0f} nm, {height} x {width} pixels"


def _number(suffix: str, largest: float, decimals: int, empty: str) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(0, largest)
    box.setDecimals(decimals)
    box.setSuffix(suffix)
    box.setSpecialValueText(empty)
    return box
