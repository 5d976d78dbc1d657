"""Large results, as ``sparseattn predict -o FOLDER/`` writes them: filtered and sorted, not in memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_sparseattn import results_job
from napari_sparseattn.jobs import seldom
from napari_sparseattn.results_job import FoundModel, OpenedResults
from napari_sparseattn.source_cells import is_of_results, source_of_rows
from sparseattn.errors import InputError
from sparseattn.table.filters import CellFilter, CellOrder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_sparseattn.jobs import Jobs, Report
    from napari_sparseattn.workspace import Workspace
    from sparseattn.cells import CellSet
    from sparseattn.classifier import Classifier

_KEPT = "results"
"""Filter and order lie in `Workspace.extras` under this name."""


class ResultsWork:
    """What is known of the results that are open, and which of their rows are shown, in which order.

    They are open beside the workspace's cells: those are some of them, once the user has asked for these.
    """

    changed = Signal()
    """Results were opened or closed, or went behind the cells that are open or before them: `in_front`."""
    rows_changed = Signal()
    """`rows`, `problem`: after a change of filter or order."""
    pictures_changed = Signal()
    """`cells`, `without_pictures`, `classifier`."""

    def __init__(self, workspace: Workspace, jobs: Jobs) -> None:
        self._workspace, self._jobs = workspace, jobs
        self.opened: OpenedResults | None = None
        self.rows: NDArray[np.int64] = np.zeros(0, np.int64)
        self.problem: str | None = None
        self.in_front = False
        self.cells: CellSet | None = None
        """All cells that the results are of, once they are found; their pixels are read one by one."""
        self.without_pictures: str | None = None
        """Why there are none, and what to do."""
        self._choosing, self._stale = False, False
        self._hashed: tuple[Classifier, str] | None = None
        workspace.cells_changed.connect(self._take_cells)
        workspace.model_changed.connect(self._take_model)

    # -- opening -------------------------------------------------------------------------------------

    def open(self, folder: Path) -> None:
        """Open a folder of results, in jobs: its answers first, then model and pictures."""
        folder = Path(folder).absolute()

        def land(opened: OpenedResults) -> None:
            self.take(opened)
            self._workspace.say(_said(opened))
            self.find_pictures()

        self._jobs.start(
            f"Opening {folder.name}",
            lambda report: results_job.open_folder(folder, seldom(report)),
            land,
            bound_to=(),
            key="open",
        )

    def take(self, opened: OpenedResults, *, behind: bool = False) -> None:
        """Show results that have been read instead of what was open, or keep them ``behind`` it."""
        self._let_go()
        self.opened = opened
        self.in_front = not behind
        self.rows = np.arange(len(opened))
        if self._workspace.cells is not None and not behind:
            self._workspace.set_cells(None)
        self._workspace.add_classes(opened.results.classes)
        self.changed.emit()
        self.choose_rows()

    def find_pictures(self) -> None:
        """Look for the model and for the cells themselves."""
        opened = self.opened
        if opened is None:
            return
        known = self.classifier is not None

        def work(report: Report) -> CellSet | str:
            report(0, len(opened))
            if not known:
                report.part(results_job.find_model(opened.results))
            try:
                return results_job.open_pictures(opened.results)
            except InputError as error:
                return str(error)

        def take_model(found: FoundModel | None) -> None:
            if found is not None and self.opened is opened:
                self._workspace.set_classifier(found.classifier, found.path)

        def land(found: CellSet | str) -> None:
            if self.opened is opened:
                self.cells = None if isinstance(found, str) else found
                self.without_pictures = found if isinstance(found, str) else None
                self.pictures_changed.emit()

        self._jobs.start(
            f"Finding the pictures of {opened.folder.name}",
            work,
            land,
            on_part=take_model,
            bound_to=(),
            key="pictures",
        )

    def close(self) -> None:
        """Let go of the results."""
        if self.opened is not None:
            self._let_go()
            self.changed.emit()

    def show(self) -> None:
        """Bring the results before the cells that are open."""
        if self.opened is not None and not self.in_front:
            self.in_front = True
            self.changed.emit()

    def open_rows(self, rows: NDArray[np.int64]) -> None:
        """Make some of the cells the open cells: to be explained, labelled, exported."""
        opened, cells = self.opened, self.cells
        if opened is None or cells is None or not len(rows):
            return

        def work(_: Report) -> CellSet:
            from napari_sparseattn.layers.stack import load_what_layers_need
            from napari_sparseattn.worked_on import described

            load_what_layers_need()
            some = cells.detached(rows)
            _ = some.ids, some.shapes, described(some)
            return some

        def land(some: CellSet) -> None:
            source = source_of_rows(opened.folder, cells.origin(int(rows[0])).path, rows)
            self._workspace.set_cells(some, [source])
            count = "One cell is" if len(some) == 1 else f"{len(some):,} cells are"
            self._workspace.say(f"{count} open in all tabs; the results stay open behind them.")

        self._jobs.start("Opening these cells", work, land, bound_to=(), key="open")

    # -- what is shown -------------------------------------------------------------------------------

    @property
    def classifier(self) -> Classifier | None:
        """The workspace's model, where it is the one that gave these answers."""
        model = self._workspace.classifier
        if self.opened is None or model is None:
            return None
        if self._hashed is None or self._hashed[0] is not model:  # all its weights are looked at
            self._hashed = model, model.model_hash
        return model if self._hashed[1] == self.opened.results.plan.model_hash else None

    @property
    def filter(self) -> CellFilter:
        try:
            return CellFilter.from_json(self._kept().get("filter", {}))
        except InputError:
            return CellFilter()

    def set_filter(self, chosen: CellFilter) -> None:
        self._keep("filter", chosen.to_json())
        self.choose_rows()

    @property
    def order(self) -> CellOrder:
        try:
            return CellOrder.from_json(self._kept().get("order", {}))
        except InputError:
            return CellOrder()

    def set_order(self, order: CellOrder) -> None:
        self._keep("order", order.to_json())
        self.choose_rows()

    def choose_rows(self) -> None:
        """Apply filter and order, in a job: what was shown stays until it is done."""
        opened = self.opened
        if opened is None:
            return
        if self._choosing:  # a slider moves faster than a million rows are sorted
            self._stale = True
            return
        self._choosing, self._stale = True, False
        chosen, order = self.filter, self.order

        def work(_: Report) -> NDArray[np.int64] | str:
            try:
                return results_job.choose_rows(opened.answers, chosen, order)
            except InputError as error:
                return str(error)

        def land(found: NDArray[np.int64] | str) -> None:
            if self.opened is opened:
                self.problem = found if isinstance(found, str) else None
                self.rows = np.zeros(0, np.int64) if isinstance(found, str) else found
                self.rows_changed.emit()

        def ended() -> None:
            self._choosing = False
            if self._stale or self.opened is not opened:
                self.choose_rows()

        self._jobs.start("Choosing cells", work, land, on_end=ended, bound_to=(), quiet=True)

    def _kept(self) -> dict[str, Any]:
        kept = self._workspace.extras.get(_KEPT)
        return kept if isinstance(kept, dict) else {}

    def _keep(self, name: str, value: Any) -> None:
        self._workspace.extras[_KEPT] = {**self._kept(), name: value}

    # -- what goes on beside ---------------------------------------------------------------------------

    def _take_cells(self) -> None:
        """Other cells than some of these are other work; some of these go before them."""
        workspace = self._workspace
        if self.opened is None or workspace.cells is None:
            return
        if not all(is_of_results(source) for source in workspace.sources):
            self.close()
        elif self.in_front:
            self.in_front = False
            self.changed.emit()

    def _take_model(self) -> None:
        if self.opened is not None:
            self._workspace.add_classes(self.opened.results.classes)
            self.pictures_changed.emit()

    def _let_go(self) -> None:
        self.opened, self.cells, self.without_pictures, self.problem = None, None, None, None
        self.rows, self.in_front = np.zeros(0, np.int64), False
        for job in self._jobs.running:
            if job.key == "pictures":
                job.cancel()


def _said(opened: OpenedResults) -> str:
    unread = opened.unread
    without = f"; {unread:,} could not be read" if unread else ""
    return f"{len(opened) + opened.left_out:,} classified cells{without}."
