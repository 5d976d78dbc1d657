"""What all questions about the current cell share."""

from __future__ import annotations

from qtpy.QtWidgets import QLayout, QVBoxLayout, QWidget

from napari_sparseattn.session import Session


class Question(QWidget):
    """The content of a section of the Explain tab: it works only while it is unfolded."""

    title = ""
    hint = ""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.workspace = session.workspace
        self.is_open = False

    def stack(self, *parts: QWidget | QLayout) -> None:
        """Lay the parts of the section one below the other."""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in parts:
            layout.addLayout(part) if isinstance(part, QLayout) else layout.addWidget(part)

    def toggle(self, opened: bool) -> None:
        """Its section was opened or folded away."""
        self.is_open = opened
        self.unfold(opened)

    def unfold(self, opened: bool) -> None:
        """Ask the question, or put it away."""
        raise NotImplementedError
