"""The table of the cells and the rows of it that are shown: one for the gallery and the exports."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_sparseattn.classify_job import Classification
from napari_sparseattn.jobs import Jobs, Report
from napari_sparseattn.workspace import SETTING_ASIDE, Workspace
from sparseattn.cells.measure import Measurements, measure_cells
from sparseattn.errors import InputError
from sparseattn.table.filters import CellFilter, CellOrder, is_answer, rows_shown

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from sparseattn.cells import CellSet
    from sparseattn.classifier import Classifier
    from sparseattn.predictions import Predictions

_MEASURED_AT_ONCE = 32
_PARTS_SHOWN = 1500
"""Measured cells between two updates of the table."""


class ShownCells:
    """What is shown of the cells, in which order. ``table.iloc[rows]`` is what an export holds.

    Nothing is worked out before somebody calls `ask`. The filter is `Workspace.filters`, a `CellFilter` as
    JSON; the order lies in ``Workspace.extras["gallery"]["order"]``.
    """

    table_changed = Signal()
    """`table`: labels, predictions or measurements came in. `rows_changed` follows."""
    rows_changed = Signal()
    """`rows`, `problem`: after every change of the table, the filter or the order."""

    def __init__(self, workspace: Workspace, jobs: Jobs, classification: Classification) -> None:
        self._workspace = workspace
        self._jobs = jobs
        self._classification = classification
        self._wanted = False
        self._named = False  # ids are known: asking for them no longer reads every file
        self._measurements: Measurements | None = None
        self._measured = False
        self._building, self._stale = False, False
        self.table: pd.DataFrame | None = None
        self.ranges: dict[str, tuple[float, float]] = {}
        """Least and largest number of the columns of the table whose numbers differ."""
        self.rows: NDArray[np.int64] = np.zeros(0, np.int64)
        self.problem: str | None = None
        self._later = QTimer()
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.timeout.connect(self._build)
        workspace.cells_changed.connect(self._take_cells)
        workspace.filters_changed.connect(self.choose_rows)
        workspace.predictions_changed.connect(self._schedule)
        workspace.labels_changed.connect(self._schedule)
        workspace.error_rate_changed.connect(self._schedule)
        workspace.outside_changed.connect(self._schedule)
        workspace.blind_changed.connect(self._take_blind)
        classification.partial_changed.connect(self._schedule)
        jobs.changed.connect(self._measure)

    def ask(self) -> None:
        """Keep the table up to date from now on."""
        if not self._wanted:
            self._wanted = True
            self._take_cells()

    def close(self) -> None:
        """Do nothing more."""
        self._wanted = False
        with suppress(RuntimeError):  # Qt has taken the timer with it
            self._later.stop()

    @property
    def filter(self) -> CellFilter:
        """The filter in the workspace; one that lets all pass where that makes no sense."""
        try:
            return CellFilter.from_json(self._workspace.filters)
        except InputError:
            return CellFilter()

    @property
    def filter_now(self) -> CellFilter:
        """The filter that holds: while labelling blind, without what a model says."""
        return self.filter.without_answers() if self._workspace.blind else self.filter

    def set_filter(self, chosen: CellFilter) -> None:
        self._workspace.set_filters(chosen.to_json())

    @property
    def order(self) -> CellOrder:
        try:
            return CellOrder.from_json(self._workspace.extras.get("gallery", {}).get("order", {}))
        except (InputError, AttributeError):
            return CellOrder()

    def set_order(self, order: CellOrder) -> None:
        kept = self._workspace.extras.get("gallery", {})
        self._workspace.extras["gallery"] = {**kept, "order": order.to_json()}
        self.choose_rows()

    @property
    def shown_table(self) -> pd.DataFrame | None:
        """The rows that are shown, in their order."""
        return None if self.table is None else self.table.iloc[self.rows]

    def _take_blind(self) -> None:
        """Who labels blind is told nothing by which cells are shown, or in which order."""
        self.table = None
        self.choose_rows()
        self._schedule()

    def choose_rows(self) -> None:
        """Apply filter and order to the table as it is."""
        self.problem = None
        chosen, order = self.filter_now, self.order
        if self._workspace.blind and is_answer(order.column):
            order = CellOrder()
        cells = self._workspace.cells
        if self.table is None:
            # All that is known of the cells is that they are there; that much can be shown.
            count = 0 if cells is None or not chosen.is_empty else len(cells)
            self.rows = np.arange(count)
        else:
            order = order if order.column in self.table.columns else CellOrder()
            try:
                self.rows = rows_shown(self.table, chosen, order)
            except InputError as error:
                self.problem = str(error)
                self.rows = np.zeros(0, np.int64)
        self.rows_changed.emit()

    def _take_cells(self) -> None:
        self.table, self._measurements = None, None
        self._named, self._measured = False, False
        self._building = False
        if not self._wanted:
            return
        cells = self._workspace.cells
        self.table_changed.emit()
        self.choose_rows()
        if cells is None or not len(cells):
            return

        def know_names(_: object) -> None:
            self._named = True
            self._schedule()

        self._jobs.start(
            "Reading cells", lambda report: cells.ids, know_names, bound_to=("cells",), key="ids", quiet=True
        )

    def _schedule(self, *_: Any) -> None:
        if self._wanted and self._named:
            self._later.start()

    def _build(self) -> None:
        """Make the table anew in a thread; while one is being made, once more after it."""
        cells = self._workspace.cells
        if cells is None or not self._named:
            return
        if self._building:
            self._stale = True
            return
        self._building, self._stale = True, False
        version = self._workspace.token
        predictions = None
        if not self._workspace.blind:
            predictions = self._workspace.predictions or self._classification.partial
        labels = self._workspace.labels()
        if self._measurements is None:
            self._measurements = Measurements.none_of(cells)
        measurements = self._measurements
        classifier, error_rate = self._workspace.classifier, self._workspace.error_rate
        outside = None if self._workspace.blind else self._workspace.outside

        def build(report: Report) -> tuple[pd.DataFrame, dict[str, tuple[float, float]]]:
            from sparseattn.table.cell_table import cell_table, number_ranges

            further = _possible_classes(classifier, predictions, len(cells), error_rate)
            if outside is not None:
                further["attention_outside"] = outside.attention
            table = cell_table(
                cells,
                predictions=predictions,
                human_labels=labels,
                measurements=measurements,
                further_answers=further,
                no_class=SETTING_ASIDE,
            )
            return table, number_ranges(table)

        def land(built: tuple[pd.DataFrame, dict[str, tuple[float, float]]]) -> None:
            self.table, self.ranges = built
            self.table_changed.emit()
            self.choose_rows()

        def ended() -> None:
            if self._workspace.token.cells == version.cells:
                self._building = False
                if self._stale or self._workspace.token != version:
                    self._schedule()
                self._measure()

        self._jobs.start("Listing cells", build, land, on_end=ended, quiet=True)

    def _measure(self) -> None:
        """Measure area and brightness, once a set, when no classification wants the processor."""
        cells = self._workspace.cells
        if self._measured or not self._named or cells is None or self._classification.running:
            return
        self._measured = True
        found = Measurements.none_of(cells)

        def land(measurements: Measurements) -> None:
            self._measurements = measurements
            self._schedule()

        self._jobs.start(
            f"Measuring {len(cells):,} cells",
            lambda report: _measure(cells, found, report),
            land,
            on_part=land,
            bound_to=("cells",),
            key="measure",
        )


def _possible_classes(
    classifier: Classifier | None, predictions: Predictions | None, count: int, error_rate: float
) -> dict[str, NDArray[Any]]:
    """Return the column of the classes that each of ``count`` cells may be of, where the model can say."""
    if classifier is None or classifier.scale is None or predictions is None or predictions.k != classifier.k:
        return {}
    said = np.full(count, None, dtype=object)
    said[predictions.indices] = predictions.set_texts(classifier.prediction_sets(predictions, error_rate))
    return {"set": said}


def _measure(cells: CellSet, found: Measurements, report: Report) -> Measurements:
    shown = 0
    for part, measured in measure_cells(cells, chunk=_MEASURED_AT_ONCE):
        found.put(part, measured)
        report(part.stop, len(cells))
        if part.stop - shown >= _PARTS_SHOWN:
            shown = part.stop
            report.part(found.copy())
    return found
