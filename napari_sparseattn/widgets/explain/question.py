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

    def unfold(self, opened: bool) -> None:
        """The section was opened, which asks the question, or folded away."""
        raise NotImplementedError
