"""One quiet line: what was worked out of the cells, with a button to correct it."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget


class FactsLine(QWidget):
    correct_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.text = QLabel()
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setWordWrap(True)
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.button = QPushButton("Correct\N{HORIZONTAL ELLIPSIS}")
        self.button.setFlat(True)
        self.button.setToolTip("Say what these images are, where it was guessed wrong or is not known")
        self.button.clicked.connect(self.correct_asked)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 0, 8, 2)
        row.addWidget(self.text, 1)
        row.addWidget(self.button)
        self.show_text("", False)

    def show_text(self, text: str, can_correct: bool) -> None:
        """Show a line, or nothing."""
        self.text.setText(text)
        self.button.setVisible(can_correct)
        self.setVisible(bool(text))
