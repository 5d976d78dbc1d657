"""What the user looks at, and how: the cell, those selected, k, the class to explain, the overlays."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING

from napari_sparseattn.workspace_records import Shown
from napari_sparseattn.workspace_signals import WorkspaceSignals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sparseattn.cells import CellSet
    from sparseattn.classifier import Classifier
    from sparseattn.explain import ClassEvidence, Explanation, ProbabilityCurve
    from sparseattn.explain.counterfactual import Counterfactual
    from sparseattn.explain.shortcuts import Outside


class LookedAt(WorkspaceSignals):
    """This part of a `Workspace`, which has the cells and the model."""

    _cells: CellSet | None
    _classifier: Classifier | None

    def __init__(self) -> None:
        self._current = -1
        self._selection: tuple[int, ...] = ()
        self._k = 0
        self._target_class: str | None = None
        self._against_class: str | None = None
        self._head: int | None = None
        self._error_rate = 0.1
        self._shown = Shown()
        self._explanation: Explanation | None = None
        self._what_if: Explanation | None = None
        self._changing: Counterfactual | None = None
        self._cell_mask: NDArray[np.bool_] | None = None
        self._outside: Outside | None = None
        self._evidence: ClassEvidence | None = None
        self._curve: ProbabilityCurve | None = None

    @property
    def current(self) -> int:
        """Index of the cell that is looked at; -1 for none."""
        return self._current

    @current.setter
    def current(self, index: int) -> None:
        count = 0 if self._cells is None else len(self._cells)
        if index == self._current or not 0 <= index < count:
            return
        self._current = int(index)
        self.current_changed.emit(self._current)

    @property
    def selection(self) -> tuple[int, ...]:
        """Indices of the chosen cells, ascending; labels go to them, or to the current cell."""
        return self._selection

    @selection.setter
    def selection(self, indices: Iterable[int]) -> None:
        chosen = tuple(sorted({int(index) for index in indices}))
        if chosen != self._selection:
            self._selection = chosen
            self.selection_changed.emit(chosen)

    @property
    def k(self) -> int:
        """Pixels of the net's grid to select; 0 without a model."""
        return self._k

    @k.setter
    def k(self, k: int) -> None:
        if self._classifier is None:
            return
        k = min(max(int(k), 1), self._classifier.prepare.size**2)
        if k != self._k:
            self._k = k
            self.k_changed.emit(k)

    @property
    def target_class(self) -> str | None:
        """The class whose evidence is shown; None for the one that is predicted."""
        return self._target_class

    @target_class.setter
    def target_class(self, name: str | None) -> None:
        if name != self._target_class:
            self._target_class = name
            self.target_changed.emit()

    @property
    def against_class(self) -> str | None:
        """The class that the target class is held against; None for all of them together."""
        return self._against_class

    @against_class.setter
    def against_class(self, name: str | None) -> None:
        if name != self._against_class:
            self._against_class = name
            self.target_changed.emit()

    @property
    def head(self) -> int | None:
        """The head of the fine attention that is shown; None for their mean."""
        return self._head

    @head.setter
    def head(self, head: int | None) -> None:
        if head != self._head:
            self._head = head
            self.head_changed.emit()

    @property
    def error_rate(self) -> float:
        """Share of the sets of possible classes that may miss the right one, between 0 and 1."""
        return self._error_rate

    @error_rate.setter
    def error_rate(self, rate: float) -> None:
        if 0 < rate < 1 and rate != self._error_rate:
            self._error_rate = rate
            self.error_rate_changed.emit()

    @property
    def shown(self) -> Shown:
        """Which overlays are drawn. Change it with ``workspace.show(coarse=True)``."""
        return self._shown

    def show(self, **changes: bool | float) -> None:
        """Change some fields of `shown`."""
        shown = dataclasses.replace(self._shown, **changes)  # type: ignore[arg-type]
        if shown != self._shown:
            self._shown = shown
            self.shown_changed.emit()

    @property
    def explanation(self) -> Explanation | None:
        """Of the current cell with the present k. Set by `napari_sparseattn.live` alone."""
        return self._explanation

    def set_explanation(self, explanation: Explanation | None) -> None:
        if explanation is not None or self._explanation is not None:
            self._explanation = explanation
            self.explanation_changed.emit()

    def _forget_explanation(self) -> None:
        """Other cells or another model: what was known of the current cell is no longer so."""
        self._explanation, self._what_if, self._changing, self._evidence = None, None, None, None
        self._cell_mask, self._outside = None, None

    @property
    def what_if(self) -> Explanation | None:
        """Of the current cell with some pixels taken out; None without. Set by `taking_out` alone."""
        return self._what_if

    def set_what_if(self, explanation: Explanation | None) -> None:
        if explanation is not None or self._what_if is not None:
            self._what_if = explanation
            self.what_if_changed.emit()

    @property
    def changing(self) -> Counterfactual | None:
        """Selected pixels without which the class changes, where they were found by `changing_pixels`."""
        return self._changing

    def set_changing(self, changing: Counterfactual | None) -> None:
        if changing is not None or self._changing is not None:
            self._changing = changing
            self.changing_changed.emit()

    @property
    def cell_mask(self) -> NDArray[np.bool_] | None:
        """(H, W) the current cell's own pixels; None where they are not known. Set by `background_check`."""
        return self._cell_mask

    def set_cell_mask(self, mask: NDArray[np.bool_] | None) -> None:
        if mask is not None or self._cell_mask is not None:
            self._cell_mask = mask
            self.cell_mask_changed.emit()

    @property
    def outside(self) -> Outside | None:
        """Where the attention of all cells lies; None where it was not asked. Set by `background_check`."""
        return self._outside

    def set_outside(self, outside: Outside | None) -> None:
        if outside is not None or self._outside is not None:
            self._outside = outside
            self.outside_changed.emit()

    @property
    def evidence(self) -> ClassEvidence | None:
        """What speaks for the target class and what against it; None while it is not known."""
        return self._evidence

    def set_evidence(self, evidence: ClassEvidence | None) -> None:
        if evidence is not None or self._evidence is not None:
            self._evidence = evidence
            self.evidence_changed.emit()

    @property
    def curve(self) -> ProbabilityCurve | None:
        """Of the current cell."""
        return self._curve

    def set_curve(self, curve: ProbabilityCurve | None) -> None:
        if curve is not None or self._curve is not None:
            self._curve = curve
            self.curve_changed.emit()

    @property
    def explained_class(self) -> str | None:
        """The class whose evidence is shown: the chosen one, else the one predicted."""
        if self._target_class is not None or self._explanation is None:
            return self._target_class
        return self._explanation.predicted
