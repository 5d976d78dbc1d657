"""What becomes of the events of a recording, with the current cell as a preview."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QDoubleSpinBox, QFormLayout, QSpinBox, QWidget

from napari_sparseattn.widgets.preview_dialog import PreviewDialog, choices
from sparseattn.events.settings import EventSettings

if TYPE_CHECKING:
    from napari_sparseattn.jobs import Jobs, Report

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


class EventsDialog(PreviewDialog):
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
        super().__init__(jobs, path, options, _PAUSE_MS, parent)
        self.setWindowTitle("Events")
        self._index = index
        began = dict(self._options.pop("events", None) or {})
        self._began, said = set(began), EventSettings.from_json(began)
        self.recordings = choices(
            _RECORDINGS, said.recordings, "Whether the recording is one cell or of many"
        )
        self.diameter = _number(
            " px", said.diameter, (4, 1024), "How wide a cell is with its fringe, or more"
        )
        self.slice = _number(
            " ms", said.slice_us / 1000, (0.01, 10_000), "Cells are looked for in so much time", 2
        )
        self.representation = choices(_SHOWS, said.representation, "What each pixel of an image tells")
        self.bins = QSpinBox()
        self.bins.setRange(2, 16)
        self.bins.setValue(said.bins)
        self.bins.setToolTip("Into how many moments the time of a cell is cut: each is a channel")
        window = "time" if said.window_us else "count" if said.window_events else "all"
        self.window_by = choices(
            _WINDOWS, window, "Which events of a cell count, around the middle of its time"
        )
        self.window_ms = _number(" ms", (said.window_us or 20_000) / 1000, (0.01, 100_000), "So much time", 2)
        self.window_events = QSpinBox()
        self.window_events.setRange(1, 1 << 26)
        self.window_events.setValue(said.window_events or 2000)
        self.window_events.setSuffix(" events")
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
        self._lay_out(f"How cells are found in {path.name}, and what their images show.", form)
        for box in (self.recordings, self.representation, self.window_by):
            box.currentIndexChanged.connect(self._take)
        for number in (self.diameter, self.slice, self.bins, self.window_ms, self.window_events):
            number.valueChanged.connect(self._take)
        self._show_rows()
        self._preview()

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

    def _look(self, options: dict[str, Any]) -> Callable[[Report], tuple[NDArray[np.uint8], str]]:
        path, index = self._path, self._index
        self.says.setText("Looking for cells\N{HORIZONTAL ELLIPSIS}")
        return lambda report: _seen(path, options, index, report)

    def _picture_of(self, seen: tuple[NDArray[np.uint8], str]) -> tuple[QImage, str]:
        pixels, text = seen
        height, width, _ = pixels.shape
        return QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy(), text


def _seen(
    path: Path, options: Mapping[str, Any], index: int, report: Report
) -> tuple[NDArray[np.uint8], str]:
    """Return a cell as it would be seen, and what is found; in a thread."""
    from napari_sparseattn.widgets.thumbnail_picture import thumbnail
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
