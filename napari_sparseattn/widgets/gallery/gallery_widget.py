"""The Gallery tab: filter and sort above, the cells below, and a scatter plot with gates beside them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QComboBox,
    QLabel,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from napari_sparseattn.settings import recall, remember
from napari_sparseattn.widgets.ask_table_file import ask_table_file
from napari_sparseattn.widgets.gallery.arrangement import Arrangement
from napari_sparseattn.widgets.gallery.cards import Cards
from napari_sparseattn.widgets.gallery.cell_grid import CellGrid
from napari_sparseattn.widgets.gallery.column_titles import (
    can_be_limited,
    column_title,
    sample_columns,
    sortable_columns,
)
from napari_sparseattn.widgets.gallery.filter_bar import FilterBar
from napari_sparseattn.widgets.gallery.listening import listen
from napari_sparseattn.widgets.rows import in_a_row
from napari_sparseattn.widgets.shared_contrast import SharedContrast, can_share, shares_at_first
from napari_sparseattn.widgets.thumbnail_picture import Picture, thumbnail, thumbnail_of_selected
from sparseattn.errors import InputError
from sparseattn.table.filters import CellFilter, is_answer, sample_texts

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from napari_sparseattn.session import Session
    from napari_sparseattn.widgets.gallery.scatter import ScatterPanel
    from sparseattn.cells import CellSet
    from sparseattn.explain.display import Limits

_MOST_SAMPLE_VALUES = 200
"""A column of more values tells the cells one by one: no use to tick."""
_MOST_NUMBERS = 8
"""Of a column of whole numbers, more values than so many are limited by a range."""


class GalleryWidget(QWidget):
    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._workspace = session.workspace
        self._shown = session.shown_cells
        self._scatter: ScatterPanel | None = None
        self._shared: SharedContrast | None = None
        self._make_controls()
        self._lay_out()
        self._connect()
        self._restore()
        self._shown.ask()
        session.classification.ask()
        self._take_cells()

    # -- what is on it -------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.grid = CellGrid()
        self.filters = FilterBar()
        self.filters.setVisible(False)
        self.count = QLabel()
        self.show_filters = _switch("Filters", "Show or hide the filters")
        self.clear = QPushButton("Show all")
        self.clear.setToolTip("Take all filters away and switch the gates off, so that every cell is shown")
        self.show_scatter = _switch("Scatter plot", "Plot two columns against each other and draw gates")
        self.arrangement = Arrangement(self.grid, self._shown.set_order)
        self.sort, self.descending = self.arrangement.sort, self.arrangement.descending
        self.size = self.arrangement.size
        self.overlay = _switch("Selected pixels", "Fade all pixels but those that the model selected")
        self.export = QPushButton("Export\N{HORIZONTAL ELLIPSIS}")
        self.export.setToolTip(
            "Write the table of the cells that are shown, in their order, as CSV or Parquet"
        )
        self.contrast = QComboBox()
        self.contrast.addItem("shared", True)
        self.contrast.addItem("per cell", False)
        self.contrast.setToolTip(
            "Shared: a brighter cell looks brighter. Per cell: each from its own darkest to its brightest"
        )
        self.contrast_title = QLabel("Contrast")
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.again = QPushButton("Classify again")
        self.again.setToolTip("Classify all cells with the number of selected pixels that is set now")
        self.empty = QLabel()
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)

    def _lay_out(self) -> None:
        # Short rows: in a narrow dock longer ones would be cut off.
        top = in_a_row(self.show_filters, self.show_scatter, self.overlay)
        counts = in_a_row(self.count, None, self.clear, self.export)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.grid)
        self._pages.addWidget(self.empty)
        self._split = QSplitter(Qt.Orientation.Vertical)
        self._split.addWidget(self._pages)
        self._split.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.addLayout(top)
        layout.addWidget(self.filters)
        layout.addLayout(self.arrangement.laid_out())
        layout.addLayout(in_a_row(self.contrast_title, self.contrast, None))
        layout.addLayout(counts)
        layout.addLayout(in_a_row(self.note, self.again))
        layout.addWidget(self._split, stretch=1)

    def _connect(self) -> None:
        workspace, shown = self._workspace, self._shown
        listen(
            self,
            (workspace.cells_changed, self._take_cells),
            (workspace.classes_changed, self._show_cards),
            (workspace.blind_changed, self._show_cards),
            (workspace.selection_changed, self._show_selection),
            (workspace.current_changed, self.grid.show_current),
            (workspace.k_changed, self._take_k),
            (workspace.model_changed, self._take_model),
            (workspace.channels_changed, self._take_model),
            (workspace.predictions_changed, self._show_note),
            (shown.table_changed, self._take_table),
            (shown.rows_changed, self._take_rows),
        )
        self.grid.looked_at.connect(self._look_at)
        self.grid.chosen.connect(self._choose)
        self.grid.key_given.connect(self._label)
        self.filters.changed.connect(lambda: shown.set_filter(self.filters.value))
        self.clear.clicked.connect(self._show_all)
        self.show_filters.toggled.connect(self.filters.setVisible)
        self.show_scatter.toggled.connect(self._open_scatter)
        self.overlay.toggled.connect(self._take_model)
        self.contrast.activated.connect(self._take_contrast)
        self.export.clicked.connect(self._export)
        self.again.clicked.connect(self._session.classification.start)
        for control in (self.show_filters, self.show_scatter, self.overlay):
            control.toggled.connect(self._remember)
        self.size.sliderReleased.connect(self._remember)
        # Overlays are made anew once k stands still, not at each step of its slider.
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(250)
        self._later.timeout.connect(self._make_thumbnails)

    def close_threads(self) -> None:
        """Wait for the thread that makes thumbnails."""
        self.grid.thumbnails.close()

    # -- cells and their pictures --------------------------------------------------------------------

    def _take_cells(self) -> None:
        self._restore()  # a project that was opened brings its settings
        self._show_contrast()
        self._make_thumbnails(keep=False)
        self._take_rows()
        self._show_note()

    def _take_model(self) -> None:
        if self.overlay.isChecked() or self.sender() is self.overlay:
            self._make_thumbnails()
        self._show_note()

    def _take_k(self, k: int) -> None:
        if self.overlay.isChecked():
            self._later.start()
        self._show_note()

    def _make_thumbnails(self, keep: bool = True) -> None:
        workspace, thumbnails = self._workspace, self.grid.thumbnails
        cells, model_cells, classifier, k = (
            workspace.cells,
            workspace.model_cells,
            workspace.classifier,
            workspace.k,
        )
        if cells is None:
            thumbnails.begin(None)
        else:
            limits = self._contrast(cells)
            if self.overlay.isChecked() and classifier and model_cells and not workspace.mismatch:
                force = workspace.forced

                def of_selected(index: int) -> Picture:
                    return thumbnail_of_selected(
                        cells, model_cells, classifier, k, index, limits(), force=force
                    )

                thumbnails.begin(of_selected, keep=keep)
            else:
                thumbnails.begin(lambda index: thumbnail(cells, index, limits()), keep=keep)
        self.grid.viewport().update()

    def _contrast(self, cells: CellSet) -> Callable[[], Limits | None]:
        """Return what tells the contrast, to be called in a thread; None for each cell its own."""
        if not can_share(cells) or not self.contrast.currentData():
            return lambda: None
        if self._shared is None or self._shared.cells is not cells:
            self._shared = SharedContrast(cells)
        return self._shared.limits

    def _show_contrast(self) -> None:
        cells = self._workspace.cells
        sensible = cells is not None and can_share(cells)
        self.contrast.setVisible(sensible)
        self.contrast_title.setVisible(sensible)
        if cells is not None:
            chosen = self._workspace.extras.get("gallery", {}).get("contrast")
            shared = chosen == "shared" if chosen in ("shared", "per cell") else shares_at_first(cells)
            self.contrast.setCurrentIndex(self.contrast.findData(shared))

    def _take_contrast(self) -> None:
        kept = self._workspace.extras.get("gallery", {})
        self._workspace.extras["gallery"] = {**kept, "contrast": self.contrast.currentText()}
        self._make_thumbnails()

    # -- table, rows, captions -----------------------------------------------------------------------

    def _take_table(self) -> None:
        self._show_cards()
        self._offer()

    def _show_cards(self) -> None:
        workspace = self._workspace
        self.grid.cells.set_cards(Cards(self._shown.table, workspace.colours, workspace.blind))

    def _take_rows(self) -> None:
        workspace, shown = self._workspace, self._shown
        self.filters.show_value(shown.filter)
        self._offer()
        kept = set(shown.rows.tolist()) if len(shown.rows) < len(workspace.cells or ()) else None
        if kept is not None and not kept.issuperset(workspace.selection):
            # A key labels what is selected: that must be in sight.
            workspace.selection = [cell for cell in workspace.selection if cell in kept]
        self.grid.show_rows(shown.rows, workspace.selection, workspace.current)
        self._show_count()
        self._show_emptiness()

    def _offer(self) -> None:
        table, workspace = self._shown.table, self._workspace
        names = [item.name for item in workspace.classes]
        samples: dict[str, list[str]] = {}
        numbers: dict[str, tuple[str, float, float]] = {}
        orders: list[tuple[str, str]] = []
        given = list(names)
        if table is not None:
            for column in sample_columns(table):
                values = sample_texts(table[column]).unique().tolist()
                if len(values) <= _most_ticks(table[column]):
                    samples[column] = sorted(values)
            numbers = {
                name: (column_title(name), low, high)
                for name, (low, high) in self._shown.ranges.items()
                if can_be_limited(name) and name not in samples and not (workspace.blind and is_answer(name))
            }
            given += sorted(set(table["human_label"].dropna()) - set(names))
            orders = [
                (column_title(column), column)
                for column in sortable_columns(table)
                if not (workspace.blind and is_answer(column))
            ]
        self.filters.hide_answers(workspace.blind)
        self.filters.offer(names, given, samples, numbers, workspace.colours)
        self.arrangement.offer(orders)
        self.arrangement.show(self._shown.order)

    def _show_count(self) -> None:
        cells, shown = self._workspace.cells, len(self._shown.rows)
        if cells is None:
            self.count.setText("")
        else:
            chosen = len(self._workspace.selection)
            selected = f", {chosen:,} selected" if chosen > 1 else ""
            self.count.setText(f"{shown:,} of {len(cells):,} cells{selected}")
        self.clear.setEnabled(not self._shown.filter.is_empty)
        self.export.setEnabled(self._shown.table is not None and shown > 0)

    def _show_emptiness(self) -> None:
        workspace, shown = self._workspace, self._shown
        text = ""
        if workspace.cells is None or not len(workspace.cells):
            text = "No cells yet.\n\nOpen a folder of cell images, or File > Open Sample > SparseAttn."
        elif shown.problem is not None:
            text = f"The filter cannot be used: {shown.problem}.\n\nPress Show all."
        elif not len(shown.rows):
            text = "No cell passes all filters.\n\nLoosen one of them, or press Show all."
        self.empty.setText(text)
        self._pages.setCurrentWidget(self.empty if text else self.grid)

    def _show_note(self) -> None:
        workspace = self._workspace
        predictions = workspace.predictions
        note, again = "", False
        if workspace.cells is not None and len(workspace.cells):
            if workspace.classifier is None:
                note = "Load a model to see what it says of each cell."
            elif workspace.mismatch:
                note = f"This model cannot be asked: {workspace.mismatch}."
            elif predictions is not None and predictions.k != workspace.k:
                note = f"Classified with {predictions.k:,} selected pixels; {workspace.k:,} are set now."
                again = True
            elif predictions is not None and predictions.skipped:
                count = len(predictions.skipped)
                note = (
                    f"{count:,} cells cannot be read and have no class."
                    if count > 1
                    else (f"One cell cannot be read: {predictions.skipped[0].reason}")
                )
        self.note.setText(note)
        self.note.setVisible(bool(note))
        self.again.setVisible(again)

    # -- what the user does --------------------------------------------------------------------------

    def _show_all(self) -> None:
        """Let every cell pass; gates are switched off and stay in the list."""
        gates = tuple(dataclasses.replace(gate, active=False) for gate in self._shown.filter.gates)
        self._shown.set_filter(CellFilter(gates=gates))

    def _look_at(self, cell: int) -> None:
        self._workspace.current = cell

    def _choose(self, cells: list[int]) -> None:
        self._workspace.selection = cells
        self._show_count()

    def _show_selection(self, cells: tuple[int, ...]) -> None:
        if set(cells) != {int(self.grid.cells.rows[i.row()]) for i in self.grid.selectedIndexes()}:
            self.grid.show_selection(cells)
        self._show_count()

    def _label(self, given: str) -> None:
        labelling = self._session.labelling
        labelling.press(given, labelling.targets())

    def _export(self) -> None:
        from sparseattn.export.tables import write_table

        path = ask_table_file(self, "Export the cells that are shown", "cells.csv")
        table = self._shown.shown_table
        if path is None or table is None:
            return
        try:
            write_table(table, path)
        except InputError as error:
            self._workspace.fail(error)
        else:
            self._workspace.say(f"{len(table):,} cells written to {path.name}.")

    def _open_scatter(self, wanted: bool) -> None:
        if wanted and self._scatter is None:
            from napari_sparseattn.widgets.gallery.scatter import ScatterPanel  # loads matplotlib

            self._scatter = ScatterPanel(self._session)
            self._split.addWidget(self._scatter)
            self._split.setSizes([400, 400])
        if self._scatter is not None:
            self._scatter.setVisible(wanted)

    # -- settings ------------------------------------------------------------------------------------

    def _remember(self) -> None:
        kept = self._workspace.extras.get("gallery", {})
        look = {
            "side": self.size.value(),
            "filters": self.show_filters.isChecked(),
            "scatter": self.show_scatter.isChecked(),
            "overlay": self.overlay.isChecked(),
        }
        remember("gallery/look", look)
        self._workspace.extras["gallery"] = {**kept, **look}

    def _restore(self) -> None:
        """Show the look of the project, else the one that was used last."""
        kept: Any = self._workspace.extras.get("gallery")
        if not isinstance(kept, dict) or "scatter" not in kept:
            kept = recall("gallery/look")
            if not kept:
                return
        if type(kept.get("side")) is int:
            self.size.setValue(kept["side"])
        for name, switch in (
            ("filters", self.show_filters),
            ("scatter", self.show_scatter),
            ("overlay", self.overlay),
        ):
            switch.setChecked(kept.get(name) is True)
        if self._scatter is not None:
            self._scatter.restore()


def _most_ticks(column: pd.Series) -> int:
    """Return up to how many values of a column are ticked; numbers that hardly repeat have a range."""
    kind = column.dtype.kind
    if kind == "f":
        return 0
    return min(_MOST_NUMBERS, len(column) // 4) if kind in "iu" else _MOST_SAMPLE_VALUES


def _switch(text: str, hint: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(hint)
    button.setCheckable(True)
    return button
