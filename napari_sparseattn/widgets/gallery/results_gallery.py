"""The Gallery of large results: a page at a time of a million cells; pictures of those in sight alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QLabel,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from napari_sparseattn.widgets.ask_table_file import ask_table_file
from napari_sparseattn.widgets.gallery.arrangement import Arrangement
from napari_sparseattn.widgets.gallery.cell_grid import CellGrid
from napari_sparseattn.widgets.gallery.column_titles import column_title
from napari_sparseattn.widgets.gallery.filter_bar import FilterBar
from napari_sparseattn.widgets.gallery.listening import listen
from napari_sparseattn.widgets.gallery.page_bar import PageBar
from napari_sparseattn.widgets.gallery.result_cards import ResultCards
from napari_sparseattn.widgets.rows import in_a_row
from napari_sparseattn.widgets.shared_contrast import SharedContrast, shares_at_first
from napari_sparseattn.widgets.thumbnail_picture import Picture, thumbnail, thumbnail_of_selected
from sparseattn.table.filters import CellFilter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_sparseattn.results_job import OpenedResults
    from napari_sparseattn.session import Session

PAGE = 1000
"""Cells of a page: as many as are laid out at once."""

_MOST_SAMPLE_VALUES = 200
_ORDERS = ("confidence", "entropy", "in_distribution", "predicted", "human_label")
_UNCERTAINTY = "Uncertainty (entropy)"


class ResultsGallery(QWidget):
    """Made from the session when results are first opened."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session, self._work, self._workspace = session, session.results, session.workspace
        self._opened: OpenedResults | None = None
        self._make_controls()
        self._lay_out()
        self._connect()
        self._take_results()

    # -- what is on it -------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.grid = CellGrid()
        self.filters = FilterBar()
        self.filters.setVisible(False)
        self.show_filters = QPushButton("Filters")
        self.show_filters.setCheckable(True)
        self.show_filters.setToolTip("Show or hide the filters")
        self.overlay = QPushButton("Selected pixels")
        self.overlay.setCheckable(True)
        self.overlay.setToolTip("Fade all pixels but those that the model selected")
        self.count = QLabel()
        self.clear = QPushButton("Show all")
        self.clear.setToolTip("Take all filters away, so that every cell is shown")
        self.arrangement = Arrangement(self.grid, self._work.set_order)
        self.sort, self.descending = self.arrangement.sort, self.arrangement.descending
        self.size = self.arrangement.size
        self.pages = PageBar()
        self.pages.listen_for_keys(self)
        self.open_these = QPushButton("Open These Cells")
        self.open_these.setToolTip(
            "Open the cells that are selected, or those of this page, in all tabs: to explain and label "
            "them. The results stay open behind them"
        )
        self.export = QPushButton("Export\N{HORIZONTAL ELLIPSIS}")
        self.export.setToolTip(
            "Write all rows of the cells that are shown as Parquet or CSV, in the order of the results"
        )
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.again = QPushButton("Try again")
        self.again.setToolTip("Look for the pictures again")
        self.empty = QLabel()
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)

    def _lay_out(self) -> None:
        self._middle = QStackedWidget()
        self._middle.addWidget(self.grid)
        self._middle.addWidget(self.empty)
        layout = QVBoxLayout(self)
        layout.addLayout(in_a_row(self.show_filters, self.overlay))
        layout.addWidget(self.filters)
        layout.addLayout(self.arrangement.laid_out())
        layout.addLayout(in_a_row(self.count, None, self.clear, self.export))
        said = in_a_row(self.note, self.again)
        said.setStretch(0, 1)
        layout.addLayout(said)
        layout.addWidget(self._middle, stretch=1)
        layout.addLayout(in_a_row(self.pages, None, self.open_these))

    def _connect(self) -> None:
        work, workspace = self._work, self._workspace
        listen(
            self,
            (work.changed, self._take_results),
            (work.rows_changed, self._take_rows),
            (work.pictures_changed, self._take_pictures),
            (workspace.classes_changed, self._show_cards),
        )
        self.show_filters.toggled.connect(self.filters.setVisible)
        self.overlay.toggled.connect(self._make_thumbnails)
        self.filters.changed.connect(self._filter)
        self.clear.clicked.connect(self._show_all)
        self.pages.turned.connect(self._show_page)
        self.open_these.clicked.connect(self.open_cells)
        self.export.clicked.connect(self._export)
        self.again.clicked.connect(self._try_again)
        self.grid.chosen.connect(self._show_count)
        self.grid.doubleClicked.connect(self.open_cells)
        self.grid.key_given.connect(self._refuse_label)

    def close_threads(self) -> None:
        """Wait for the thread that makes thumbnails."""
        self.grid.thumbnails.close()

    # -- what is shown -------------------------------------------------------------------------------

    def _take_results(self) -> None:
        opened = self._work.opened
        if opened is self._opened:
            return
        self._opened = opened
        if opened is None:
            self.grid.thumbnails.begin(None)
            self.grid.show_rows(np.zeros(0, np.int64), (), -1)
            return
        self._offer(opened)
        self._show_cards()
        self._take_pictures()
        self._take_rows()

    def _offer(self, opened: OpenedResults) -> None:
        """Offer classes, samples and columns to filter and sort by."""
        answers = opened.answers
        names = list(answers.columns)
        columns = names[: names.index("predicted")]
        self._samples, self._numbers = {}, {}
        for name in columns:
            values = answers[name]
            if values.dtype == "category":
                texts = sorted(map(str, values.cat.categories))
                if len(texts) <= _MOST_SAMPLE_VALUES:
                    self._samples[name] = [*texts, *([""] if values.isna().any() else [])]
            else:
                low, high = float(values.min()), float(values.max())
                if low < high:
                    self._numbers[name] = (column_title(name), low, high)
        titles = {name: column_title(name) for name in (*_ORDERS, *columns)} | {"entropy": _UNCERTAINTY}
        self.arrangement.offer([(title, name) for name, title in titles.items()])

    def _show_cards(self) -> None:
        if self._opened is not None:
            self.grid.cells.set_cards(ResultCards(self._opened, self._workspace.colours))

    def _take_rows(self) -> None:
        opened, work = self._opened, self._work
        if opened is None:
            return
        chosen, order = work.filter, work.order
        given = [str(name) for name in opened.answers["human_label"].cat.categories]
        self.filters.show_value(chosen)
        self.filters.offer(
            opened.results.classes, given, self._samples, self._numbers, self._workspace.colours
        )
        self.arrangement.show(order)
        self.pages.set_pages(-(-len(work.rows) // PAGE))
        self._show_page()
        text = ""
        if work.problem is not None:
            text = f"The filter cannot be used: {work.problem}.\n\nPress Show all."
        elif not len(work.rows):
            text = "No cell passes all filters.\n\nLoosen one of them, or press Show all."
        self.empty.setText(text)
        self._middle.setCurrentWidget(self.empty if text else self.grid)

    @property
    def page_rows(self) -> NDArray[np.int64]:
        """The cells of the page that is shown."""
        start = self.pages.number * PAGE
        return self._work.rows[start : start + PAGE]

    def _show_page(self, *_: object) -> None:
        self.grid.show_rows(self.page_rows, (), -1)
        self.grid.scrollToTop()
        self._show_count()

    def _show_count(self, *_: object) -> None:
        if self._opened is None:
            return
        chosen, shown = len(self.grid.selectedIndexes()), len(self._work.rows)
        selected = f", {chosen:,} selected" if chosen else ""
        self.count.setText(f"{shown:,} of {len(self._opened):,} cells{selected}")
        self.clear.setEnabled(not self._work.filter.is_empty)
        self.export.setEnabled(shown > 0)
        self.open_these.setEnabled(self._work.cells is not None and shown > 0)
        self.open_these.setText(self.grid.words_to_open)

    # -- pictures ------------------------------------------------------------------------------------

    def _take_pictures(self) -> None:
        work = self._work
        if work.without_pictures is not None:
            note = f"No pictures can be shown: {work.without_pictures}. Classes and figures are all there."
        elif work.cells is None:
            note = "Looking for the pictures\N{HORIZONTAL ELLIPSIS}"
        else:
            note = ""
        self.note.setText(note)
        self.note.setVisible(bool(note))
        self.again.setVisible(work.without_pictures is not None)
        self.overlay.setEnabled(work.cells is not None and work.classifier is not None)
        self.overlay.setToolTip(
            "Fade all pixels but those that the model selected"
            if work.classifier is not None
            else "Load the model that made these results to see which pixels it selected"
        )
        self._make_thumbnails()
        self._show_count()

    def _make_thumbnails(self, *_: object) -> None:
        work, thumbnails = self._work, self.grid.thumbnails
        cells, classifier, opened = work.cells, work.classifier, self._opened
        if cells is None or opened is None:
            thumbnails.begin(None)
        else:
            shared = SharedContrast(cells) if shares_at_first(cells) else None

            def limits():  # type: ignore[no-untyped-def]
                return None if shared is None else shared.limits()

            if self.overlay.isChecked() and classifier is not None:
                k, noted = opened.results.plan.k, bool(opened.results.plan.notes)

                def of_selected(index: int) -> Picture:
                    one = cells.detached([index])  # ids are made of all cells of a set at once
                    admitted = classifier.admit(one, force=noted).cells
                    return thumbnail_of_selected(one, admitted, classifier, k, 0, limits(), force=noted)

                thumbnails.begin(of_selected, keep=True)
            else:
                thumbnails.begin(lambda index: thumbnail(cells, index, limits()), keep=True)
        self.grid.viewport().update()

    # -- what the user does --------------------------------------------------------------------------

    def _filter(self) -> None:
        self._work.set_filter(self.filters.value)

    def _show_all(self) -> None:
        self._work.set_filter(CellFilter())

    def _try_again(self) -> None:
        self.note.setText("Looking for the pictures\N{HORIZONTAL ELLIPSIS}")
        self._work.find_pictures()

    def open_cells(self, *_: object) -> None:
        """Open the cells that are selected, or those of the page, in all tabs."""
        shown = self.grid.cells.rows
        chosen = sorted(index.row() for index in self.grid.selectedIndexes())
        self._work.open_rows(shown[chosen] if chosen else shown)

    def _refuse_label(self, _: str) -> None:
        self._workspace.say("Open these cells to label them: the button below the pictures.")

    def _export(self) -> None:
        path = ask_table_file(self, "Export the cells that are shown", "cells.parquet")
        if path is not None:
            self.export_rows(path)

    def export_rows(self, path: Path) -> None:
        """Write the rows that are shown, in a job."""
        from sparseattn.scale.export_rows import write_rows

        opened, rows = self._opened, self._work.rows
        if opened is None:
            return

        def done(_: None) -> None:
            self._workspace.say(f"{len(rows):,} cells written to {path.name}.")

        self._session.jobs.start(
            f"Writing {path.name}",
            lambda report: write_rows(opened.results, rows, path, report),
            done,
            bound_to=(),
            key=str(path),
        )
