"""What all questions about the current cell share."""

from __future__ import annotations

from qtpy.QtWidgets import QWidget

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

    def toggle(self, opened: bool) -> None:
        """Its section was opened or folded away."""
        self.is_open = opened
        self.unfold(opened)

    def unfold(self, opened: bool) -> None:
        """Ask the question, or put it away."""
        raise NotImplementedError
