"""What becomes of the events of a recording, with the current cell as a preview."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_sparseattn.widgets.remember_box import RememberBox
from sparseattn.errors import InputError
from sparseattn.events.settings import EventSettings

if TYPE_CHECKING:
    from napari_sparseattn.jobs import Jobs, Report

SIDE = 260
"""Of the preview, in pixels of the screen."""

_PAUSE_MS = 250

_SHOWS = {
    "how many events": "histogram",
    "how long ago the last was": "time_surface",
    "moments, one after another": "voxel_grid",
}
_WINDOWS = {"all of them": "all", "so much time": "time", "so many": "count"}
_RECORDINGS = {
    "as usual for such files": None,
    "many cells that pass": "passages",
    "one cell": "cells",
}


class EventsDialog(QDialog):
    """Asks how cells are found in a recording and what their images show; shows what comes of it.

    Parameters
    ----------
    jobs
        In whose threads the preview is computed.
    path, options
        The recording or the folder of recordings and how it is opened, as `sparseattn.cells.open_cells`
        takes it.
    index
        Which cell to show.
    """

    def __init__(
        self, jobs: Jobs, path: Path, options: Mapping[str, Any], index: int, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Events")
        self._jobs, self._path, self._options, self._index = jobs, path, dict(options), index
        began = dict(self._options.pop("events", None) or {})
        self._began, said = set(began), EventSettings.from_json(began)
        self.recordings = _choices(
            _RECORDINGS, said.recordings, "Whether the recording is one cell or of many"
        )
        self.diameter = _number(
            " px", said.diameter, (4, 1024), "How wide a cell is with its fringe, or more"
        )
        self.slice = _number(
            " ms", said.slice_us / 1000, (0.01, 10_000), "Cells are looked for in so much time", 2
        )
        self.representation = _choices(_SHOWS, said.representation, "What each pixel of an image tells")
        self.bins = QSpinBox()
        self.bins.setRange(2, 16)
        self.bins.setValue(said.bins)
        self.bins.setToolTip("Into how many moments the time of a cell is cut: each is a channel")
        window = "time" if said.window_us else "count" if said.window_events else "all"
        self.window_by = _choices(
            _WINDOWS, window, "Which events of a cell count, around the middle of its time"
        )
        self.window_ms = _number(" ms", (said.window_us or 20_000) / 1000, (0.01, 100_000), "So much time", 2)
        self.window_events = QSpinBox()
        self.window_events.setRange(1, 1 << 26)
        self.window_events.setValue(said.window_events or 2000)
        self.window_events.setSuffix(" events")
        self.picture = QLabel()
        self.picture.setFixedSize(SIDE, SIDE)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.picture.setAccessibleName("Preview")
        self.says = QLabel()
        self.says.setWordWrap(True)
        self.says.setFixedSize(SIDE, 3 * self.says.fontMetrics().lineSpacing())
        self.says.setAlignment(Qt.AlignmentFlag.AlignTop)
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
        for box in (self.recordings, self.representation, self.window_by):
            box.currentIndexChanged.connect(self._take)
        for number in (self.diameter, self.slice, self.bins, self.window_ms, self.window_events):
            number.valueChanged.connect(self._take)
        self._show_rows()
        self._preview()

    @property
    def options(self) -> dict[str, Any]:
        """What `open_cells` is to be given, as plain JSON values."""
        return {**self._options, **self.said}

    @property
    def said(self) -> dict[str, Any]:
        """Of these, what is said here."""
        by = self.window_by.currentData()
        events = EventSettings(
            representation=self.representation.currentData(),
            bins=self.bins.value(),
            window_us=round(self.window_ms.value() * 1000) if by == "time" else None,
            window_events=self.window_events.value() if by == "count" else None,
            recordings=self.recordings.currentData(),
            diameter=self.diameter.value(),
            slice_us=round(self.slice.value() * 1000),
        ).to_json()
        usual = EventSettings().to_json()
        return {"events": {n: v for n, v in events.items() if v != usual[n] or n in self._began}}

    def _lay_out(self) -> None:
        self._form = form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("The recording is", self.recordings)
        form.addRow("Diameter of a cell", self.diameter)
        form.addRow("Time slices", self.slice)
        form.addRow("A pixel shows", self.representation)
        form.addRow("Moments", self.bins)
        form.addRow("Events that count", self.window_by)
        form.addRow("", self.window_ms)
        form.addRow("", self.window_events)
        seen = QVBoxLayout()
        seen.addWidget(self.picture)
        seen.addWidget(self.says)
        seen.addStretch()
        beside = QHBoxLayout()
        beside.addLayout(form)
        beside.addLayout(seen)
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel(f"How cells are found in {self._path.name}, and what their images show."))
        layout.addLayout(beside)
        layout.addWidget(self.remember)
        layout.addWidget(self.buttons)

    def _take(self) -> None:
        self._show_rows()
        self._timer.start()

    def _show_rows(self) -> None:
        passing = self.recordings.currentData() != "cells" and self._path.is_file()
        self._form.setRowVisible(self.recordings, self._path.is_file())
        self._form.setRowVisible(self.diameter, passing)
        self._form.setRowVisible(self.slice, passing)
        self._form.setRowVisible(self.bins, self.representation.currentData() == "voxel_grid")
        self._form.setRowVisible(self.window_ms, self.window_by.currentData() == "time")
        self._form.setRowVisible(self.window_events, self.window_by.currentData() == "count")

    def _preview(self) -> None:
        try:
            options = self.options
        except InputError as error:
            self._show(str(error))
            return
        path, index = self._path, self._index
        self.says.setText("Looking for cells\N{HORIZONTAL ELLIPSIS}")

        def work(report: Report) -> tuple[NDArray[np.uint8], str] | str:
            try:
                return _seen(path, options, index, report)
            except InputError as error:
                return str(error)

        self._jobs.start("Preview", work, self._show, bound_to=(), key="events preview", quiet=True)

    def _show(self, seen: tuple[NDArray[np.uint8], str] | str) -> None:
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(not isinstance(seen, str))
        if isinstance(seen, str):
            self.picture.clear()
            self.says.setText(seen[:1].upper() + seen[1:])
            return
        pixels, text = seen
        self.says.setText(text)
        height, width, _ = pixels.shape
        picture = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
        self.picture.setPixmap(
            QPixmap.fromImage(picture).scaled(SIDE, SIDE, Qt.AspectRatioMode.KeepAspectRatio)
        )


def _seen(
    path: Path, options: Mapping[str, Any], index: int, report: Report
) -> tuple[NDArray[np.uint8], str]:
    """Return a cell as it would be seen, and what is found; in a thread."""
    from napari_sparseattn.widgets.gallery.thumbnail_picture import thumbnail
    from sparseattn.cells import open_cells, open_passages
    from sparseattn.cells.passages import holds_passages

    if holds_passages(path, options["events"]):
        open_passages(path, options["events"], on_slice=report)
    cells = open_cells(path, **options)
    number = min(index, len(cells) - 1)
    height, width = cells.shapes[number]
    passing = cells.column("time_ms") is not None
    what = ("One cell passes" if len(cells) == 1 else f"{len(cells):,} cells pass") if passing else "One cell"
    return thumbnail(cells, number), f"{what}; {height} x {width} pixels, {', '.join(cells.channels)}."


def _choices(names: Mapping[str, Any], chosen: Any, hint: str) -> QComboBox:
    box = QComboBox()
    for name, value in names.items():
        box.addItem(name, value)
    box.setCurrentIndex(list(names.values()).index(chosen))
    box.setToolTip(hint)
    return box


def _number(
    suffix: str, value: float, limits: tuple[float, float], hint: str, decimals: int = 0
) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(*limits)
    box.setDecimals(decimals)
    box.setSuffix(suffix)
    box.setValue(value)
    box.setToolTip(hint)
    return box
