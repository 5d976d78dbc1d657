"""The dock: open cells and a model, then look, sort, label and report in tabs."""

from __future__ import annotations

import importlib
import importlib.util
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSize, Qt, QTimer
from qtpy.QtGui import QDragEnterEvent, QDropEvent, QKeySequence, QShortcut, QShowEvent
from qtpy.QtWidgets import (
    QDialog,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMenu,
    QMessageBox,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_sparseattn import project
from napari_sparseattn.kinds_of_files import PROJECT, can_be_an_image, is_marks
from napari_sparseattn.models import model_for
from napari_sparseattn.session import Session, session_of
from napari_sparseattn.settings import last_folder, remember_folder
from napari_sparseattn.source_words import in_one_line
from napari_sparseattn.versions import title_of
from napari_sparseattn.widgets.channel_dialog import ChannelDialog
from napari_sparseattn.widgets.events_dialog import EventsDialog
from napari_sparseattn.widgets.facts_line import FactsLine
from napari_sparseattn.widgets.phase_dialog import PhaseDialog
from napari_sparseattn.widgets.status_line import StatusLine
from napari_sparseattn.widgets.what_is_it_dialog import WhatIsItDialog
from napari_sparseattn.workspace import CellSource
from sparseattn.cells import describe
from sparseattn.errors import InputError
from sparseattn.events import is_recording

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_sparseattn.models import ModelCard
    from sparseattn.cells import SourceFacts

log = logging.getLogger(__name__)

TABS = (
    ("Explain", "explain", "ExplainWidget", "One cell: its class, and the pixels that decided"),
    ("Gallery", "gallery", "GalleryWidget", "All cells: filter, sort, gate, choose"),
    ("Field", "field", "FieldWidget", "An image of many cells: each one classified in its place"),
    ("Label && Retrain", "label", "LabelWidget", "Give cells their class, and teach the model with them"),
    ("Report", "report", "ReportWidget", "How good the model is, as figures and tables"),
)
_WAYS_OUT = {
    "channels": ("Match Channels…", "Say which channel of the cells is which of the model"),
    "modality": ("Correct…", "Say what kind of images these are, if it is not what is taken for granted"),
    "pixel size": ("Correct…", "Say how large a pixel is, if it is not what is taken for granted"),
    "events": ("Open as It Knows", "Make the images of the events as those that the model was taught with"),
}
"""What can be done where a model does not fit: a button, and its hint."""
WIDTH = 480
MODEL_FILES = "Models (*.safetensors)"
USUAL_WAVELENGTH_NM = 633.0
"""Of a helium-neon laser: where the dialog begins."""
STACK_FILES = "Stacks (*.tif *.tiff *.npy *.npz *.mat *.h5 *.hdf5 *.rtdc);;All files (*)"
PROJECT_FILES = "Projects (*.sparseattn.json)"


class MainWidget(QWidget):
    """The plugin's dock widget."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.session = session_of(napari_viewer)
        self.workspace = self.session.workspace
        self._in_window = False
        self.setAcceptDrops(True)
        self.setMinimumWidth(380)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(self._build_buttons())
        layout.addWidget(self._build_state())
        self.facts = FactsLine()
        self.facts.correct_asked.connect(self._correct)
        layout.addWidget(self.facts)
        layout.addWidget(self._build_offer())
        layout.addWidget(self._build_tabs(), 1)
        self.status = StatusLine(self.session)
        layout.addWidget(self.status)
        self._offered: ModelCard | None = None
        self._misfit: str | None = None  # in what the cells differ from the model's
        self._asked: set[tuple[Any, ...]] = set()  # what was asked on its own accord, and is not asked twice
        opening = self.session.opening
        opening.subfolders_asked.connect(self._ask_subfolders)
        opening.wavelength_asked.connect(self._ask_wavelength)
        opening.layout_asked.connect(self._ask_layout)
        opening.guess_made.connect(self._ask_about_guess)
        opening.field_met.connect(self._open_field)
        opening.passages_missed.connect(self._ask_about_missed)
        workspace = self.workspace
        workspace.cells_changed.connect(self._on_cells)
        for changed in (workspace.cells_changed, workspace.model_changed, workspace.channels_changed):
            changed.connect(self._show_state)
        self.session.field.image_chosen.connect(self._show_facts)
        self.tabs.currentChanged.connect(self._show_facts)
        session = self.session
        # Told before the widgets inside are deleted: those are let go of when they are.
        self.destroyed.connect(lambda: QTimer.singleShot(0, session.let_go_of_dead_widgets))
        self._show_state()
        opening.take_offers()

    # -- the parts -----------------------------------------------------------------------------------

    def _build_buttons(self) -> QHBoxLayout:
        self.open_folder = QPushButton("Open Folder…")
        self.open_folder.setToolTip("Open a folder of single-cell images (or drop one here)")
        self.open_project = QPushButton("Open Project…")
        self.open_project.setToolTip("Go on where you saved your work")
        self.load_model = QPushButton("Load Model…")
        self.load_model.setToolTip("Load a trained model (.safetensors)")
        self.more = QToolButton()
        self.more.setText("☰")
        self.more.setToolTip("More: stacks, layers, saving the project, help")
        self.more.setAccessibleName("More")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.more)
        self.actions_by_name = {}
        for title, call, hint in (
            ("Open Stack…", self._choose_stack, "A TIFF stack, array or Zarr store of cells"),
            ("Add Folder…", self._add_folder, "More cells beside those that are open"),
            ("Use Selected Layers", self.session.opening.use_selected_layers, "Cells from image layers"),
            ("Match Channels…", self._match_channels, "Say which channel of the cells is which of the model"),
            ("Phase…", self._set_phase, "How phase or holograms become optical path difference"),
            ("Events…", self._set_events, "How cells are found in a recording, and what their images show"),
            (None, None, None),
            (
                "Save Project",
                self._save_project,
                "Keep sources, model, k, labels and filters in one small file",
            ),
            ("Save Project As…", self._save_project_as, "Keep it under another name"),
            (None, None, None),
            ("About This Model", self._about_model, "What the model was trained on"),
            ("Help", self._help, "Open the documentation"),
        ):
            if title is None:
                menu.addSeparator()
                continue
            action = menu.addAction(title)
            action.setToolTip(hint)
            action.triggered.connect(call)  # no lambda: it would keep the widget alive
            self.actions_by_name[title] = action
        menu.setToolTipsVisible(True)
        self.more.setMenu(menu)
        self.open_folder.clicked.connect(self._choose_folder)
        self.open_project.clicked.connect(self._choose_project)
        self.load_model.clicked.connect(self._choose_model)
        row = QHBoxLayout()
        row.setContentsMargins(8, 8, 8, 2)
        for button in (self.open_folder, self.open_project, self.load_model):
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            row.addWidget(button)
        row.addWidget(self.more)
        return row

    def _build_state(self) -> QLabel:
        self.state = QLabel()
        self.state.setWordWrap(True)
        self.state.setContentsMargins(10, 0, 10, 2)
        return self.state

    def _build_offer(self) -> QFrame:
        """A line that offers a model that fits the cells, or to match channels."""
        self.offer = QFrame()
        self.offer.setObjectName("offer")
        self.offer.setStyleSheet(
            "QFrame#offer { border: 1px solid #56b4e9; border-radius: 3px; margin: 0 8px 2px 8px; }"
        )
        self.offer_text = QLabel()
        self.offer_text.setWordWrap(True)
        self.offer_yes, self.anyway = QPushButton(), QPushButton("Use Anyway")
        self.anyway.setToolTip("Ask the model all the same; its answers may mean nothing")
        self.offer_yes.clicked.connect(self._take_offer)
        self.anyway.clicked.connect(self._use_anyway)
        row = QHBoxLayout(self.offer)
        row.setContentsMargins(8, 3, 4, 3)
        row.addWidget(self.offer_text, 1)
        row.addWidget(self.offer_yes)
        row.addWidget(self.anyway)
        return self.offer

    def _build_tabs(self) -> QTabWidget:
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.setUsesScrollButtons(False)
        for number, (title, module, class_name, hint) in enumerate(TABS, start=1):
            place = self.tabs.addTab(_Tab(self.session, module, class_name), title)
            self.tabs.setTabToolTip(place, f"{hint} (Alt+{number})")
            QShortcut(QKeySequence(f"Alt+{number}"), self, partial(self.tabs.setCurrentIndex, place))
        self.tabs.currentChanged.connect(self._fill)
        self.session.tab_asked.connect(self.show_tab)
        self._fill(0)
        return self.tabs

    def sizeHint(self) -> QSize:
        """Wide enough for the tables and plots of all tabs, beside a canvas in a window of 1280 pixels."""
        return QSize(WIDTH, super().sizeHint().height())

    def show_tab(self, module: str) -> None:
        """Bring a tab to the front, by the name of its package."""
        self.tabs.setCurrentIndex([name for _, name, _, _ in TABS].index(module))

    def _is_in_front(self, module: str) -> bool:
        return TABS[self.tabs.currentIndex()][1] == module

    def _fill(self, place: int) -> None:
        self.tabs.widget(place).fill()

    def showEvent(self, event: QShowEvent) -> None:
        """All work stops when the viewer's window goes; closing the dock alone leaves it be."""
        super().showEvent(event)
        window = self.window()
        if isinstance(window, QMainWindow) and not self._in_window:
            self._in_window = True
            window.destroyed.connect(self.session.close)

    # -- opening -------------------------------------------------------------------------------------

    def open_path(self, path: Path, **options: str) -> None:
        """Open whatever it is: a project, a model, marks, a field or cells; the options are for cells."""
        if path.name.endswith(PROJECT):
            project.open_project(self.session, path)
        elif path.suffix == ".safetensors":
            self.session.opening.load_model(path)
        elif is_marks(path):
            self.session.field.open_marks(path)
        elif self._is_in_front("field") and self.session.field.image_name and can_be_an_image(path):
            self.session.field.open_marks_or_image(path)
        else:
            self.session.opening.open_cells(path, **options)

    def _choose_folder(self) -> None:
        self._choose_directory(self.session.opening.open_cells)

    def _add_folder(self) -> None:
        self._choose_directory(lambda path: self.session.opening.open_cells(path, add=True))

    def _choose_directory(self, then: Callable[[Path], None]) -> None:
        name = QFileDialog.getExistingDirectory(self, "Open Folder of Cells", last_folder("cells"))
        if name:
            remember_folder("cells", Path(name).parent)
            then(Path(name))

    def _choose_stack(self) -> None:
        self._choose_file("Open Stack", "cells", STACK_FILES)

    def _choose_project(self) -> None:
        self._choose_file("Open Project", "project", PROJECT_FILES)

    def _choose_model(self) -> None:
        self._choose_file("Load Model", "model", MODEL_FILES)

    def _choose_file(self, title: str, kind: str, pattern: str) -> None:
        name, _ = QFileDialog.getOpenFileName(self, title, last_folder(kind), pattern)
        if name:
            remember_folder(kind, Path(name).parent)
            self.open_path(Path(name))

    def _ask_subfolders(self, path: Path, names: tuple[str, ...]) -> None:
        """Ask whether the subfolders are classes or samples; the cells are opened on the answer."""
        listed = ", ".join(names[:6]) + ("…" if len(names) > 6 else "")
        box = QMessageBox(self)
        box.setWindowTitle("Classes or samples?")
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
                self.session.opening.open_cells(path, subfolders=meaning)

        box.finished.connect(answer)
        box.open()
        self._question = box

    def _ask_wavelength(self, path: Path, options: dict[str, Any]) -> None:
        """Ask for the wavelength of the light; the phase is opened on the answer."""
        add = options.pop("add", False)
        said = {"wavelength_nm": USUAL_WAVELENGTH_NM, **(options.get("phase") or {})}
        self._ask_phase(path, {**options, "phase": said}, add)

    def _set_phase(self) -> None:
        """Ask how the phase of the cells or the field that is open is to be read, and open it again."""
        source, is_field = self._worked_on()
        if source is None or source.path is None:
            self.workspace.fail("Open one file or folder of phase images first.")
            return
        self._ask_phase(source.path, dict(source.options), False, is_field)

    def _worked_on(self) -> tuple[CellSource | None, bool]:
        """Return what is worked on, where it is one source, and whether it is a field."""
        sources, field = self.workspace.sources, self.session.field
        in_front = self._is_in_front("field")
        if field.image_source is not None and (in_front or field.is_current or not sources):
            return field.image_source, True
        return (sources[0] if len(sources) == 1 else None), False

    def _ask_phase(self, path: Path, options: dict[str, Any], add: bool, is_field: bool = False) -> None:
        index = max(self.workspace.current, 0)
        dialog = PhaseDialog(self.session.jobs, path, options, None if is_field else index, self)

        def answer() -> None:
            if is_field:
                self._open_field(CellSource(path, dialog.options))
            else:
                self.session.opening.open_cells(path, add=add, **dialog.options)

        dialog.accepted.connect(answer)
        dialog.open()
        self._question = dialog

    def _set_events(self) -> None:
        """Ask what becomes of the events of the cells that are open, and open them again; labels stay."""
        workspace = self.workspace
        source = workspace.sources[0] if len(workspace.sources) == 1 else None
        if source is None or source.path is None or not self._has_events(source.path):
            workspace.fail("Open one recording of an event camera, or one folder of them, first.")
            return
        options = dict(source.options)
        if workspace.cells is not None and workspace.cells.events is not None:
            options["events"] = workspace.cells.events.to_json()
        self._ask_events(source.path, options)

    def _has_events(self, path: Path) -> bool:
        cells = self.workspace.cells
        return is_recording(path) if cells is None else cells.events is not None

    def _ask_about_missed(self, path: Path, options: dict[str, Any]) -> None:
        self.workspace.fail(f"no cell is seen to pass in {path.name}; say how large cells are")
        self._ask_events(path, options)

    def _ask_events(self, path: Path, options: dict[str, Any]) -> None:
        dialog = EventsDialog(self.session.jobs, path, options, max(self.workspace.current, 0), self)

        def answer() -> None:
            self.session.opening.open_cells(path, **dialog.options)

        dialog.accepted.connect(answer)
        dialog.open()
        self._question = dialog

    def _open_field(self, source: CellSource) -> None:
        self.show_tab("field")
        self.session.field.open_image(source)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        for url in event.mimeData().urls():
            if url.isLocalFile():
                self.open_path(Path(url.toLocalFile()))
        event.acceptProposedAction()

    # -- project, model, help ------------------------------------------------------------------------

    def _save_project(self) -> None:
        if self.workspace.project_path is None:
            self._save_project_as()
        else:
            project.save_project(self.session, self.workspace.project_path)

    def _save_project_as(self) -> None:
        start = str(Path(last_folder("project")) / f"cells{PROJECT}")
        name, _ = QFileDialog.getSaveFileName(self, "Save Project", start, PROJECT_FILES)
        if not name:
            return
        path = Path(name if name.endswith(PROJECT) else name + PROJECT)
        remember_folder("project", path.parent)
        project.save_project(self.session, path)

    def _match_channels(self) -> None:
        workspace = self.workspace
        if workspace.cells is None or workspace.classifier is None:
            workspace.say("Open cells and load a model first.")
            return
        can_remember = bool(workspace.sources) and not self._is_sample()
        dialog = ChannelDialog(
            workspace.cells.channels,
            workspace.classifier.prepare.channels,
            can_remember=can_remember and workspace.sources[0].path is not None,
            parent=self,
        )

        def answer() -> None:
            workspace.set_channel_names(dialog.names)
            if dialog.remember.isChecked():
                self.session.correcting.remember_channels(dialog.names)

        dialog.accepted.connect(answer)
        dialog.open()
        self._question = dialog

    def _about_model(self) -> None:
        classifier = self.workspace.classifier
        if classifier is None:
            self.workspace.say("Load a model first.")
            return
        cells = len(classifier.split.indices(tuple(classifier.split.sides), "train"))
        text = (
            f"Classes: {', '.join(classifier.classes)}\n"
            f"Channels: {', '.join(classifier.prepare.channels)} ({classifier.modality})\n"
            f"Trained on {cells:,} cells\n"
            f"Selects {classifier.k:,} of {classifier.prepare.size**2:,} pixels\n"
            f"File: {self.workspace.model_path or 'not saved'}"
        )
        card = _card_of(self.workspace.model_path)
        box = QMessageBox(self)
        box.setWindowTitle("About This Model")
        box.setText(text if card is None else card.text)
        box.open()
        self._question: QDialog = box

    def _help(self) -> None:
        from napari_sparseattn.widgets.help_window import HelpWindow

        HelpWindow(self).show()

    # -- what is shown -------------------------------------------------------------------------------

    def _on_cells(self) -> None:
        """Passages, and cells of several sizes, have no slider to leaf with: they are in the gallery."""
        workspace = self.workspace
        if workspace.cells is None or len(workspace.cells) < 2:
            return
        if self.session.recording.is_current or not (workspace.has_placement or workspace.is_stack):
            self.show_tab("gallery")

    def _show_state(self) -> None:
        workspace = self.workspace
        parts = []
        if workspace.cells is not None:
            titles = ", ".join(source.title for source in workspace.sources) or "cells"
            parts.append(f"<b>{titles}</b>: {len(workspace.cells):,} cells")
        if workspace.classifier is not None:
            other = " (made for other cells)" if workspace.forced else ""
            parts.append(f"model <b>{title_of(workspace.model_path)}</b>{other}")
        self.state.setText(" · ".join(parts))
        self.state.setVisible(bool(parts))
        self._show_facts()
        self._show_offer()

    def _show_facts(self, *_: Any) -> None:
        """Show what was worked out of what is worked on."""
        facts, source = self._facts(), self._worked_on()[0]
        can_correct = source is not None and source.path is not None and not self._is_sample()
        self.facts.show_text("" if facts is None else in_one_line(facts), can_correct)

    def _facts(self) -> SourceFacts | None:
        """Return what is known of what is worked on."""
        _, is_field = self._worked_on()
        field = self.session.field
        if is_field and field.image_name is not None:
            try:
                return describe(field.layers.image(field.chosen_images).field)
            except InputError:
                return None
        return None if self.workspace.cells is None else describe(self.workspace.cells)

    def _correct(self) -> None:
        """Show what is known of what is open, and take what the user says otherwise."""
        source, is_field = self._worked_on()
        facts = self._facts()
        if source is None or source.path is None or facts is None:
            self.workspace.fail("Open one file or folder of images first.")
            return
        self._ask_what_it_is(source, facts, is_field)

    def _ask_what_it_is(self, source: CellSource, facts: SourceFacts, is_field: bool, why: str = "") -> None:
        dialog = WhatIsItDialog(source.title, facts, why=why, parent=self)

        def answer() -> None:
            said = dialog.confirmed
            if said:
                self.session.correcting.correct(
                    source,
                    said,
                    remember=dialog.remember.isChecked(),
                    open_again=self._open_field if is_field else None,
                )

        dialog.accepted.connect(answer)
        dialog.open()
        self._question = dialog

    def _ask_layout(self, source: CellSource, shape: tuple[int, ...]) -> None:
        """Ask which axis of an array is which; the cells are opened on the answer."""
        dialog = WhatIsItDialog(source.title, None, shape=shape, parent=self)

        def answer() -> None:
            self.session.correcting.correct(source, dialog.changed, remember=dialog.remember.isChecked())

        dialog.accepted.connect(answer)
        dialog.open()
        self._question = dialog

    def _ask_about_guess(self, source: CellSource) -> None:
        """Ask, once a source, about a guess that changes what its cells are."""
        key = ("guess", source.path)
        if key in self._asked or self._is_sample() or self.workspace.cells is None:
            return
        self._asked.add(key)
        why = f"{source.title} does not say what its axes and channels are. Is this right?"
        self._ask_what_it_is(source, describe(self.workspace.cells), False, why)

    def _show_offer(self) -> None:
        """Offer a model that fits, or what can be done where the loaded one does not."""
        workspace = self.workspace
        self._offered = None
        text, call = "", ""
        if workspace.cells is not None and (workspace.classifier is None or workspace.mismatch):
            self._offered = model_for(workspace.cells, simulated=self._is_sample())
        misfit = next((one for one in workspace.mismatches if workspace.mismatch == one.sentence), None)
        if self._offered is not None:
            text = f"A model for such cells comes with the plugin: {self._offered.title}."
            if misfit is not None:
                text = f"The loaded model does not fit these cells. {text}"
            call, hint = "Load It", self._offered.text
        elif misfit is not None:
            text = f"The model does not fit: {misfit.sentence}."
            call, hint = _WAYS_OUT[misfit.what]
            if misfit.what == "channels" and not self._can_match():
                call = ""
        if call:
            self.offer_yes.setText(call)
            self.offer_yes.setToolTip(hint)
        self.offer_yes.setVisible(bool(call))
        self.anyway.setVisible(misfit is not None and misfit.can_be_forced)
        self._misfit = None if misfit is None else misfit.what
        self.offer_text.setText(text)
        self.offer.setVisible(bool(text))
        if self._offered is None and self._misfit == "channels":
            QTimer.singleShot(0, self._ask_about_channels)

    def _can_match(self) -> bool:
        """Whether the cells have as many channels as the model needs."""
        cells, classifier = self.workspace.cells, self.workspace.classifier
        return (
            cells is not None
            and classifier is not None
            and len(cells.channels) >= len(classifier.prepare.channels)
        )

    def _ask_about_channels(self) -> None:
        """Ask, once a source and model, which channel is which."""
        workspace = self.workspace
        if self._misfit != "channels" or not self._can_match() or self._is_asking():
            return
        first = workspace.sources[0].path if workspace.sources else None
        key = ("channels", first, workspace.model_path)
        if key not in self._asked:
            self._asked.add(key)
            self._match_channels()

    def _is_asking(self) -> bool:
        question = getattr(self, "_question", None)
        return question is not None and question.isVisible()

    def _use_anyway(self) -> None:
        self.workspace.use_anyway()
        self.workspace.say("The model is asked all the same. It was made for other cells: look closely.")

    def _is_sample(self) -> bool:
        """Whether the cells are the simulated ones that come with the plugin."""
        from napari_sparseattn._sample_data import instrument_of

        paths = [source.path for source in self.workspace.sources if source.path is not None]
        return any(instrument_of(path) is not None for path in paths)

    def _take_offer(self) -> None:
        if self._offered is not None:
            self.session.opening.load_model(self._offered.path)
        elif self._misfit == "channels":
            self._match_channels()
        elif self._misfit == "events":
            self._open_as_the_model_knows()
        else:
            self._correct()

    def _open_as_the_model_knows(self) -> None:
        """Open the recordings again, their images made as those that the model was taught with."""
        source, _ = self._worked_on()
        classifier = self.workspace.classifier
        if source is None or source.path is None or classifier is None or classifier.prepare.events is None:
            self.workspace.fail("Open one recording of an event camera, or one folder of them, first.")
            return
        events = classifier.prepare.events.to_json()
        self.session.opening.open_cells(source.path, **{**source.options, "events": events})


class _Tab(QScrollArea):
    """A tab that is imported and made when it is first shown."""

    def __init__(self, session: Session, module: str, class_name: str) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._session, self._class_name = session, class_name
        self._module = f"napari_sparseattn.widgets.{module}"

    def fill(self) -> None:
        """Make the content, once. A tab that cannot be made says why; the others are not touched by it."""
        if self.widget() is not None:
            return
        if importlib.util.find_spec(self._module) is None:
            self.setWidget(_note("Not there yet."))
            return
        try:
            make = getattr(importlib.import_module(self._module), self._class_name)
            self.setWidget(make(self._session))
        except Exception as error:  # one tab's fault must not take the dock with it
            log.exception("the tab %s cannot be made", self._module)
            self.setWidget(_note(f"This tab cannot be shown ({type(error).__name__}: {error})."))


def _card_of(path: Path | None) -> ModelCard | None:
    from napari_sparseattn.models import bundled_models

    return next((card for card in bundled_models() if card.path == path), None)


def _note(text: str) -> QLabel:
    label = QLabel(text)
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    return label
