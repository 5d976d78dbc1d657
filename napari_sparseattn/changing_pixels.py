"""Which pixels would change it: the selected pixels without which the current cell is of another class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_sparseattn.jobs import Jobs, Report
from napari_sparseattn.live import LiveExplanation
from napari_sparseattn.workspace import Workspace

if TYPE_CHECKING:
    from sparseattn.explain.counterfactual import Counterfactual


class ChangingPixels:
    """Searches in a job when it is asked; sets `Workspace.changing`, and nobody else does."""

    changed = Signal()
    """`answered` or `searching`."""

    def __init__(self, workspace: Workspace, jobs: Jobs, live: LiveExplanation) -> None:
        self._workspace, self._jobs, self._live = workspace, jobs, live
        self._answered: tuple[str, int] | None = None
        self._searching = False
        workspace.explanation_changed.connect(self._forget)

    @property
    def answered(self) -> bool:
        """Whether it is known for the present cell and k; then no `Workspace.changing` means: no pixels."""
        return self._answered is not None

    @property
    def searching(self) -> bool:
        return self._searching

    def find(self) -> None:
        """Search, for the present cell and k."""
        explainer, asked = self._live.explainer(), self._asked()
        if explainer is None or asked is None:
            return

        def search(report: Report) -> Counterfactual | None:
            from sparseattn.explain.counterfactual import counterfactual

            return counterfactual(explainer, asked[1], on_step=report)

        def land(found: Counterfactual | None) -> None:
            if asked == self._asked():
                self._answered = asked
                self._workspace.show(changing=True)
                self._workspace.set_changing(found)

        self._searching = True
        self._jobs.start("Finding what would change it", search, land, on_end=self._end, key="changing")
        self.changed.emit()

    def _asked(self) -> tuple[str, int] | None:
        explanation = self._workspace.explanation
        return None if explanation is None else (explanation.cell_id, explanation.k)

    def _end(self) -> None:
        self._searching = any(job.key == "changing" for job in self._jobs.running)
        self.changed.emit()

    def _forget(self) -> None:
        """Another cell, or another k."""
        if self._answered is not None and self._answered != self._asked():
            self._answered = None
            self._workspace.set_changing(None)
            self.changed.emit()
