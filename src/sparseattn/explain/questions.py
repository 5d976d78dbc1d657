"""Further questions about a cell: why not that class, what would flip it, which cells are like it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sparseattn.errors import CellError, InputError
from sparseattn.explain.counterfactual import Counterfactual, counterfactual
from sparseattn.explain.evidence import ClassEvidence, class_evidence
from sparseattn.explain.explainer import CellExplainer
from sparseattn.explain.neighbours import FeatureTable, feature_table

if TYPE_CHECKING:
    from sparseattn.cells.cellset import CellSet
    from sparseattn.classifier import Classifier
    from sparseattn.explain.explanation import Explanation

NEIGHBOURS = 5


@dataclass(frozen=True)
class KnownCells:
    """Labelled cells that others are compared with, and what the net reads off them."""

    cells: CellSet
    table: FeatureTable

    @classmethod
    def of(cls, classifier: Classifier, cells: CellSet) -> KnownCells:
        """Let the model look at labelled cells; those without a class are left out.

        Raises
        ------
        InputError
            If none has a class, or the model was not made for such cells.
        """
        cells = cells.subset([row for row, label in enumerate(cells.labels) if label is not None])
        if not len(cells):
            raise InputError("no cell to compare with has a class; give class folders, or other cells")
        return cls(cells, feature_table(classifier, cells))


@dataclass(frozen=True)
class Questions:
    """What is asked of each cell.

    Attributes
    ----------
    against
        A class: why is it not this one? None: not asked.
    counterfactual
        Whether to look for selected pixels without which the class changes.
    known
        Labelled cells among which the most alike are looked for. None: not asked.
    """

    against: str | None = None
    counterfactual: bool = False
    known: KnownCells | None = None


@dataclass(frozen=True)
class Neighbour:
    """A labelled cell that the net finds alike: ``likeness`` is 1 for the same cell; ``image`` (C, H, W)."""

    cell_id: str
    source: str
    label: str
    likeness: float
    image: NDArray[Any]


@dataclass(frozen=True)
class Answers:
    """What was found; None or empty where it was not asked, or there is nothing to be found."""

    against: ClassEvidence | None = None
    counterfactual: Counterfactual | None = None
    neighbours: tuple[Neighbour, ...] = ()


class AskedCells:
    """Answers the questions about one cell after the other, each looked at once.

    Parameters
    ----------
    classifier : Classifier
        The model.
    cells : CellSet
        The cells that are explained.
    questions : Questions
        The same for all.
    force : bool
        See `Classifier.admit`.

    Raises
    ------
    InputError
        If the model has no class of the name that is asked about.
    """

    def __init__(
        self, classifier: Classifier, cells: CellSet, questions: Questions, *, force: bool = False
    ) -> None:
        classes = classifier.classes
        if questions.against is not None and questions.against not in classes:
            raise InputError(f"the model has no class {questions.against!r}; it has {', '.join(classes)}")
        if questions.counterfactual and classifier.net.config.context:
            raise InputError(
                "this model decides by more than the selected pixels, so that to take some away says little; "
                "leave --counterfactual away"
            )
        self.classifier, self.questions = classifier, questions
        self._cells, self._force = cells, force
        self._rows = {name: row for row, name in enumerate(cells.ids)}
        self._last: tuple[str, CellExplainer] | None = None

    def explainer(self, explanation: Explanation) -> CellExplainer:
        """Return the explainer of a cell."""
        if self._last is None or self._last[0] != explanation.cell_id:
            row = self._rows[explanation.cell_id]
            self._last = (
                explanation.cell_id,
                CellExplainer(self.classifier, self._cells, row, force=self._force),
            )
        return self._last[1]

    def answers(self, explanation: Explanation) -> Answers:
        """Answer the questions about a cell, at the k of its explanation."""
        asked = self.questions
        if asked == Questions():
            return Answers()
        explainer, k = self.explainer(explanation), explanation.k
        return Answers(
            against=None
            if asked.against in (None, explanation.predicted)
            else class_evidence(explainer, explanation.predicted, k, against=asked.against),
            counterfactual=counterfactual(explainer, k) if asked.counterfactual else None,
            neighbours=() if asked.known is None else _nearest(explainer, explanation.cell_id, asked.known),
        )


def _nearest(explainer: CellExplainer, cell_id: str, known: KnownCells) -> tuple[Neighbour, ...]:
    """Return the labelled cells most alike, the cell itself left out."""
    image = explainer.selection(explainer.classifier.k)[0].cpu().numpy()
    feature = explainer.classifier.inspect(image).feature.float().numpy()
    rows, likeness = known.table.nearest(feature, NEIGHBOURS + 1)
    found: list[Neighbour] = []
    for row, alike in zip(rows[0].tolist(), likeness[0].tolist(), strict=True):
        if known.cells.ids[row] == cell_id or len(found) == NEIGHBOURS:
            continue
        try:
            picture = known.cells.read(row)
        except CellError:  # it could be read a moment ago
            picture = np.zeros((len(known.cells.channels), 1, 1), np.uint8)
        label = str(known.cells.labels[row])
        found.append(
            Neighbour(known.cells.ids[row], str(known.cells.origin(row)), label, float(alike), picture)
        )
    return tuple(found)
