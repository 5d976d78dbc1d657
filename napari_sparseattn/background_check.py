"""Is it looking at the background: where the attention lies, of the current cell and of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_sparseattn.jobs import Jobs, Report
from napari_sparseattn.shown_cells import ShownCells
from napari_sparseattn.workspace import Workspace
from sparseattn.table.filters import CellFilter, CellOrder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sparseattn.explain.shortcuts import Outside

COLUMN = "attention_outside"
"""Of the table of cells: the share of the attention outside of each."""


class BackgroundCheck:
    """Finds the current cell's own pixels while it is switched on, and compares all cells when it is asked.

    It alone sets `Workspace.cell_mask` and `Workspace.outside`.
    """

    changed = Signal()
    """`share`, `finding` or `checking`."""

    def __init__(self, workspace: Workspace, jobs: Jobs, shown_cells: ShownCells) -> None:
        self._workspace, self._jobs, self._shown_cells = workspace, jobs, shown_cells
        self._on = False
        self._guessed = False
        for signal in (
            workspace.cells_changed,
            workspace.channels_changed,
            workspace.model_changed,
            workspace.current_changed,
        ):
            signal.connect(self._begin_again)
        workspace.explanation_changed.connect(self._tell)
        workspace.outside_changed.connect(self._tell)

    @property
    def share(self) -> float | None:
        """Share of the current cell's attention that lies outside it, at the present k."""
        explanation, mask = self._workspace.explanation, self._workspace.cell_mask
        if explanation is None or mask is None or mask.shape != explanation.image.shape[-2:]:
            return None
        from sparseattn.explain.shortcuts import attention_outside

        return attention_outside(explanation, mask)

    @property
    def guessed(self) -> bool:
        """Whether the outline is a guess: nobody says which pixels are the cell's own."""
        return self._guessed

    @property
    def finding(self) -> bool:
        return any(job.key == "own pixels" for job in self._jobs.running)

    @property
    def checking(self) -> bool:
        return any(job.key == "outside" for job in self._jobs.running)

    def switch(self, on: bool) -> None:
        """Know and show the outline of the current cell from now on, or no longer."""
        self._on = on
        self._workspace.show(cell_outline=on)
        if on and self._workspace.cell_mask is None:
            self._find()

    def check(self) -> None:
        """Compare where the model looks with where the cells are, in a job."""
        workspace = self._workspace
        classifier, cells, token = workspace.classifier, workspace.model_cells, workspace.token
        if classifier is None or cells is None or workspace.mismatch:
            return
        force = workspace.forced

        def compare(report: Report) -> Outside:
            import torch

            from sparseattn.explain.shortcuts import outside_cell

            torch.set_num_threads(1)  # of this thread; see classify_job.py
            return outside_cell(classifier, cells, find=True, force=force, on_cells=report)

        def land(outside: Outside) -> None:
            if token == workspace.token:
                workspace.set_outside(outside)

        name = f"Looking where the attention lies in {len(cells):,} cells"
        self._jobs.start(name, compare, land, on_end=self._tell, key="outside")
        self.changed.emit()

    def show_suspicious(self) -> None:
        """Let the gallery show the suspicious cells, the worst first."""
        from sparseattn.explain.shortcuts import SUSPICIOUS

        self._shown_cells.set_order(CellOrder(COLUMN, descending=True))
        self._shown_cells.set_filter(CellFilter(limits=((COLUMN, SUSPICIOUS, 1.0),)))

    def _find(self) -> None:
        cells, index = self._workspace.cells, self._workspace.current
        if cells is None or index < 0:
            return

        def find(_: Report) -> tuple[NDArray[np.bool_] | None, bool]:
            from sparseattn.explain.shortcuts import own_mask

            return own_mask(cells, index), cells.mask(index) is None

        def land(found: tuple[NDArray[np.bool_] | None, bool]) -> None:
            mask, self._guessed = found
            self._workspace.set_cell_mask(mask)

        self._jobs.start(
            "Finding the outline", find, land, on_end=self._tell, bound_to=("cells",), key="own pixels",
            quiet=True,
        )  # fmt: skip

    def _begin_again(self, *_: Any) -> None:
        self._workspace.set_cell_mask(None)
        if self._on:
            self._find()
        self._tell()

    def _tell(self) -> None:
        if self._on:
            self.changed.emit()
