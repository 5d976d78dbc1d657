"""Sentences beside a coloured bar: what holds for all that stands below."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

WARNING, STATEMENT = "#e69f00", "#56b4e9"


class Sentences(QFrame):
    """Sentences beside a coloured bar; hidden where there is nothing to say."""

    def __init__(self, colour: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sentences")
        self.setStyleSheet(
            f"QFrame#sentences {{ border: none; border-left: 4px solid {colour}; padding-left: 4px; }}"
        )
        self._label = QLabel()
        self._label.setWordWrap(True)
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 2, 2, 2)
        layout.addWidget(self._label)

    def say(self, sentences: Sequence[str]) -> None:
        self._label.setText("\n\n".join(sentences))
        self.setVisible(bool(sentences))

    @property
    def text(self) -> str:
        return self._label.text()
