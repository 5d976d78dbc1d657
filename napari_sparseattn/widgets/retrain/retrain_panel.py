"""Teach the model, watch it learn, compare, keep or discard, go back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QLabel,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from napari_sparseattn.widgets.retrain.comparison_view import ComparisonView
from napari_sparseattn.widgets.retrain.curves import Curves
from napari_sparseattn.widgets.retrain.version_list import VersionList
from napari_sparseattn.widgets.rows import in_a_row
from sparseattn.errors import InputError
from sparseattn.names import some_names

if TYPE_CHECKING:
    from napari_sparseattn.session import Session


class RetrainPanel(QWidget):
    """Shows `session.retraining` and tells it what to do."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace, self._retraining = session.workspace, session.retraining
        self.go_on = QRadioButton("Go on from the loaded model")
        self.go_on.setToolTip(
            "What it knows is kept and rehearsed; new classes are added. Best with few labels."
        )
        self.anew = QRadioButton("Train a new model")
        self.anew.setToolTip("Learns from your labels alone. Best with many labels.")
        self.go_on.setChecked(True)
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.start = QPushButton("Retrain")
        self.start.setToolTip(
            "Teach a model with the labels; the present one stays until you keep the new one"
        )
        self.stop = QPushButton("Stop")
        self.stop.setToolTip("End now and keep the best so far")
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("End now and throw it away")
        self.bar = QProgressBar()
        self.bar.setTextVisible(True)
        self.curves = Curves()
        self.comparison = ComparisonView(session)
        self.keep = QPushButton("Keep the new model")
        self.keep.setToolTip("It becomes the present model and is listed below")
        self.discard = QPushButton("Discard it")
        self.discard.setToolTip("Throw the new model away and stay with the present one")
        self.versions = VersionList(session)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.go_on, self.anew, self.note):
            layout.addWidget(widget)
        layout.addLayout(in_a_row(self.start, self.stop, self.cancel, None))
        for widget in (self.bar, self.curves, self.comparison):
            layout.addWidget(widget)
        layout.addLayout(in_a_row(self.keep, self.discard, None))
        layout.addWidget(self.versions)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(50)  # labels come quickly; this only counts them
        self._later.timeout.connect(self.refresh)
        self._had_model = False
        self._connect()
        self.refresh()

    def _connect(self) -> None:
        workspace, retraining = self._workspace, self._retraining
        for signal in (workspace.cells_changed, workspace.labels_changed, workspace.model_changed,
                       workspace.channels_changed):  # fmt: skip
            signal.connect(self._schedule)
        retraining.state_changed.connect(self.refresh)
        retraining.progressed.connect(self._show_record)
        self.go_on.toggled.connect(self._schedule)
        self.start.clicked.connect(self._start)
        self.stop.clicked.connect(self._stop)
        self.cancel.clicked.connect(retraining.cancel)
        self.keep.clicked.connect(lambda: self._guard(retraining.keep))
        self.discard.clicked.connect(retraining.discard)

    def _schedule(self, *_: Any) -> None:
        self._later.start()

    def _guard(self, work: Callable[..., Any], **arguments: Any) -> None:
        try:
            work(**arguments)
        except InputError as error:
            self._workspace.fail(error)

    def _start(self) -> None:
        self._guard(self._retraining.start, from_loaded=self.go_on.isChecked())

    def _stop(self) -> None:
        self.stop.setEnabled(False)
        self.bar.setFormat("Ending with the best so far…")
        self._retraining.stop()

    def refresh(self) -> None:
        """Show the state as it is."""
        state = self._retraining.state
        busy = state in ("preparing", "training", "comparing")
        loaded = self._workspace.classifier is not None
        self.go_on.setEnabled(loaded and not busy)
        self.anew.setEnabled(not busy)
        if not loaded:
            self.anew.setChecked(True)
        elif not self._had_model:
            self.go_on.setChecked(True)
        self._had_model = loaded
        self.note.setText(self._note())
        for widget, seen in (
            (self.start, not busy), (self.stop, busy), (self.cancel, busy), (self.bar, busy),
            (self.curves, bool(self._retraining.records) and state != "idle"),
            (self.keep, state == "done"), (self.discard, state == "done"), (self.comparison, state == "done"),
        ):  # fmt: skip
            widget.setVisible(seen)
        self.stop.setEnabled(state == "training" and bool(self._retraining.records))
        if busy:
            self._show_busy(state)
        if state == "done" and self._retraining.result is not None:
            self.comparison.show_result(self._retraining.result)

    def _note(self) -> str:
        if self._workspace.cells is None:
            return "Open cells and label some of each class first."
        found = self._retraining.teachable(self.go_on.isChecked())
        if not found.counts:
            return "Label at least two cells of each of two classes first."
        least = min(found.counts, key=lambda name: found.counts[name])
        cells = "1 cell" if found.cells == 1 else f"{found.cells:,} cells"
        classes = "1 class" if len(found.counts) == 1 else f"{len(found.counts)} classes"
        text = f"{cells} of {classes} {'teaches' if found.cells == 1 else 'teach'}"
        if found.counts[least] < 20:
            text += f"; {least} has only {found.counts[least]}"
        text += "."
        if found.rehearsed:
            text += f" {found.rehearsed:,} cells of the loaded model are rehearsed with them."
        if found.unseen:
            text += (
                f" The loaded model keeps no cells to rehearse: label cells of {some_names(found.unseen)} "
                "too, or train a new model."
            )
        if found.too_few:
            text += f" Left out, with too few cells: {some_names(found.too_few)}."
        text += (
            f" {found.set_aside:,} are set aside for testing: they tell an accuracy to about "
            f"±{_reach(found.set_aside)} points."
            if found.set_aside
            else " None is set aside that the model has not learned from, so how good it is cannot be told: "
            "label more cells, in order or at random."
        )
        return text

    def _show_busy(self, state: str) -> None:
        if state == "training" and self._retraining.records:
            return
        text = {
            "preparing": "Handing the cells over…",
            "training": "Starting to train…",
            "comparing": "Comparing the models…",
        }[state]
        self.bar.setRange(0, 0)
        self.bar.setFormat(text)
        self.bar.setTextVisible(True)
        self.curves.show_records(self._retraining.records)

    def _show_record(self, record: dict[str, Any]) -> None:
        self.bar.setRange(0, record["epochs"])
        self.bar.setValue(record["epoch"])
        seconds = round(record["eta_seconds"])
        if self.stop.isEnabled() or record["epoch"] == 1:
            self.bar.setFormat(f"%p %, about {seconds // 60}:{seconds % 60:02d} left")
            self.stop.setEnabled(True)
        self.curves.setVisible(True)
        self.curves.show_records(self._retraining.records)


def _reach(cells: int) -> int:
    """Return half the width of a 95 % Wilson interval about the middle, in points: the worst case."""
    from sparseattn.learn.metrics import wilson_interval

    interval = wilson_interval(cells // 2, cells)
    return 50 if interval is None else round(50 * (interval[1] - interval[0]))
