"""Accepting what the model is sure of, many cells at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QMessageBox, QPushButton, QVBoxLayout, QWidget

from sparseattn.errors import InputError

if TYPE_CHECKING:
    from napari_sparseattn.session import Session

_PRECISION = 0.95


class BulkBox(QWidget):
    """Chooses a confidence, says how far it can be believed, and accepts the answers above it."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._rows: list[tuple[int, str]] = []
        self.confidence = QDoubleSpinBox()
        self.confidence.setRange(50, 99.9)
        self.confidence.setDecimals(1)
        self.confidence.setValue(95)
        self.confidence.setSuffix(" %")
        self.confidence.setToolTip(
            "How sure the model must be. Its confidence is corrected by the labelled cells that it was not "
            "taught with; cells unlike those it was taught with are never accepted."
        )
        self.confidence.setAccessibleName("Least confidence")
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.accept = QPushButton("Accept")
        self.accept.setToolTip("Give these cells the class that the model says. It can be undone.")
        row = QHBoxLayout()
        row.addWidget(QLabel("At least"))
        row.addWidget(self.confidence)
        row.addStretch()
        row.addWidget(self.accept)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.note)
        self.confidence.valueChanged.connect(self.refresh)
        self.accept.clicked.connect(self._accept)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def refresh(self, *_: Any) -> None:
        """Work out what would be accepted."""
        workspace = self._session.workspace
        self._rows = []
        predictions = workspace.predictions
        if workspace.blind:
            text = "You are labelling blind: switch that off to accept what the model says."
        elif workspace.classifier is None or workspace.cells is None:
            text = "Load a model first."
        elif predictions is None:
            text = "The cells are not classified yet."
        else:
            text = self._look(predictions)
        self.note.setText(text)
        self.accept.setEnabled(bool(self._rows))
        self.accept.setText(f"Accept {len(self._rows):,}" if self._rows else "Accept")

    def _look(self, predictions: Any) -> str:
        from sparseattn.cells.labels import RESERVED
        from sparseattn.learn.acquire import acceptable, calibrate

        workspace = self._session.workspace
        labels = workspace.labels()
        code = {name: number for number, name in enumerate(predictions.classes)}
        checked = [
            row
            for row, index in enumerate(predictions.indices)
            if labels[index] in code and predictions.sides[row] != "train" and self._by_person(int(index))
        ]
        calibration = calibrate(
            predictions.probabilities[checked], [code[labels[predictions.indices[row]]] for row in checked]
        )
        level = self.confidence.value() / 100
        found = acceptable(predictions.probabilities, predictions.in_distribution, calibration, level)
        predicted = predictions.predicted
        self._rows = [
            (int(predictions.indices[row]), str(predicted[row]))
            for row in found
            if labels[predictions.indices[row]] is None
        ]
        assert not any(labels[index] in RESERVED for index, _ in self._rows)
        count, right, interval = calibration.precision_above(level)
        if interval is None:
            return (
                "No labelled cell that the model was not taught with is so sure: how far its confidence can "
                "be believed is not known."
            )
        text = (
            f"Of {count:,} labelled cells so sure, which the model was not taught with, {right:,} are right: "
            f"at least {100 * interval[0]:.0f} %."
        )
        if interval[0] < _PRECISION:
            lowest = calibration.lowest_confidence(_PRECISION)
            text += (
                f" From {100 * lowest:.1f} % on it is at least {100 * _PRECISION:.0f} %."
                if lowest is not None
                else " Label more cells to be surer."
            )
        return text

    def _by_person(self, index: int) -> bool:
        log, cells = self._session.labelling.log, self._session.workspace.cells
        if log is None or cells is None:
            return True
        label = log.labels.get(cells.ids[index])
        return label is None or label.origin != "bulk"

    def _accept(self) -> None:
        answer = QMessageBox.question(
            self,
            "Accept answers",
            f"Give {len(self._rows):,} unlabelled cells the class that the model says? They teach the next "
            "model and never test it. It can be undone.",
        )
        if answer == QMessageBox.StandardButton.Yes:
            self.accept_all()

    def accept_all(self) -> None:
        """Accept the answers without asking."""
        workspace = self._session.workspace
        try:
            count = self._session.labelling.accept(dict(self._rows))
        except InputError as error:
            workspace.fail(error)
            return
        self._rows = []
        workspace.say(f"{count:,} answers are accepted; Undo takes them back.")
