"""What if pixels were gone: the user paints them out, and the answer follows."""

from __future__ import annotations

from html import escape

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton

from napari_sparseattn.session import Session
from napari_sparseattn.widgets.explain.compared_bars import ComparedBars, ComparedShare
from napari_sparseattn.widgets.explain.narrow_combo import narrow_combo
from napari_sparseattn.widgets.explain.question import Question

FILLS = (
    ("mean", "the mean of the training cells", "Says least by itself; far from white or black ground"),
    ("blur", "the cell, blurred", "Where the cell is stays, what it is goes"),
    ("background", "background", "Pixels from the border of the image"),
)


class WhatIf(Question):
    """Brush, eraser, what stands in, and the probabilities with and without the pixels."""

    title = "What if some pixels were gone?"
    hint = "Paint pixels out of the cell, and see what the model would say"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.taking_out = session.taking_out
        self.take = QPushButton("Take Out")
        self.take.setToolTip(
            "Draw on the cell: the brush takes pixels out (its width is among napari's layer controls)"
        )
        self.put = QPushButton("Put Back")
        self.put.setToolTip("Draw on the cell: the brush puts pixels back")
        self.reset = QPushButton("Reset")
        self.reset.setToolTip("Put all pixels back (Ctrl+Z over the image undoes it, as it does each stroke)")
        self.fill = narrow_combo("What the model sees in their place; the answer may depend on it")
        self.fill.setAccessibleName("What stands in for the pixels")
        for place, (name, words, hint) in enumerate(FILLS):
            self.fill.addItem(words, name)
            self.fill.setItemData(place, hint, Qt.ItemDataRole.ToolTipRole)
        self.said = QLabel()
        self.said.setTextFormat(Qt.TextFormat.RichText)
        self.said.setWordWrap(True)
        self.said.setMinimumHeight(2 * self.said.fontMetrics().lineSpacing())
        self.bars = ComparedBars()
        grid = QGridLayout()
        grid.setVerticalSpacing(4)
        for column, button in enumerate((self.take, self.put, self.reset)):
            grid.addWidget(button, 0, column)
            grid.setColumnStretch(column, 1)
        grid.addWidget(QLabel("In their place"), 1, 0)
        grid.addWidget(self.fill, 1, 1, 1, 2)
        self.stack(grid, self.said, self.bars)
        self.take.clicked.connect(self._take_out)
        self.put.clicked.connect(self._put_back)
        self.reset.clicked.connect(self._reset)
        self.fill.currentIndexChanged.connect(self._take_fill)
        self.taking_out.changed.connect(self._show)
        self.workspace.explanation_changed.connect(self._show)
        self._show()

    def unfold(self, opened: bool) -> None:
        """Opened, the brush is in hand; folded away, the cell is whole again, and the strokes are kept."""
        self.taking_out.switch(opened)

    def _take_out(self) -> None:
        self.taking_out.take_out()

    def _put_back(self) -> None:
        self.taking_out.put_back()

    def _reset(self) -> None:
        self.taking_out.reset()

    def _take_fill(self, place: int) -> None:
        self.taking_out.fill = self.fill.itemData(place)

    def _show(self) -> None:
        workspace = self.workspace
        before, now = workspace.explanation, workspace.what_if
        self.reset.setEnabled(now is not None)
        if before is None:
            return
        colours = workspace.colours
        after = before if now is None else now
        self.bars.show_rows(
            [
                ComparedShare(name, float(share), float(untouched), colours.get(name, "#8c8c8c"))
                for name, share, untouched in zip(
                    before.classes, after.probabilities, before.probabilities, strict=True
                )
            ]
        )
        if now is None:
            self.said.setText("Draw on the cell to take pixels out; Ctrl+Z undoes a stroke.")
            return
        count, confidence = self.taking_out.count, f"{100 * now.confidence:.0f} %"
        same = now.predicted == before.predicted
        self.said.setText(
            f"Without these {count:,} pixels it {'would still' if same else 'would'} be "
            f"<b>{escape(now.predicted)}</b>, {confidence}; untouched it is {escape(before.predicted)}, "
            f"{100 * before.confidence:.0f} %."
        )
