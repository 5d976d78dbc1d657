"""Is it looking at the background: the share of the attention outside the cell, and the suspicious cells."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton

from napari_sparseattn.session import Session
from napari_sparseattn.widgets.explain.question import Question
from napari_sparseattn.widgets.sentences import STATEMENT, WARNING, Sentences


class OnBackground(Question):
    """The current cell at once; all cells when the button is pressed."""

    title = "Is it looking at the background?"
    hint = "How much of the attention lies outside of the cell: a model may go by marks, focus or brightness"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.check = session.background_check
        self.said = QLabel()
        self.said.setTextFormat(Qt.TextFormat.RichText)
        self.said.setWordWrap(True)
        self.said.setMinimumHeight(2 * self.said.fontMetrics().lineSpacing())
        self.said.setToolTip(
            "The outline is the cell's mask where its file has one, else a guess: what differs from the\n"
            "ground, in the middle of the image."
        )
        self.all = QPushButton("Check All Cells")
        self.all.setToolTip("Compare where the model looks with where the cell is, in all open cells")
        self.show_them = QPushButton("Show the Suspicious")
        self.show_them.setToolTip(
            "In the Gallery: the cells with more than half of the attention outside, the worst first"
        )
        self.warning = Sentences(WARNING)
        self.statement = Sentences(STATEMENT)
        row = QHBoxLayout()
        row.addWidget(self.all)
        row.addWidget(self.show_them)
        row.addStretch(1)
        self.stack(self.said, row, self.warning, self.statement)
        self.all.clicked.connect(self._check_all)
        self.show_them.clicked.connect(self._show_suspicious)
        self.check.changed.connect(self._show)
        self.workspace.cell_mask_changed.connect(self._show)
        self._show()

    def unfold(self, opened: bool) -> None:
        """While it is open the cell's outline is drawn on the image."""
        self.check.switch(opened)
        self._show()

    def _check_all(self) -> None:
        self.check.check()

    def _show_suspicious(self) -> None:
        self.check.show_suspicious()
        self.session.tab_asked.emit("gallery")

    def _show(self) -> None:
        if not self.is_open:
            return
        self.said.setText(self._of_this_cell())
        checking, outside = self.check.checking, self.workspace.outside
        self.all.setEnabled(not checking)
        warning, statement = None, "Looking at all cells…" if checking else None
        count = 0
        if outside is not None:
            count, warning = len(outside.suspicious()), outside.warning()
            if warning is None:
                statement = (
                    f"In {count:,} of {outside.known:,} cells more than half of the attention lies outside "
                    "of the cell: no sign that the model goes by the background."
                )
        self.show_them.setEnabled(count > 0)
        if warning is not None:
            warning = f"{warning[0].upper()}{warning[1:]}."
            if self.check.guessed:
                warning += " The outlines are guesses: look at some of these cells first."
        self.warning.say([] if warning is None else [warning])
        self.statement.say([] if statement is None else [statement])

    def _of_this_cell(self) -> str:
        share, mask = self.check.share, self.workspace.cell_mask
        if share is None or mask is None:
            return "Finding the outline…" if self.check.finding else "No cell is found in this image."
        ground = 100 * (1 - mask.mean())
        outline = "outlined in pink, a guess" if self.check.guessed else "outlined in pink"
        text = (
            f"<b>{100 * share:.0f} %</b> of the attention lies outside of the cell ({outline}); "
            f"{ground:.0f} % of the image does."
        )
        return f"{text} The answer may rest on what lies around it." if share > 0.5 else text
