"""What the dock asks: each question is a dialog, and its answer opens the cells or changes the workspace."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Qt
from qtpy.QtWidgets import QDialog, QMessageBox, QWidget

from napari_sparseattn.session import Session
from napari_sparseattn.widgets.channel_dialog import ChannelDialog
from napari_sparseattn.widgets.events_dialog import EventsDialog
from napari_sparseattn.widgets.phase_dialog import PhaseDialog
from napari_sparseattn.widgets.what_is_it_dialog import WhatIsItDialog
from napari_sparseattn.worked_on import described, facts_of, is_sample, worked_on
from napari_sparseattn.workspace import CellSource
from sparseattn.cells import SourceFacts
from sparseattn.events import is_recording

USUAL_WAVELENGTH_NM = 633.0
"""Of a helium-neon laser: where the dialog begins."""


class Questions(QObject):
    """The questions of one dock; ``shown`` is the one that was asked last."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session, self._workspace, self._parent = session, session.workspace, parent
        self._asked: set[tuple[Any, ...]] = set()  # what was asked on its own accord, and is not asked twice
        self.shown: QDialog | None = None
        opening = session.opening
        opening.subfolders_asked.connect(self._ask_subfolders)
        opening.wavelength_asked.connect(self._ask_wavelength)
        opening.layout_asked.connect(self._ask_layout)
        opening.guess_made.connect(self._ask_about_guess)
        opening.passages_missed.connect(self._ask_about_missed)

    @property
    def is_open(self) -> bool:
        """Whether a question waits for its answer."""
        return self.shown is not None and self.shown.isVisible()

    def show(self, dialog: QDialog) -> None:
        """Ask: the window goes on meanwhile."""
        dialog.open()
        self.shown = dialog

    # -- what is it? ---------------------------------------------------------------------------------

    def correct(self) -> None:
        """Show what is known of what is worked on, and take what the user says otherwise."""
        now, facts = worked_on(self._session), facts_of(self._session)
        if now.source is None or facts is None:
            self._workspace.fail("Open one file or folder of images first.")
            return
        self._ask_what_it_is(now.source, facts, now.is_field)

    def _ask_what_it_is(self, source: CellSource, facts: SourceFacts, is_field: bool, why: str = "") -> None:
        dialog = WhatIsItDialog(source.title, facts, why=why, parent=self._parent)

        def answer() -> None:
            if dialog.confirmed:
                self._correct(source, dialog.confirmed, dialog.remember.isChecked(), is_field)

        dialog.accepted.connect(answer)
        self.show(dialog)

    def _ask_layout(self, source: CellSource, shape: tuple[int, ...]) -> None:
        """Ask which axis of an array is which; the cells are opened on the answer."""
        dialog = WhatIsItDialog(source.title, None, shape=shape, parent=self._parent)

        def answer() -> None:
            self._correct(source, dialog.changed, dialog.remember.isChecked())

        dialog.accepted.connect(answer)
        self.show(dialog)

    def _ask_about_guess(self, source: CellSource) -> None:
        """Ask, once a source, about a guess that changes what its cells are."""
        key = ("guess", source.path)
        if key in self._asked or is_sample(self._workspace) or self._workspace.cells is None:
            return
        self._asked.add(key)
        why = f"{source.title} does not say what its axes and channels are. Is this right?"
        self._ask_what_it_is(source, described(self._workspace.cells), False, why)

    def _correct(
        self,
        source: CellSource,
        said: Mapping[str, Any],
        remember: bool,
        is_field: bool = False,
        add: bool = False,
    ) -> None:
        open_again = self._session.field.open_image if is_field else None
        self._session.correcting.correct(source, said, remember=remember, add=add, open_again=open_again)

    # -- channels ------------------------------------------------------------------------------------

    def match_channels(self) -> None:
        """Ask which channel of the cells is which of the model."""
        workspace = self._workspace
        if workspace.cells is None or workspace.classifier is None:
            workspace.say("Open cells and load a model first.")
            return
        has_file = any(source.path is not None for source in workspace.sources)
        dialog = ChannelDialog(
            workspace.cells.channels,
            workspace.classifier.prepare.channels,
            can_remember=has_file and not is_sample(workspace),
            parent=self._parent,
        )

        def answer() -> None:
            workspace.set_channel_names(dialog.names)
            if dialog.remember.isChecked():
                self._session.correcting.remember_channels(dialog.names)

        dialog.accepted.connect(answer)
        self.show(dialog)

    def match_channels_once(self) -> None:
        """Ask which channel is which, unless it was asked of this source and this model already."""
        workspace = self._workspace
        key = ("channels", *(source.path for source in workspace.sources), workspace.model_path)
        if not self.is_open and key not in self._asked:
            self._asked.add(key)
            self.match_channels()

    # -- folders, phase, recordings ------------------------------------------------------------------

    def _ask_subfolders(self, path: Path, names: tuple[str, ...]) -> None:
        """Ask whether the subfolders are classes or samples; the cells are opened on the answer."""
        listed = ", ".join(names[:6]) + ("…" if len(names) > 6 else "")
        box = QMessageBox(self._parent)
        box.setWindowTitle("Classes or samples?")
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(f"What are the subfolders of {path.name}?")
        box.setInformativeText(
            f"{listed}\n\nClasses: each name is the class of the cells in it.\n"
            "Samples: each name is a sample, such as a patient or a well."
        )
        classes = box.addButton("Classes", QMessageBox.ButtonRole.AcceptRole)
        samples = box.addButton("Samples", QMessageBox.ButtonRole.AcceptRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(classes)

        def answer() -> None:
            meaning = {classes: "classes", samples: "samples"}.get(box.clickedButton())
            if meaning is not None:
                self._session.opening.open_cells(path, subfolders=meaning)

        box.finished.connect(answer)
        self.show(box)

    def set_phase(self) -> None:
        """Ask how the phase of the cells or the field is to be read, and open it again."""
        now = worked_on(self._session)
        if now.source is None:
            self._workspace.fail("Open one file or folder of phase images first.")
            return
        self._ask_phase(now.source, {}, is_field=now.is_field)

    def _ask_wavelength(self, source: CellSource, add: bool) -> None:
        """Ask for the wavelength of the light; the phase is opened on the answer."""
        self._ask_phase(source, {"wavelength_nm": USUAL_WAVELENGTH_NM}, add=add)

    def _ask_phase(
        self, source: CellSource, usual: Mapping[str, Any], *, add: bool = False, is_field: bool = False
    ) -> None:
        known = self._session.correcting.known(source)
        known["phase"] = {**usual, **known.get("phase", {})}
        index = None if is_field else max(self._workspace.current, 0)
        assert source.path is not None
        dialog = PhaseDialog(self._session.jobs, source.path, known, index, self._parent)
        dialog.remember.offer(not is_sample(self._workspace))

        def answer() -> None:
            self._correct(source, dialog.said, dialog.remember.isChecked(), is_field, add)

        dialog.accepted.connect(answer)
        self.show(dialog)

    def set_events(self) -> None:
        """Ask what becomes of the events of the cells that are open, and open them again; labels stay."""
        workspace = self._workspace
        source = workspace.sources[0] if len(workspace.sources) == 1 else None
        if source is None or source.path is None or not self._has_events(source.path):
            workspace.fail("Open one recording of an event camera, or one folder of them, first.")
            return
        self._ask_events(source)

    def _has_events(self, path: Path) -> bool:
        cells = self._workspace.cells
        return is_recording(path) if cells is None else cells.events is not None

    def _ask_about_missed(self, source: CellSource) -> None:
        self._workspace.fail(f"no cell is seen to pass in {source.title}; say how large cells are")
        self._ask_events(source)

    def _ask_events(self, source: CellSource) -> None:
        known, index = self._session.correcting.known(source), max(self._workspace.current, 0)
        assert source.path is not None
        dialog = EventsDialog(self._session.jobs, source.path, known, index, self._parent)
        dialog.remember.offer(not is_sample(self._workspace))

        def answer() -> None:
            self._correct(source, dialog.said, dialog.remember.isChecked())

        dialog.accepted.connect(answer)
        self.show(dialog)
