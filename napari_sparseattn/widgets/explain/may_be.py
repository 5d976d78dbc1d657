"""Which classes may it be: a set of classes that holds the right one, but for a chosen share of cells."""

from __future__ import annotations

from html import escape

import numpy as np
from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel

from napari_sparseattn.session import Session
from napari_sparseattn.widgets.explain.narrow_combo import narrow_combo
from napari_sparseattn.widgets.explain.question import Question

RATES = (0.01, 0.02, 0.05, 0.1, 0.2)


class MayBe(Question):
    """The set of the current cell; the Gallery has those of all cells as a column."""

    title = "Which classes may it be?"
    hint = "All classes that cannot be ruled out, at an error rate of your choice"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.rate = narrow_combo(
            "How many of such sets may miss the right class; the fewer, the larger the sets"
        )
        self.rate.setAccessibleName("Error rate")
        self.rate_title = QLabel("Wrong at most in")
        self.answer = QLabel()
        self.answer.setTextFormat(Qt.TextFormat.RichText)
        self.answer.setWordWrap(True)
        self.said = QLabel()
        self.said.setWordWrap(True)
        self.said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row = QHBoxLayout()
        row.addWidget(self.rate_title)
        row.addWidget(self.rate, 1)
        row.addStretch(1)
        self.stack(row, self.answer, self.said)
        workspace = self.workspace
        workspace.model_changed.connect(self._show)
        workspace.explanation_changed.connect(self._show)
        workspace.error_rate_changed.connect(self._show)
        self.rate.currentIndexChanged.connect(self._take_rate)
        self._show()

    def unfold(self, opened: bool) -> None:
        """Nothing needs to be computed: the set follows from the probabilities."""

    def _take_rate(self, place: int) -> None:
        self.workspace.error_rate = self.rate.itemData(place)

    def _show(self) -> None:
        workspace = self.workspace
        with QSignalBlocker(self.rate):
            self.rate.clear()
            for rate in sorted({*RATES, workspace.error_rate}):
                self.rate.addItem(f"{100 * rate:g} of 100 cells", rate)
            self.rate.setCurrentIndex(self.rate.findData(workspace.error_rate))
        answer, said = self._words()
        self.answer.setText(answer)
        self.said.setText(said)
        self.answer.setVisible(bool(answer))
        for control in (self.rate_title, self.rate):
            control.setVisible(bool(answer))

    def _words(self) -> tuple[str, str]:
        """Return the set, or nothing where there can be none, and what is to be known of it."""
        classifier, explanation = self.workspace.classifier, self.workspace.explanation
        if classifier is None or explanation is None:
            return "", ""
        scale, rate = classifier.scale, self.workspace.error_rate
        if scale is None:
            return "", (
                "The model cannot say: it is not calibrated. Retrain it in Label & Retrain, or run: "
                "sparseattn calibrate MODEL CELLS -o NEW_MODEL"
            )
        if explanation.k != classifier.k:
            return "", f"This holds at the learned {classifier.k:,} pixels alone: press Learned, above."
        inside = scale.sets(explanation.probabilities[None], rate)[0]
        order = np.argsort(-explanation.probabilities, kind="stable")
        possible = [explanation.classes[place] for place in order if inside[place]]
        checked = f"{len(scale.surprise):,} cells that it was not taught with"
        if rate < scale.smallest_error_rate:
            why = f"It was checked with {checked}: too few to rule out any class at so small an error rate."
        else:
            why = (
                f"As checked with {checked}. It holds on average over such cells, and is no promise for one "
                "class or one cell."
            )
        return f"<span style='font-size: large'><b>{escape(' or '.join(possible))}</b></span>", why
