"""Classifies all cells of the workspace in the background, and gives what is known before all are done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_sparseattn.jobs import Jobs, Report
from napari_sparseattn.workspace import Workspace

if TYPE_CHECKING:
    from sparseattn.cells import CellSet
    from sparseattn.classifier import Classifier
    from sparseattn.predictions import Predictions

_BATCH = 64
"""Cells between two looks at whether to stop."""

_SECONDS_A_PART = 0.7
"""What is known is handed on this often: joining and showing it costs time that the rest then lacks."""


class Classification:
    """Keeps the predictions of the workspace up to date, once somebody has asked for it.

    The result is `Workspace.predictions`; until then `partial` has the cells that are done.
    """

    partial_changed = Signal()
    """`partial`."""

    def __init__(self, workspace: Workspace, jobs: Jobs) -> None:
        self._workspace = workspace
        self._jobs = jobs
        self._wanted = False
        self._partial: Predictions | None = None
        for signal in (workspace.cells_changed, workspace.channels_changed, workspace.model_changed):
            signal.connect(self._begin_again)

    @property
    def partial(self) -> Predictions | None:
        """What the present model says of the cells that are done, while not all are."""
        return self._partial

    @property
    def running(self) -> bool:
        return any(job.key == "classify" for job in self._jobs.running)

    def ask(self) -> None:
        """From now on classify whatever cells and model come together."""
        if not self._wanted:
            self._wanted = True
            if self._workspace.predictions is None and not self.running:
                self.start()

    def start(self) -> None:
        """Classify all cells now, with the present k; does nothing without cells or a model made for them."""
        workspace = self._workspace
        classifier, cells = workspace.classifier, workspace.model_cells
        self._set_partial(None)
        if classifier is None or cells is None or not len(cells) or workspace.mismatch:
            return
        k, force = workspace.k, workspace.forced

        def land(predictions: Predictions) -> None:
            self._partial = None  # told by predictions_changed
            workspace.set_predictions(predictions)

        self._jobs.start(
            f"Classifying {len(cells):,} cells",
            lambda report: classify(classifier, cells, k, report, force=force),
            land,
            on_progress=workspace.predictions_progressed.emit,
            on_part=self._set_partial,
            key="classify",
        )

    def _begin_again(self) -> None:
        self._set_partial(None)
        if self._wanted:
            self.start()

    def _set_partial(self, predictions: Predictions | None) -> None:
        if predictions is not None or self._partial is not None:
            self._partial = predictions
            self.partial_changed.emit()


def classify(
    classifier: Classifier, cells: CellSet, k: int, report: Report, *, force: bool = False
) -> Predictions:
    """Classify cells in this thread; give what is known every now and then."""
    import torch

    from sparseattn.predictions import Predictions

    # Of this thread alone. With a thread a core the user interface would wait for its turn.
    torch.set_num_threads(1)
    parts: list[Predictions] = []
    handed_on = time.monotonic()
    for part in classifier.answers(cells, k=k, batch_size=_BATCH, force=force):
        parts.append(part)
        if len(part):
            report(int(part.indices[-1]) + 1, len(cells))
        if len(part) and time.monotonic() - handed_on > _SECONDS_A_PART:
            report.part(Predictions.join(parts, cells))
            handed_on = time.monotonic()
    return Predictions.join(parts, cells)
