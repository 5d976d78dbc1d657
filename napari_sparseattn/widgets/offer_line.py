"""A line that offers a model that fits the cells, or what can be done where the loaded one does not."""

from __future__ import annotations

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton

from napari_sparseattn.models import model_for
from napari_sparseattn.session import Session
from napari_sparseattn.widgets.questions import Questions
from napari_sparseattn.worked_on import is_sample, worked_on
from sparseattn.model_card import ModelCard

_WAYS_OUT = {
    "channels": ("Match Channels…", "Say which channel of the cells is which of the model"),
    "modality": ("Correct…", "Say what kind of images these are, if it is not what is taken for granted"),
    "pixel size": ("Correct…", "Say how large a pixel is, if it is not what is taken for granted"),
    "events": ("Open as It Knows", "Make the images of the events as those that the model was taught with"),
}
"""What can be done where a model does not fit: a button, and its hint."""


class OfferLine(QFrame):
    def __init__(self, session: Session, questions: Questions) -> None:
        super().__init__()
        self._session, self._workspace, self._questions = session, session.workspace, questions
        self._offered: ModelCard | None = None
        self._misfit: str | None = None  # in what the cells differ from the model's
        self.setObjectName("offer")
        self.setStyleSheet(
            "QFrame#offer { border: 1px solid #56b4e9; border-radius: 3px; margin: 0 8px 2px 8px; }"
        )
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.yes, self.anyway = QPushButton(), QPushButton("Use Anyway")
        self.anyway.setToolTip("Ask the model all the same; its answers may mean nothing")
        self.yes.clicked.connect(self._take)
        self.anyway.clicked.connect(self._use_anyway)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 3, 4, 3)
        row.addWidget(self.text, 1)
        row.addWidget(self.yes)
        row.addWidget(self.anyway)
        self._ask_later = QTimer(self)
        self._ask_later.setSingleShot(True)
        self._ask_later.setInterval(0)
        self._ask_later.timeout.connect(self._ask_about_channels)
        workspace = self._workspace
        for changed in (workspace.cells_changed, workspace.model_changed, workspace.channels_changed):
            changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Offer what fits the present cells and model."""
        workspace = self._workspace
        self._offered = None
        if workspace.cells is not None and (workspace.classifier is None or workspace.mismatch):
            self._offered = model_for(workspace.cells, simulated=is_sample(workspace))
        misfit = next((one for one in workspace.mismatches if workspace.mismatch == one.sentence), None)
        self._misfit = None if misfit is None else misfit.what
        text, call, hint = "", "", ""
        if self._offered is not None:
            text = f"A model for such cells comes with the plugin: {self._offered.title}."
            if misfit is not None:
                text = f"The loaded model does not fit these cells. {text}"
            call, hint = "Load It", self._offered.text
        elif misfit is not None:
            text = f"The model does not fit: {misfit.sentence}."
            if misfit.what != "channels" or self._can_match():
                call, hint = _WAYS_OUT[misfit.what]
        self.text.setText(text)
        self.yes.setText(call)
        self.yes.setToolTip(hint)
        self.yes.setVisible(bool(call))
        self.anyway.setVisible(misfit is not None and misfit.can_be_forced)
        self.setVisible(bool(text))
        if self._offered is None and self._misfit == "channels":
            self._ask_later.start()

    def _can_match(self) -> bool:
        """Whether the cells have as many channels as the model needs."""
        cells, classifier = self._workspace.cells, self._workspace.classifier
        return (
            cells is not None
            and classifier is not None
            and len(cells.channels) >= len(classifier.prepare.channels)
        )

    def _ask_about_channels(self) -> None:
        if self._misfit == "channels" and self._offered is None and self._can_match():
            self._questions.match_channels_once()

    def _take(self) -> None:
        if self._offered is not None:
            self._session.opening.load_model(self._offered.path)
        elif self._misfit == "channels":
            self._questions.match_channels()
        elif self._misfit == "events":
            self._open_as_the_model_knows()
        else:
            self._questions.correct()

    def _open_as_the_model_knows(self) -> None:
        """Open the recordings again, their images made as those that the model was taught with."""
        source, classifier = worked_on(self._session).source, self._workspace.classifier
        if source is None or source.path is None or classifier is None or classifier.prepare.events is None:
            self._workspace.fail("Open one recording of an event camera, or one folder of them, first.")
            return
        events = classifier.prepare.events.to_json()
        self._session.opening.open_cells(source.path, **{**source.options, "events": events})

    def _use_anyway(self) -> None:
        self._workspace.use_anyway()
        self._workspace.say("The model is asked all the same. It was made for other cells: look closely.")
