"""Which pixels would change it: a button, a sentence, and an outline on the image."""

from __future__ import annotations

from html import escape

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton

from napari_sparseattn.session import Session
from napari_sparseattn.widgets.explain.question import Question


class WouldChange(Question):
    """Searches when the button is pressed: it may take seconds where many pixels are selected."""

    title = "Which pixels would change it?"
    hint = "The fewest selected pixels without which the model would say another class"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.changing = session.changing_pixels
        self.find = QPushButton("Find Them")
        self.find.setToolTip(
            "Takes selected pixels out, one after another, until the class changes, then puts back those\n"
            "that are not needed for it; nothing stands in for them. Each that stays out is needed; another\n"
            "set, as small or smaller, may do as well."
        )
        self.said = QLabel()
        self.said.setTextFormat(Qt.TextFormat.RichText)
        self.said.setWordWrap(True)
        self.said.setMinimumHeight(2 * self.said.fontMetrics().lineSpacing())
        row = QHBoxLayout()
        row.addWidget(self.find)
        row.addStretch(1)
        self.stack(row, self.said)
        self.find.clicked.connect(self._find)
        self.changing.changed.connect(self._show)
        self._show()

    def unfold(self, opened: bool) -> None:
        """Folded away, nothing of it is seen on the image."""
        self.workspace.show(changing=opened)

    def _find(self) -> None:
        self.changing.find()

    def _show(self) -> None:
        explanation, found = self.workspace.explanation, self.workspace.changing
        self.find.setEnabled(not self.changing.searching)
        if self.changing.searching:
            text = "Taking pixels out, one after another…"
        elif not self.changing.answered or explanation is None:
            text = "They are outlined in green on the image once they are found."
        elif found is None:
            text = (
                f"None would: it stays <b>{escape(explanation.predicted)}</b> until only "
                f"{explanation.unit_pixels**2} pixels are left."
            )
        else:
            text = (
                f"Without these {found.pixels:,} of {explanation.selected_pixels:,} pixels it would be "
                f"<b>{escape(found.other_class)}</b>, {100 * found.probabilities.max():.0f} %."
            )
        self.said.setText(text)
