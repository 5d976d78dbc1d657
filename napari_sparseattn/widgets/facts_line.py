"""One quiet line: what was worked out of what is open, with a button to correct it."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from napari_sparseattn.session import Session
from napari_sparseattn.source_words import in_one_line
from napari_sparseattn.widgets.questions import Questions
from napari_sparseattn.worked_on import facts_of, is_sample, worked_on


class FactsLine(QWidget):
    def __init__(self, session: Session, questions: Questions) -> None:
        super().__init__()
        self._session = session
        self.text = QLabel()
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setWordWrap(True)
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.button = QPushButton("Correct\N{HORIZONTAL ELLIPSIS}")
        self.button.setFlat(True)
        self.button.setToolTip("Say what these images are, where it was guessed wrong or is not known")
        self.button.clicked.connect(questions.correct)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 0, 8, 2)
        row.addWidget(self.text, 1)
        row.addWidget(self.button)
        workspace = session.workspace
        for changed in (workspace.cells_changed, workspace.channels_changed, session.field.image_chosen):
            changed.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: Any) -> None:
        """Show what is known of what is worked on now."""
        facts = facts_of(self._session)
        known = worked_on(self._session).source is not None and not is_sample(self._session.workspace)
        self.text.setText("" if facts is None else in_one_line(facts))
        self.button.setVisible(known)
        self.setVisible(facts is not None)
