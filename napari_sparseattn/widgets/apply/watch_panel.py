"""Watching a folder that an instrument writes to: classes and newest cells as they come."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_sparseattn.settings import last_folder, remember_folder
from napari_sparseattn.watch_work import table_beside
from napari_sparseattn.widgets.apply.class_counts import ClassCounts
from napari_sparseattn.widgets.apply.new_cards import NewCards
from napari_sparseattn.widgets.apply.new_cell_pictures import picture_of
from napari_sparseattn.widgets.gallery.cell_grid import CellGrid
from napari_sparseattn.widgets.gallery.listening import listen
from napari_sparseattn.widgets.rows import in_a_row
from napari_sparseattn.widgets.sentences import WARNING, Sentences
from napari_sparseattn.widgets.thumbnail_picture import Picture
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from napari_sparseattn.session import Session
    from sparseattn.scale.watch.following import NewCell

_PICTURES_MS = 1000
"""New pictures come once a second: of 200 cells a second nobody sees more."""

_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


class WatchPanel(QWidget):
    """Folder and table above, then what came, then the newest cells."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session, self._work, self._workspace = session, session.watching, session.workspace
        self._pictured: dict[int, NewCell] = {}
        self._make_controls()
        self._lay_out()
        self._connect()
        self._recall()
        self._show_state()
        self._show_counts()
        self._say_which()

    # -- the parts -----------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.folder, self.table = QLineEdit(), QLineEdit()
        self.folder.setPlaceholderText("The folder that the instrument writes to")
        self.folder.setAccessibleName("Folder")
        self.table.setPlaceholderText("The table that grows, beside the folder")
        self.table.setAccessibleName("Table")
        self.choose_folder, self.choose_table = (
            QPushButton(f"Choose{_ELLIPSIS}"),
            QPushButton(f"Choose{_ELLIPSIS}"),
        )
        self.choose_folder.setToolTip("Choose the folder that is watched, with its subfolders")
        self.choose_table.setToolTip("Choose the CSV file to which a row is added for each cell")
        self.start = QPushButton("Start")
        self.start.setToolTip(
            "Classify what is in the folder, then each file as it comes; started again with the same table, "
            "it goes on"
        )
        self.stop = QPushButton("Stop")
        self.stop.setToolTip("Finish what is begun and stop; what is in the table stays")
        self.follow = QPushButton(f"Follow a Table{_ELLIPSIS}")
        self.follow.setToolTip("Show what sparseattn watch adds to its table, on this or another computer")
        self.said = QLabel()
        self.said.setWordWrap(True)
        self.errors = Sentences(WARNING)
        self.counts = ClassCounts()
        self.grid = CellGrid()
        self.grid.setMinimumHeight(150)
        self.grid.setAccessibleName("Newest cells")
        self.newest = QLabel("Newest cells, with the pixels that the model selected")
        self.open_these = QPushButton("Open These Cells")
        self.open_these.setToolTip(
            "Open the files of the cells that are selected, or of all that are shown, in all tabs: to "
            "explain and label them. The watching goes on"
        )

    def _lay_out(self) -> None:
        places = QGridLayout()
        for row, (title, line, button) in enumerate(
            (("Folder", self.folder, self.choose_folder), ("Table", self.table, self.choose_table))
        ):
            places.addWidget(QLabel(title), row, 0)
            places.addWidget(line, row, 1)
            places.addWidget(button, row, 2)
        buttons = QHBoxLayout()
        for button in (self.start, self.stop, self.follow):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.addLayout(places)
        layout.addLayout(buttons)
        layout.addWidget(self.said)
        layout.addWidget(self.errors)
        layout.addWidget(self.counts)
        layout.addWidget(self.newest)
        layout.addWidget(self.grid, 1)
        layout.addLayout(in_a_row(None, self.open_these))

    def _connect(self) -> None:
        work, workspace = self._work, self._workspace
        listen(
            self,
            (work.changed, self._show_state),
            (work.updated, self._show_counts),
            (workspace.model_changed, self._show_state),
            (workspace.classes_changed, self._show_counts),
            (workspace.blind_changed, self._show_counts),
            (workspace.project_changed, self._recall),
        )
        self.choose_folder.clicked.connect(self._ask_folder)
        self.choose_table.clicked.connect(self._ask_table)
        self.folder.editingFinished.connect(self._name_table)
        self.start.clicked.connect(self._start)
        self.stop.clicked.connect(work.stop)
        self.follow.clicked.connect(self._ask_followed)
        self.open_these.clicked.connect(self.open_cells)
        self.grid.doubleClicked.connect(self.open_cells)
        self.grid.chosen.connect(self._say_which)
        self._pictures = QTimer(self)
        self._pictures.setInterval(_PICTURES_MS)
        self._pictures.timeout.connect(self._show_pictures)

    def close_threads(self) -> None:
        """Wait for the thread that makes thumbnails."""
        self.grid.thumbnails.close()

    # -- what the user does --------------------------------------------------------------------------

    def _ask_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "The folder to watch", last_folder("watch"))
        if name:
            remember_folder("watch", Path(name).parent)
            self.folder.setText(name)
            self._name_table()

    def _name_table(self) -> None:
        """Say where the table lies unless the user has said it for this folder."""
        folder = self.folder.text().strip()
        if folder and folder != self._named:
            self._named = folder
            self.table.setText(str(table_beside(Path(folder))))
        self._show_state()

    def _ask_table(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self,
            "The table that grows",
            self.table.text(),
            "CSV (*.csv)",
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if name:
            self.table.setText(name if name.endswith(".csv") else f"{name}.csv")

    def _ask_followed(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self, "The table to follow", last_folder("watch"), "CSV (*.csv)"
        )
        if name:
            remember_folder("watch", Path(name).parent)
            self._begin_pictures()
            self._work.follow(Path(name))

    def _start(self) -> None:
        folder, table = self.folder.text().strip(), self.table.text().strip()
        self._begin_pictures()
        try:
            self._work.start(Path(folder).absolute(), Path(table).absolute())
        except InputError as error:
            self._workspace.fail(error)
            return
        self._workspace.extras["watch"] = {"folder": folder, "table": table}

    def open_cells(self, *_: object) -> None:
        """Open the files of the cells that are selected, or of all that are shown, in all tabs."""
        rows = [int(row) for row in self.grid.cells.rows]
        chosen = self.grid.selected or rows
        files = dict.fromkeys(self._pictured[row].place()[0] for row in rows if row in chosen)
        if files:
            folder = self._work.folder
            if folder is None or not all(file.is_relative_to(folder) for file in files):
                folder = Path(os.path.commonpath([file.parent for file in files]))
            self._session.opening.open_cells(
                folder, files=[file.relative_to(folder).as_posix() for file in files]
            )

    def _say_which(self, *_: object) -> None:
        self.open_these.setText(self.grid.words_to_open)
        self.open_these.setEnabled(len(self.grid.cells.rows) > 0)

    def _recall(self) -> None:
        kept = self._workspace.extras.get("watch")
        kept = kept if isinstance(kept, dict) else {}
        folder, table = kept.get("folder"), kept.get("table")
        self._named = folder if isinstance(folder, str) else ""
        if isinstance(folder, str) and isinstance(table, str):
            self.folder.setText(folder)
            self.table.setText(table)

    # -- what is shown -------------------------------------------------------------------------------

    def _show_state(self) -> None:
        running = self._work.is_running
        named = bool(self.folder.text().strip() and self.table.text().strip())
        self.start.setEnabled(not running and named and self._workspace.classifier is not None)
        self.stop.setEnabled(running)
        self.follow.setEnabled(not running)
        for widget in (self.folder, self.table, self.choose_folder, self.choose_table):
            widget.setEnabled(not running)
        if running and not self._pictures.isActive():
            self._pictures.start()
        elif not running and self._pictures.isActive():
            self._pictures.stop()
            self._show_pictures()
        self._say()

    def _show_counts(self) -> None:
        work = self._work
        self._say()
        errors = []
        if work.last_error is not None:
            last = work.last_error
            count = "One file" if work.errors == 1 else f"{work.errors:,} files"
            said = last.error if last.source in last.error else f"{last.source}: {last.error}"
            errors = [f"{count} could not be read; the last: {said}"]
        self.errors.say(errors)
        blind = self._workspace.blind
        self.counts.setVisible(not blind and bool(work.classes))
        self.counts.show_counts(work.classes, work.counts, self._workspace.colours)

    def _say(self) -> None:
        work = self._work
        if self._workspace.classifier is None and not work.is_running:
            text = "Load a model, choose a folder, and each cell that comes is classified."
        elif work.table is None:
            text = "Each cell that comes into the folder is classified, and a row is added to the table."
        elif work.is_running and not work.cells:
            text = "Getting ready" if work.is_here else f"Waiting for rows of {work.table.name}"
            text += _ELLIPSIS
        else:
            text = f"{work.cells:,} cells"
            if work.is_running:
                text += f", {work.rate:,.0f} a second"
                if work.delay is not None:
                    text += f", shown {work.delay:.1f} s after they were written"
            text += "." if work.is_running else f". The rows are in {work.table}."
        self.said.setText(text)

    def _begin_pictures(self) -> None:
        classifier, k = self._workspace.classifier, self._workspace.k
        self._pictured = {}

        def make(row: int) -> Picture:
            cell = self._pictured.get(row)
            if cell is None:
                raise InputError("another cell is shown there by now")
            return picture_of(cell, classifier, k)

        self.grid.thumbnails.begin(make)

    def _show_pictures(self) -> None:
        """Show the newest cells; the rate falls to nothing while none come."""
        self._say()
        newest = dict(self._work.newest)
        if newest.keys() == self._pictured.keys() or not self.isVisible():
            return
        self._pictured = newest
        blind = self._workspace.blind
        self.grid.cells.set_cards(NewCards(newest, self._workspace.colours, blind=blind))
        self.grid.show_rows(np.array(list(newest), np.int64), self.grid.selected, -1)
        self._say_which()
