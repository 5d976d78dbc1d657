"""Why this class and not another: evidence for a class, in all or against another one."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QCheckBox, QComboBox, QGridLayout, QLabel

from napari_sparseattn.session import Session
from napari_sparseattn.widgets.explain.narrow_combo import narrow_combo
from napari_sparseattn.widgets.explain.question import Question
from napari_sparseattn.widgets.explain.signed_legend import SignedLegend


class WhyNot(Question):
    """Chooses the two classes; the map itself is an overlay of the image."""

    title = "Why not another class?"
    hint = "Which pixels speak for a class, and which against it or for another one"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.target = narrow_combo(
            "The class that the map and the plot are about; a click on a bar chooses it too.\n"
            "Which pixels are selected does not depend on it."
        )
        self.target.setAccessibleName("Evidence for")
        self.against = narrow_combo("Another class: the map then shows what tells the two apart")
        self.against.setAccessibleName("Evidence against")
        self.shown = QCheckBox("Show on the image")
        self.shown.setToolTip("Orange speaks for the class, blue against it (Show or hide the map)")
        self.legend = SignedLegend()
        self.said = QLabel()
        self.said.setWordWrap(True)
        self.said.setToolTip(
            "In units of the model's scores (logits): by how much the pixels that were read move the score\n"
            "of the class, less that of the other one or the mean of all, from that of a blank image."
        )
        choice = QGridLayout()
        choice.setVerticalSpacing(4)
        for column, (words, combo) in enumerate((("Evidence for", self.target), ("against", self.against))):
            choice.addWidget(QLabel(words), 0, 2 * column)
            choice.addWidget(combo, 0, 2 * column + 1)
            choice.setColumnStretch(2 * column + 1, 1)
        self.stack(choice, self.shown, self.legend, self.said)
        workspace = self.workspace
        workspace.model_changed.connect(self._show_model)
        workspace.target_changed.connect(self._show)
        workspace.shown_changed.connect(self._show)
        workspace.evidence_changed.connect(self._show)
        workspace.explanation_changed.connect(self._show)
        self.target.currentIndexChanged.connect(self._take_target)
        self.against.currentIndexChanged.connect(self._take_against)
        self.shown.toggled.connect(self._take_shown)
        self._show_model()

    def unfold(self, opened: bool) -> None:
        """Opened, the map is shown; folded away, it stays."""
        if opened:
            self.workspace.show(evidence=True)

    def _take_target(self, place: int) -> None:
        self.workspace.target_class = self.target.itemData(place)
        self.workspace.show(evidence=True)

    def _take_against(self, place: int) -> None:
        self.workspace.against_class = self.against.itemData(place)
        self.workspace.show(evidence=True)

    def _take_shown(self, on: bool) -> None:
        self.workspace.show(evidence=on)

    def _show_model(self) -> None:
        classifier = self.workspace.classifier
        for combo, first in ((self.target, "the answer"), (self.against, "nothing")):
            with QSignalBlocker(combo):
                combo.clear()
                combo.addItem(first, None)
                for name in () if classifier is None else classifier.classes:
                    combo.addItem(name, name)
        self._show()

    def _show(self) -> None:
        workspace = self.workspace
        _choose(self.target, workspace.target_class)
        _choose(self.against, workspace.against_class)
        with QSignalBlocker(self.shown):
            self.shown.setChecked(workspace.shown.evidence)
        wanted, other, evidence = workspace.explained_class, workspace.against_class, workspace.evidence
        there = workspace.shown.evidence and wanted is not None
        if there and wanted == other:
            self.said.setText(f"The answer is {wanted} itself: choose another class to hold against it.")
        elif there and evidence is None:
            self.said.setText("Weighing the pixels…")
        elif there and evidence is not None:
            name, against = evidence.class_name, evidence.against
            self.legend.show_sides(
                f"speaks against {name}" if against is None else f"speaks for {against}",
                f"speaks for {name}",
                evidence.strongest,
            )
            leading = name if evidence.total >= 0 or against is None else against
            how = "against" if evidence.total < 0 and against is None else "for"
            self.said.setText(f"The pixels together speak {how} {leading}, by {abs(evidence.total):.1f}.")
        self.legend.setVisible(there and wanted != other)
        self.said.setVisible(there)


def _choose(combo: QComboBox, name: str | None) -> None:
    with QSignalBlocker(combo):
        combo.setCurrentIndex(max(combo.findData(name), 0))
