"""The explanation of the current cell, kept up to date: once a turn of the event loop, however k moves."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QTimer

from napari_sparseattn.jobs import Jobs
from napari_sparseattn.workspace import Workspace
from sparseattn.errors import InputError


class LiveExplanation:
    """Watches the workspace and sets its explanation."""

    def __init__(self, workspace: Workspace, jobs: Jobs) -> None:
        self._workspace = workspace
        self._jobs = jobs
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)  # after the events that wait: many changes of k become one step
        self._timer.timeout.connect(self.update)
        for signal in (
            workspace.cells_changed,
            workspace.channels_changed,
            workspace.model_changed,
            workspace.current_changed,
            workspace.k_changed,
        ):
            signal.connect(self._schedule)

    def close(self) -> None:
        self._timer.stop()

    def _schedule(self, *_: Any) -> None:
        self._timer.start()

    def update(self) -> None:
        """Explain the current cell now."""
        workspace = self._workspace
        classifier, cells = workspace.classifier, workspace.model_cells
        if classifier is None or cells is None or workspace.current < 0 or workspace.mismatch:
            workspace.set_explanation(None)
            return
        from sparseattn.explain import explain_cell

        try:
            workspace.set_explanation(explain_cell(classifier, cells, workspace.current, k=workspace.k))
        except InputError as error:
            workspace.set_explanation(None)
            workspace.fail(error)
