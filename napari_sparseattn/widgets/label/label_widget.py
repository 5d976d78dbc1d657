"""The Label & Retrain tab."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QColor, QKeySequence, QShortcut, QShowEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QColorDialog,
    QComboBox,
    QFileDialog,
    QInputDialog,
    QLabel,
    QLineEdit,
    QMenu,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_sparseattn.settings import last_folder, remember_folder, settings
from napari_sparseattn.widgets.foreign_text import tip
from napari_sparseattn.widgets.label.bulk_box import BulkBox
from napari_sparseattn.widgets.label.class_list import ClassList
from napari_sparseattn.widgets.retrain import RetrainPanel
from napari_sparseattn.widgets.rows import in_a_row
from napari_sparseattn.widgets.section import Section
from napari_sparseattn.workspace import SETTING_ASIDE
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from napari_sparseattn.jobs import Report
    from napari_sparseattn.labelling import Order
    from napari_sparseattn.session import Session

ORDERS: dict[str, tuple[Order, str]] = {
    "in order": ("in order", "The next cell without a label"),
    "at random": ("random", "Any cell without a label: a fair picture of all"),
    "most uncertain": (
        "uncertain",
        "The cell whose label teaches the model most: it is unsure of it, and has seen none like it. Such "
        "cells never test the model",
    ),
}  # fmt: skip
_SUGGESTED = 20
_LOOKED_THROUGH = 3000


class LabelWidget(QWidget):
    """Labels cells, and teaches the model with them."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._workspace, self._labelling = session.workspace, session.labelling
        self._make()
        self._lay_out()
        self._connect()
        self._bind_keys()
        session.classification.ask()
        self.refresh()

    def _make(self) -> None:
        self.classes = ClassList()
        self.add = _button("Add class…", "Add a class", self._add_class)
        self.change = QPushButton("Change class")
        self.change.setAutoDefault(False)
        self.change.setToolTip("Rename, recolour or remove the chosen class, or give it another key")
        menu = QMenu(self.change)
        for title, slot in (
            ("Rename…", self._rename_class),
            ("Colour…", self._recolour_class),
            ("Key…", self._change_key),
            ("Remove…", self._remove_class),
        ):
            menu.addAction(title, slot)
        self.change.setMenu(menu)
        self.where = QLabel()
        self.where.setWordWrap(True)
        self.undo = _button("Undo", "Take back the last label (Ctrl+Z)", self._undo)
        self.redo = _button("Redo", "Give again what was taken back (Ctrl+Shift+Z)", self._redo)
        self.clear = _button("No label", "Take the label away (Backspace)", partial(self._give, None))
        self.next = _button("Next cell", "Look at the next cell to label (Space)", self._next)
        self.order = QComboBox()
        for title, (_, hint) in ORDERS.items():
            self.order.addItem(title)
            self.order.setItemData(self.order.count() - 1, hint, Qt.ItemDataRole.ToolTipRole)
        self.order.setToolTip("Which cell comes next")
        self.order.setAccessibleName("Which cell comes next")
        self.go_on = QCheckBox("Go on after a label")
        self.go_on.setToolTip("Look at the next cell as soon as one is labelled")
        self.go_on.setChecked(settings().value("label/go on", True, type=bool))
        self.blind = QCheckBox("Blind")
        self.blind.setToolTip("Hide what the model thinks in every tab, so that it does not sway you")
        self.progress = QLabel()
        self.progress.setWordWrap(True)
        self.bulk = BulkBox(self._session)
        self.annotator = QLineEdit(self._labelling.annotator)
        self.annotator.setToolTip("Your name: it is kept with each label")
        self.annotator.setAccessibleName("Annotator")
        self.take_over = _button(
            "Take over",
            "Put the labels that came with the files into the label file: then a part tests",
            self._take_over,
        )
        self.file = QPushButton("Label file")
        self.file.setAutoDefault(False)
        self.file.setToolTip("Open another label file, import, export or copy")
        menu = QMenu(self.file)
        for title, slot in (
            ("Import a table (CSV)…", self._import),
            ("Export a table (CSV)…", self._export),
            ("Save a copy…", self._copy),
            ("Open another label file…", self._open),
        ):
            menu.addAction(title, slot)
        self.file.setMenu(menu)
        self.retrain = RetrainPanel(self._session)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.addWidget(self.classes)
        layout.addLayout(in_a_row(self.add, self.change, self.file, None))
        layout.addWidget(self.where)
        layout.addLayout(in_a_row(self.next, self.order, None))
        layout.addLayout(in_a_row(self.undo, self.redo, self.clear, None))
        layout.addLayout(in_a_row(self.go_on, self.blind, None))
        layout.addWidget(self.progress)
        layout.addLayout(in_a_row(self.take_over, None))
        layout.addLayout(in_a_row(QLabel("Annotator"), self.annotator))
        layout.addWidget(Section("Accept what the model is sure of", self.bulk, opened=False))
        layout.addWidget(Section("Retrain", self.retrain, opened=True))
        layout.addStretch()

    def _connect(self) -> None:
        workspace = self._workspace
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.timeout.connect(self.refresh)
        for signal in (
            workspace.cells_changed, workspace.labels_changed, workspace.classes_changed,
            workspace.predictions_changed, workspace.current_changed, workspace.selection_changed,
            workspace.blind_changed, workspace.model_changed, workspace.project_changed,
        ):  # fmt: skip
            signal.connect(self._schedule)
        workspace.explanation_changed.connect(self._tell_where)
        self.classes.given.connect(self._give)
        self.classes.currentItemChanged.connect(lambda *_: self._enable())
        self.blind.toggled.connect(self._set_blind)
        self.go_on.toggled.connect(lambda on: settings().setValue("label/go on", on))
        self.annotator.editingFinished.connect(self._set_annotator)

    def _schedule(self, *_: Any) -> None:
        if self.isVisible():
            self._later.start()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def _tell_where(self) -> None:
        if self.isVisible():
            self.where.setText(self._where(self._workspace.labels()))

    def _bind_keys(self) -> None:
        """Keys hold in the whole window, but only while this tab is seen and no text is being typed."""
        for number in range(1, 10):
            self._shortcut(str(number), partial(self._give_by_key, str(number)))
        self._shortcut("U", partial(self._give, SETTING_ASIDE[0]))
        self._shortcut("X", partial(self._give, SETTING_ASIDE[1]))
        self._shortcut("Backspace", partial(self._give, None))
        self._shortcut("Space", self._next)
        self._shortcut("Ctrl+Z", self._undo)
        self._shortcut("Ctrl+Shift+Z", self._redo)

    def _shortcut(self, keys: str, slot: Callable[[], None]) -> None:
        QShortcut(QKeySequence(keys), self, slot, context=Qt.ShortcutContext.WindowShortcut)

    # Show

    def refresh(self) -> None:
        """Show the state as it is."""
        workspace = self._workspace
        labels = workspace.labels()
        self.classes.show_classes(workspace.classes, Counter(label for label in labels if label is not None))
        self.blind.setChecked(workspace.blind)
        if not self.annotator.hasFocus():
            self.annotator.setText(self._labelling.annotator)
        self.where.setText(self._where(labels))
        self.progress.setText(self._progress(labels))
        from_files = len(self._labelling.labels_of_files())
        self.take_over.setVisible(bool(from_files))
        self.take_over.setText(f"Take over {from_files:,} labels")
        if self.bulk.isVisible():
            self.bulk.refresh()
        self._enable()

    def _enable(self) -> None:
        workspace, log = self._workspace, self._labelling.log
        cells = workspace.cells is not None and workspace.current >= 0
        chosen = self.classes.chosen is not None and self.classes.chosen not in SETTING_ASIDE
        self.change.setEnabled(chosen and cells)
        self.add.setEnabled(cells)
        self.undo.setEnabled(log is not None and log.can_undo)
        self.redo.setEnabled(log is not None and log.can_redo)
        for control in (self.next, self.clear, self.file):
            control.setEnabled(cells)

    def _where(self, labels: tuple[str | None, ...]) -> str:
        workspace = self._workspace
        if workspace.cells is None or workspace.current < 0:
            return "Open cells first: then a key gives the cell its class."
        if len(workspace.selection) > 1:
            return f"{len(workspace.selection):,} cells are selected: a key labels them all."
        index = workspace.selection[0] if workspace.selection else workspace.current
        label = labels[index]
        text = f"Cell {index + 1:,} of {len(labels):,}: {label or 'no label yet'}"
        if label is not None and workspace.cells.ids[index] not in self._given_here():
            text += " (from its file: a key confirms or corrects it)"
        text += "."
        explanation = workspace.explanation
        if not workspace.blind and explanation is not None and index == workspace.current:
            text += f" The model says {explanation.predicted} ({100 * explanation.confidence:.0f} %)."
        return text

    def _progress(self, labels: tuple[str | None, ...]) -> str:
        if not labels:
            return ""
        done = sum(label is not None for label in labels)
        text = f"{done:,} of {len(labels):,} cells are labelled"
        log, cells = self._labelling.log, self._workspace.cells
        from_files = len(self._labelling.labels_of_files())
        if from_files:
            text += f", {from_files:,} of them by their files alone"
        if log is not None and cells is not None:
            tests = log.test_cells
            aside = sum(name in tests for name in cells.ids) if tests else 0
            if aside:
                text += f"; {aside:,} are set aside for testing"
        return text + "."

    def _given_here(self) -> Mapping[str, object]:
        log = self._labelling.log
        return {} if log is None else log.labels

    # Label

    def _guard(self, work: Callable[..., Any], *arguments: Any) -> bool:
        """Do something that may be refused, and say why it was."""
        try:
            work(*arguments)
        except InputError as error:
            self._workspace.fail(error)
            return False
        return True

    def _give_by_key(self, key: str) -> None:
        for item in self._workspace.classes:
            if item.key == key:
                self._give(item.name)
                return
        self._workspace.say(f"No class has the key {key}: add one, or see the list of classes.")

    def _give(self, name: str | None) -> None:
        targets = self._labelling.targets()
        if self._guard(self._labelling.label, targets, name) and name is not None and self.go_on.isChecked():
            if self._workspace.selection:
                self._workspace.selection = ()
            self._next()

    def _undo(self) -> None:
        self._guard(self._labelling.undo)

    def _redo(self) -> None:
        self._guard(self._labelling.redo)

    def _next(self) -> None:
        if self._workspace.cells is None:
            return
        order = ORDERS[self.order.currentText()][0]
        index = self._labelling.next_cell(order)
        if index is not None:
            self._workspace.selection = ()
            self._workspace.current = index
        elif not self._labelling.to_label():
            self._workspace.say("Every cell has been looked at. The gallery finds labels that may be wrong.")
        else:
            self._look_for_uncertain()

    def _look_for_uncertain(self) -> None:
        workspace = self._workspace
        classifier, cells = workspace.classifier, workspace.model_cells
        if classifier is None or cells is None or workspace.mismatch:
            workspace.say("Load a model first, or take the cells in order: only a model can be uncertain.")
            return
        rows = self._labelling.candidates(_LOOKED_THROUGH)
        some = cells.subset(rows)
        labelled = cells.subset([row for row, label in enumerate(workspace.labels()) if label is not None])

        force = workspace.forced

        def work(report: Report) -> list[int]:
            from sparseattn.suggest import suggest

            taught = len(classifier.split.sides.keys() & set(labelled.ids))
            found = suggest(classifier, some, _SUGGESTED, taught=taught, force=force, on_batch=report)
            return [rows[place] for place in found]

        def land(found: list[int]) -> None:
            self._labelling.set_uncertain(found)
            index = self._labelling.next_cell("uncertain")
            if index is not None:
                workspace.selection = ()
                workspace.current = index

        self._session.jobs.start("Looking for the most telling cells", work, land, key="suggest")

    def _set_blind(self, on: bool) -> None:
        self._workspace.blind = on

    def _set_annotator(self) -> None:
        self._labelling.annotator = self.annotator.text().strip()

    # Classes

    def _add_class(self) -> None:
        name, sure = QInputDialog.getText(self, "Add a class", "Name of the class:")
        if sure:
            self._guard(self._labelling.add_class, name)

    def _rename_class(self) -> None:
        old = self.classes.chosen
        name, sure = QInputDialog.getText(self, "Rename the class", f"New name of {old}:", text=old or "")
        if sure and old is not None:
            self._guard(self._labelling.rename_class, old, name)

    def _recolour_class(self) -> None:
        name = self.classes.chosen
        if name is None:
            return
        colour = QColorDialog.getColor(QColor(self._workspace.colours[name]), self, f"Colour of {name}")
        if colour.isValid():
            self._guard(self._labelling.recolour_class, name, colour.name())

    def _change_key(self) -> None:
        name = self.classes.chosen
        if name is None:
            return
        key = next((item.key for item in self._workspace.classes if item.name == name), "")
        keys = [str(number) for number in range(1, 10)]
        chosen, sure = QInputDialog.getItem(
            self, "Key of the class", f"Key of {name}; a class that has it takes the former one:", keys,
            max(keys.index(key) if key in keys else 0, 0), False,
        )  # fmt: skip
        if sure:
            self._guard(self._labelling.set_key, name, chosen)

    def _remove_class(self) -> None:
        name = self.classes.chosen
        if name is None:
            return
        count = sum(label == name for label in self._workspace.labels())
        answer = QMessageBox.question(
            self,
            "Remove the class",
            f"Remove {tip(name)}? Its {count:,} labelled cells then have no label. Add a class of the same "
            "name to get them back.",
        )
        if answer == QMessageBox.StandardButton.Yes:
            self._guard(self._labelling.remove_class, name)

    # Files

    def _take_over(self) -> None:
        self._guard(self._labelling.take_over_files)

    def _import(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "Import labels", last_folder("labels"), "Tables (*.csv *.tsv)"
        )
        if path:
            remember_folder("labels", Path(path).parent)
            self._guard(self._import_from, Path(path))

    def _import_from(self, path: Path) -> None:
        count = self._labelling.import_csv(path)
        self._workspace.say(f"{count:,} cells are labelled from {path.name}.")

    def _export(self) -> None:
        log = self._labelling.log
        if log is None:
            self._workspace.say("There are no labels to export yet.")
            return
        path, _ = QFileDialog.getSaveFileName(
            self, "Export labels", str(Path(last_folder("labels"), "labels.csv")), "Tables (*.csv)"
        )
        if path and self._guard(log.export_csv, Path(path)):
            remember_folder("labels", Path(path).parent)

    def _copy(self) -> None:
        log = self._labelling.log
        if log is None:
            self._workspace.say("There are no labels to copy yet.")
            return
        path, _ = QFileDialog.getSaveFileName(
            self, "Save a copy", str(Path(last_folder("labels")) / log.path.name), "Label files (*.sqlite)"
        )
        if path and self._guard(log.copy, Path(path)):
            remember_folder("labels", Path(path).parent)

    def _open(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "Open a label file", last_folder("labels"), "Label files (*.sqlite)"
        )
        if path:
            self._guard(self._labelling.open, Path(path))


def _button(text: str, hint: str, slot: Callable[[], None]) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(hint)
    button.setAutoDefault(False)
    button.clicked.connect(lambda: slot())
    return button
