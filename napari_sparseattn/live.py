"""The explanation of the current cell, kept up to date: once a turn of the event loop, however k moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive

from napari_sparseattn.jobs import Jobs, Report
from napari_sparseattn.timers import once_after
from napari_sparseattn.workspace import Workspace
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sparseattn.explain import CellExplainer, ClassEvidence

PAUSE_MS = 120
"""What takes longer than a step of the slider is computed once it has stood still for so long."""


class LiveExplanation:
    """Watches the workspace and sets its explanation, curve and evidence; nobody else does.

    A step is computed here in the user interface's thread, since a thread's round trip would cost more: the
    cell is decoded and looked at once, and then a step is the net's fine stage alone. Steps do not queue: a
    timer that fires when no event waits takes the k that is set by then.
    """

    def __init__(self, workspace: Workspace, jobs: Jobs) -> None:
        self._workspace = workspace
        self._jobs = jobs
        self._explainer: CellExplainer | None = None
        self._weighed: dict[tuple[int, str, str | None], ClassEvidence] = {}  # of this cell
        self._step = once_after(0, self.update)
        self._pause = once_after(PAUSE_MS, self._look_closer)
        for changed in (
            workspace.cells_changed,
            workspace.channels_changed,
            workspace.model_changed,
            workspace.current_changed,
        ):
            changed.connect(self._start_over)
        workspace.k_changed.connect(self._schedule)
        workspace.target_changed.connect(self._wait_for_pause)
        workspace.shown_changed.connect(self._wait_for_pause)

    def close(self) -> None:
        """Do nothing more."""
        for timer in (self._step, self._pause):
            if isalive(timer):  # at the program's end Qt may have deleted them
                timer.stop()

    def _start_over(self, *_: Any) -> None:
        self._explainer = None
        self._weighed = {}
        self._workspace.set_curve(None)
        self._step.start()

    def _schedule(self, *_: Any) -> None:
        if not self._step.isActive():
            self._step.start()

    def _wait_for_pause(self) -> None:
        self._pause.start()

    def update(self) -> None:
        """Explain the current cell now."""
        self._step.stop()
        workspace = self._workspace
        explainer = self.explainer()
        if explainer is None:
            workspace.set_evidence(None)
            workspace.set_explanation(None)
            return
        explanation = explainer.at(workspace.k)
        evidence = workspace.evidence
        before = workspace.explanation
        # While k moves over one cell the last evidence stays to be seen until the new one is there.
        if evidence is not None and (before is None or before.cell_id != explanation.cell_id):
            workspace.set_evidence(None)
        workspace.set_explanation(explanation)
        self._pause.start()

    def explainer(self) -> CellExplainer | None:
        """Return what explains the current cell, or None where there is no cell or no model for it."""
        workspace = self._workspace
        if self._explainer is not None:
            return self._explainer
        classifier, cells = workspace.classifier, workspace.model_cells
        if classifier is None or cells is None or workspace.current < 0 or workspace.mismatch:
            return None
        import torch

        from sparseattn.explain import CellExplainer

        # One thread: the work is small, and threads that wait for each other beside a training or another
        # program take a hundred times longer. Counts for this thread.
        torch.set_num_threads(1)
        try:
            self._explainer = CellExplainer(classifier, cells, workspace.current, force=workspace.forced)
        except InputError as error:
            workspace.fail(error)
        return self._explainer

    def find_fewest(self, on_found: Callable[[int, str], None] | None = None) -> None:
        """Find the fewest pixels that keep the class of the current cell, and select so many."""
        explainer, workspace = self.explainer(), self._workspace
        if explainer is None:
            return
        k = workspace.k

        def found(result: tuple[int, str]) -> None:
            if self._explainer is explainer:
                workspace.k = result[0]
                if on_found is not None:
                    on_found(*result)

        def search(report: Report) -> tuple[int, str]:
            return explainer.fewest_pixels(k, on_step=report)

        self._jobs.start("Finding the fewest pixels", search, found, key="fewest")

    def _look_closer(self) -> None:
        """Compute what is too slow for a step: the curve, once a cell; the evidence, where it is shown."""
        workspace, explainer = self._workspace, self._explainer
        explanation = workspace.explanation
        if explainer is None or explanation is None:
            return
        if workspace.curve is None:

            def take_curve(curve: Any) -> None:
                if self._explainer is explainer:
                    workspace.set_curve(curve)

            self._jobs.start(
                "Trying other numbers of pixels",
                lambda report: explainer.curve(on_step=report),
                take_curve,
                key="curve",
                quiet=True,
            )
        self._weigh(explainer)

    def _weigh(self, explainer: CellExplainer) -> None:
        """Bring the evidence up to date: at once where it was weighed before, else in a job."""
        workspace = self._workspace
        k, wanted, against = workspace.k, workspace.explained_class, workspace.against_class
        if not workspace.shown.evidence or wanted is None or wanted == against:
            workspace.set_evidence(None)
            return
        known = self._weighed.get((k, wanted, against))
        if known is not None:
            if known is not workspace.evidence:
                workspace.set_evidence(known)
            return

        def take_evidence(evidence: ClassEvidence) -> None:
            if self._explainer is explainer:
                self._weighed[k, wanted, against] = evidence
                if (workspace.k, workspace.explained_class, workspace.against_class) == (k, wanted, against):
                    workspace.set_evidence(evidence)

        def weigh(_: Report) -> ClassEvidence:
            from sparseattn.explain import class_evidence

            return class_evidence(explainer, wanted, k, against=against)

        self._jobs.start("Weighing the pixels", weigh, take_evidence, key="evidence", quiet=True)
