"""Have I seen such a cell: the labelled cells that the model finds most like the current one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_sparseattn.jobs import Jobs, Report
from napari_sparseattn.workspace import SETTING_ASIDE, Workspace

if TYPE_CHECKING:
    from sparseattn.explain.neighbours import FeatureTable

COUNT = 5


@dataclass(frozen=True)
class AlikeCell:
    """A labelled cell: its index, its class, and how far it is from the current one.

    ``distance`` is 1 less the cosine of the angle between what the model reads off both: 0 for the same cell,
    at most 2.
    """

    index: int
    label: str
    distance: float


class AlikeCells:
    """Compares all cells in a job once it is switched on; after that the nearest are known at once."""

    changed = Signal()
    """What `nearest` returns, `known` or `comparing`."""

    def __init__(self, workspace: Workspace, jobs: Jobs) -> None:
        self._workspace, self._jobs = workspace, jobs
        self._on = False
        self._table: FeatureTable | None = None
        for signal in (workspace.cells_changed, workspace.channels_changed, workspace.model_changed):
            signal.connect(self._begin_again)
        workspace.current_changed.connect(self._tell)
        workspace.labels_changed.connect(self._tell)

    @property
    def comparing(self) -> bool:
        return any(job.key == "alike" for job in self._jobs.running)

    @property
    def known(self) -> bool:
        """Whether the cells were compared."""
        return self._table is not None

    def switch(self, on: bool) -> None:
        """Compare the cells now, if they are not yet compared, and whenever there are others."""
        self._on = on
        if on and self._table is None and not self.comparing:
            self.compare()

    def compare(self) -> None:
        """Read what the model makes of each cell."""
        workspace = self._workspace
        classifier, cells, token = workspace.classifier, workspace.model_cells, workspace.token
        if classifier is None or cells is None or not len(cells) or workspace.mismatch:
            return
        force = workspace.forced

        def read(report: Report) -> FeatureTable:
            import torch

            from sparseattn.explain.neighbours import feature_table

            torch.set_num_threads(1)  # of this thread; see classify_job.py
            return feature_table(classifier, cells, force=force, on_cells=report)

        def land(table: FeatureTable) -> None:
            if token == workspace.token:
                self._table = table

        self._jobs.start(f"Comparing {len(cells):,} cells", read, land, on_end=self._tell, key="alike")
        self.changed.emit()

    def nearest(self) -> tuple[AlikeCell, ...]:
        """Return the labelled cells most like the current one, the nearest first, without itself."""
        from sparseattn.explain.neighbours import FeatureTable

        table, current = self._table, self._workspace.current
        if table is None:
            return ()
        mine = np.flatnonzero(table.rows == current)
        labels = self._workspace.labels()
        others = [
            place
            for place, row in enumerate(table.rows.tolist())
            if row != current and labels[row] is not None and labels[row] not in SETTING_ASIDE
        ]
        if not len(mine) or not others:
            return ()
        labelled = FeatureTable(table.features[others], table.rows[others])
        rows, likeness = labelled.nearest(table.features[mine], COUNT)
        return tuple(
            AlikeCell(row, str(labels[row]), max(1 - alike, 0.0))
            for row, alike in zip(rows[0].tolist(), likeness[0].tolist(), strict=True)
        )

    def _begin_again(self) -> None:
        self._table = None
        if self._on:
            self.compare()
        self.changed.emit()

    def _tell(self, *_: Any) -> None:
        if self._on:
            self.changed.emit()
