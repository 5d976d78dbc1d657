"""The scatter plot of two columns with polygon gates, linked to the grid."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_sparseattn.colours import NO_CLASS
from napari_sparseattn.widgets.gallery.column_titles import column_title, number_columns
from napari_sparseattn.widgets.gallery.gate_list import GateList
from napari_sparseattn.widgets.gallery.listening import listen
from napari_sparseattn.widgets.gallery.scatter_canvas import Cloud, ScatterCanvas
from sparseattn.errors import InputError
from sparseattn.table.filters import is_answer
from sparseattn.table.gates import PolygonGate

if TYPE_CHECKING:
    import pandas as pd

    from napari_sparseattn.session import Session

Gates = tuple[PolygonGate, ...]

_COLOURS = (("Predicted class", "predicted"), ("Given class", "human_label"), ("One colour", ""))
_FAINT = "#8c8c8c50"
"""Cells that other filters leave out."""


class ScatterPanel(QWidget):
    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._workspace = session.workspace
        self._shown = session.shown_cells
        self._undone: list[Gates] = []
        self._done: list[Gates] = []
        self._chosen = -1
        self._make_controls()
        self._lay_out()
        self._connect()
        self.restore()
        self._take_table()

    def _make_controls(self) -> None:
        self.canvas = ScatterCanvas()
        self.canvas.setToolTip(
            "Click a point to look at its cell. Drag a gate or its corners to move them. "
            "Turn the wheel to zoom, double-click to see all."
        )
        self.x, self.y, self.colour = QComboBox(), QComboBox(), QComboBox()
        for box, hint in (
            (self.x, "Column along the horizontal axis"),
            (self.y, "Column along the vertical axis"),
            (self.colour, "What the colours of the points say"),
        ):
            box.setToolTip(hint)
            box.setAccessibleName(hint)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(6)
        for text, column in _COLOURS:
            self.colour.addItem(text, column)
        self.log_x = _switch("log", "Logarithmic horizontal axis; values of 0 and below are not shown")
        self.log_y = _switch("log", "Logarithmic vertical axis; values of 0 and below are not shown")
        self.draw = _switch(
            "Draw gate",
            "Click corner by corner; close with a double-click, Enter or on the first corner. Escape stops.",
        )
        self.undo = QPushButton("Undo")
        self.undo.setToolTip("Take the last change of the gates back (Ctrl+Z)")
        self.redo = QPushButton("Redo")
        self.redo.setToolTip("Do again what was taken back (Ctrl+Shift+Z)")
        self.delete = QPushButton("Delete")
        self.delete.setToolTip("Delete the chosen gate (Delete)")
        self.gates = GateList()
        self.hint = QLabel()
        self.hint.setWordWrap(True)

    def _lay_out(self) -> None:
        axes = QGridLayout()
        rows = (
            ("Across", self.x, self.log_x),
            ("Up", self.y, self.log_y),
            ("Colour", self.colour, self.draw),
        )
        for row, (title, box, button) in enumerate(rows):
            axes.addWidget(QLabel(title), row, 0)
            axes.addWidget(box, row, 1)
            axes.addWidget(button, row, 2)
        axes.setColumnStretch(1, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.gates, stretch=1)
        for button in (self.undo, self.redo, self.delete):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.addLayout(axes)
        layout.addWidget(self.hint)
        layout.addWidget(self.canvas, stretch=1)
        layout.addLayout(buttons)

    def _connect(self) -> None:
        workspace, shown = self._workspace, self._shown
        listen(
            self,
            (shown.table_changed, self._take_table),
            (workspace.filters_changed, self._plot),
            (workspace.classes_changed, self._plot),
            (workspace.blind_changed, self._plot),
            (workspace.selection_changed, self._mark),
            (workspace.current_changed, self._mark),
        )
        for box in (self.x, self.y, self.colour):
            box.activated.connect(self._take_axes)
        for switch in (self.log_x, self.log_y):
            switch.toggled.connect(self._take_axes)
        self.draw.toggled.connect(self._take_draw)
        self.undo.clicked.connect(self._undo)
        self.redo.clicked.connect(self._redo)
        self.delete.clicked.connect(self._delete)
        self.canvas.drawn.connect(self._add)
        self.canvas.moved.connect(self._replace_here)
        self.canvas.picked.connect(self._pick_here)
        self.canvas.pointed.connect(self._look_at)
        self.canvas.drawing_ended.connect(lambda: self.draw.setChecked(False))
        self.gates.ticked.connect(lambda row, active: self._replace(row, active=active))
        self.gates.renamed.connect(lambda row, name: self._replace(row, name=name))
        self.gates.picked.connect(self._pick)
        keys = {"undo": self._undo, "redo": self._redo, "delete": self._delete}
        for one in (self.canvas, self.gates):
            one.key_given.connect(lambda given: keys[given]())

    # -- the plot ------------------------------------------------------------------------------------

    @property
    def _table(self) -> pd.DataFrame | None:
        return self._shown.table

    def _take_table(self) -> None:
        table = self._table
        columns = [] if table is None else number_columns(table)
        if self._workspace.blind:
            columns = [name for name in columns if not is_answer(name)]
        for box, wanted in ((self.x, self._wanted[0]), (self.y, self._wanted[1])):
            if [box.itemData(at) for at in range(box.count())] != columns:
                before = wanted if columns else box.currentData()
                box.clear()
                for column in columns:
                    box.addItem(column_title(column), column)
                place = box.findData(before)
                box.setCurrentIndex(place if place >= 0 else min(len(columns) - 1, int(box is self.y)))
        self._plot()

    def _take_axes(self) -> None:
        self._chosen = -1
        self._wanted = (self.x.currentData() or "", self.y.currentData() or "")
        kept = self._workspace.extras.get("gallery", {})
        self._workspace.extras["gallery"] = {
            **kept,
            "axes": [*self._wanted],
            "log": [self.log_x.isChecked(), self.log_y.isChecked()],
            "colour": self.colour.currentData(),
        }
        self._plot()

    def _plot(self) -> None:
        table, x, y = self._table, self.x.currentData(), self.y.currentData()
        cloud = None
        hint = ""
        if table is None or not x or not y:
            hint = "The plot comes with the cells."
        else:
            across, up = (table[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in (x, y))
            missing = [
                column_title(name) for name, values in ((x, across), (y, up)) if not np.isfinite(values).any()
            ]
            if missing:
                hint = f"{' and '.join(missing)} is not known yet."
            cloud = Cloud(
                across,
                up,
                column_title(x),
                column_title(y),
                self.log_x.isChecked(),
                self.log_y.isChecked(),
                self._groups(table),
            )
        self.hint.setText(hint)
        self.hint.setVisible(bool(hint))
        self.canvas.show_cloud(cloud)
        self._show_gates()
        self._mark()

    def _groups(self, table: pd.DataFrame) -> tuple[tuple[str, Any], ...]:
        """Return the points by colour, those that the filters leave out first, so that they lie below."""
        # Gates are drawn on the plot: they take no point away from it.
        others = dataclasses.replace(self._shown.filter_now, gates=())
        try:
            passed = others.passes(table)
        except InputError:
            passed = np.ones(len(table), dtype=bool)
        groups = [(_FAINT, np.flatnonzero(~passed))]
        by = self.colour.currentData()
        if by == "predicted" and self._workspace.blind:
            by = "human_label"
        if not by:
            return (*groups, (self._workspace_colour, np.flatnonzero(passed)))
        names = table[by].to_numpy(dtype=object)
        known = self._workspace.colours
        without = np.array([name not in known for name in names])
        groups.append((NO_CLASS, np.flatnonzero(passed & without)))
        groups += [(colour, np.flatnonzero(passed & (names == name))) for name, colour in known.items()]
        return tuple((colour, places) for colour, places in groups if len(places))

    @property
    def _workspace_colour(self) -> str:
        return next(iter(self._workspace.colours.values()), "#0072b2")

    def _mark(self, *_: Any) -> None:
        workspace = self._workspace
        chosen = workspace.selection or ((workspace.current,) if workspace.current >= 0 else ())
        count = 0 if self._table is None else len(self._table)
        self.canvas.mark(np.array([cell for cell in chosen if cell < count], dtype=np.intp))

    def _look_at(self, cell: int) -> None:
        self._workspace.selection = (cell,)
        self._workspace.current = cell

    # -- the gates -----------------------------------------------------------------------------------

    @property
    def _gates(self) -> Gates:
        return self._shown.filter.gates

    def _here(self) -> list[int]:
        """Return the numbers of the gates on the axes that are shown."""
        axes = (self.x.currentData(), self.y.currentData())
        return [number for number, gate in enumerate(self._gates) if (gate.x, gate.y) == axes]

    def _show_gates(self) -> None:
        gates = self._gates
        if self._chosen >= len(gates):
            self._chosen = -1
        here = self._here()
        self.canvas.show_gates(
            [gates[number] for number in here], here.index(self._chosen) if self._chosen in here else -1
        )
        self.gates.show_gates(gates, [self._count(gate) for gate in gates], self._chosen)
        self.undo.setEnabled(bool(self._done))
        self.redo.setEnabled(bool(self._undone))
        self.delete.setEnabled(self._chosen >= 0)

    def _count(self, gate: PolygonGate) -> int:
        try:
            return 0 if self._table is None else int(gate.contains(self._table).sum())
        except InputError:
            return 0

    def _change(self, gates: Gates) -> None:
        """Take other gates, and remember those before."""
        if gates != self._gates:
            self._done.append(self._gates)
            self._undone.clear()
            self._set(gates)

    def _set(self, gates: Gates) -> None:
        self._shown.set_filter(dataclasses.replace(self._shown.filter, gates=gates))
        self._show_gates()

    def _undo(self) -> None:
        if self._done:
            self._undone.append(self._gates)
            self._set(self._done.pop())

    def _redo(self) -> None:
        if self._undone:
            self._done.append(self._gates)
            self._set(self._undone.pop())

    def _take_draw(self, wanted: bool) -> None:
        if wanted and not self.canvas.is_drawing:
            self.canvas.begin_drawing()
        elif not wanted and self.canvas.is_drawing:
            self.canvas.end_drawing()

    def _add(self, corners: list[tuple[float, float]]) -> None:
        names = {gate.name for gate in self._gates}
        name = next(f"Gate {n}" for n in range(1, len(names) + 2) if f"Gate {n}" not in names)
        try:
            gate = PolygonGate(
                name,
                self.x.currentData(),
                self.y.currentData(),
                tuple(corners),
                self.log_x.isChecked(),
                self.log_y.isChecked(),
            )
        except InputError as error:
            self._workspace.fail(error)
            return
        self._chosen = len(self._gates)
        self._change((*self._gates, gate))

    def _replace_here(self, place: int, gate: PolygonGate) -> None:
        number = self._here()[place]
        self._change((*self._gates[:number], gate, *self._gates[number + 1 :]))

    def _replace(self, number: int, **changes: Any) -> None:
        gate = dataclasses.replace(self._gates[number], **changes)
        self._change((*self._gates[:number], gate, *self._gates[number + 1 :]))

    def _delete(self) -> None:
        number = self._chosen
        if number >= 0:
            self._chosen = -1
            self._change((*self._gates[:number], *self._gates[number + 1 :]))

    def _pick_here(self, place: int) -> None:
        self._chosen = self._here()[place] if place >= 0 else -1
        self._show_gates()

    def _pick(self, number: int) -> None:
        """Choose a gate in the list, and show it on its axes."""
        self._chosen = number
        if number >= 0 and number not in self._here():
            gate = self._gates[number]
            for box, column in ((self.x, gate.x), (self.y, gate.y)):
                if box.findData(column) >= 0:
                    box.setCurrentIndex(box.findData(column))
            for switch, log in ((self.log_x, gate.log_x), (self.log_y, gate.log_y)):
                switch.blockSignals(True)
                switch.setChecked(log)
                switch.blockSignals(False)
            self._plot()
        else:
            self._show_gates()

    # -- settings ------------------------------------------------------------------------------------

    def restore(self) -> None:
        """Take axes and colour from the project."""
        kept = self._workspace.extras.get("gallery", {})
        axes, log = kept.get("axes"), kept.get("log")
        sound = isinstance(axes, list) and len(axes) == 2 and all(isinstance(name, str) for name in axes)
        self._wanted = tuple(axes) if sound else ("area", "confidence")
        if isinstance(log, list) and len(log) == 2:
            self.log_x.setChecked(log[0] is True)
            self.log_y.setChecked(log[1] is True)
        self.colour.setCurrentIndex(max(self.colour.findData(kept.get("colour", "predicted")), 0))


def _switch(text: str, hint: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(hint)
    button.setCheckable(True)
    return button
