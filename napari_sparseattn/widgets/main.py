"""The dock: open cells and a model, then look, sort, label and report in tabs."""

from __future__ import annotations

import importlib
import importlib.util
import logging
from collections.abc import Callable
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QSize, Qt, QTimer
from qtpy.QtGui import QDragEnterEvent, QDropEvent, QKeySequence, QShortcut, QShowEvent
from qtpy.QtWidgets import (
    QFileDialog,
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
from napari_sparseattn.garbage import set_aside_what_is_there
from napari_sparseattn.kinds_of_files import PROJECT, can_be_an_image, is_marks, is_results
from napari_sparseattn.session import Session, session_of
from napari_sparseattn.settings import last_folder, remember_folder
from napari_sparseattn.versions import title_of
from napari_sparseattn.widgets.facts_line import FactsLine
from napari_sparseattn.widgets.foreign_text import show_as_text
from napari_sparseattn.widgets.offer_line import OfferLine
from napari_sparseattn.widgets.questions import Questions
from napari_sparseattn.widgets.status_line import StatusLine
from napari_sparseattn.workspace import CellSource

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from sparseattn.model_card import ModelCard

log = logging.getLogger(__name__)

TABS = (
    ("Explain", "explain", "ExplainWidget", "One cell: its class, and the pixels that decided"),
    ("Gallery", "gallery", "GalleryTab", "All cells: filter, sort, gate, choose"),
    ("Field", "field", "FieldWidget", "An image of many cells: each one classified in its place"),
    ("Label && Retrain", "label", "LabelWidget", "Give cells their class, and teach the model with them"),
    ("Report", "report", "ReportWidget", "How good the model is, as figures and tables"),
)
WIDTH = 480
MODEL_FILES = "Models (*.safetensors)"
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
        self.questions = Questions(self.session, self)
        layout.addLayout(self._build_buttons())
        layout.addWidget(self._build_state())
        self.facts = FactsLine(self.session, self.questions)
        layout.addWidget(self.facts)
        self.offer = OfferLine(self.session, self.questions)
        layout.addWidget(self.offer)
        layout.addWidget(self._build_tabs(), 1)
        self.status = StatusLine(self.session)
        layout.addWidget(self.status)
        show_as_text(self)
        opening = self.session.opening
        opening.field_met.connect(self._open_field)
        self.session.field.dropped_otherwise.connect(opening.open_cells)
        workspace = self.workspace
        workspace.cells_changed.connect(self._on_cells)
        for changed in (workspace.cells_changed, workspace.model_changed, workspace.channels_changed):
            changed.connect(self._show_state)
        session = self.session
        session.results.changed.connect(self._on_results)
        # Told before the widgets inside are deleted: those are let go of when they are.
        self.destroyed.connect(lambda: QTimer.singleShot(0, session.let_go_of_dead_widgets))
        self._show_state()
        if not len(napari_viewer.layers):
            set_aside_what_is_there()
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
        asks = self.questions
        for title, call, hint in (
            ("Open Stack…", self._choose_stack, "A TIFF stack, array or Zarr store of cells"),
            (
                "Open Results…",
                self._choose_results,
                "A folder that sparseattn predict -o FOLDER/ wrote: up to millions of classified cells",
            ),
            ("Add Folder…", self._add_folder, "More cells beside those that are open"),
            ("Use Selected Layers", self.session.opening.use_selected_layers, "Cells from image layers"),
            (
                "Match Channels…",
                asks.match_channels,
                "Say which channel of the cells is which of the model",
            ),
            ("Phase…", asks.set_phase, "How phase or holograms become optical path difference"),
            (
                "Events…",
                asks.set_events,
                "How cells are found in a recording, and what their images show",
            ),
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
        self.state.setTextFormat(Qt.TextFormat.RichText)
        self.state.setWordWrap(True)
        self.state.setContentsMargins(10, 0, 10, 2)
        return self.state

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
        self.session.field_in_front = self._is_in_front("field")
        self.facts.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """All work stops when the viewer's window goes; closing the dock alone leaves it be."""
        super().showEvent(event)
        window = self.window()
        if isinstance(window, QMainWindow) and not self._in_window:
            self._in_window = True
            self.session.window = window
            window.destroyed.connect(self.session.close)

    def changeEvent(self, event: QEvent) -> None:
        """Napari lets go of a closed dock; left to Python it would go on working, unseen, for long."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ParentChange and self._in_window and self.parent() is None:
            self.session.let_go_of_dead_widgets(leaving=self)
            self.deleteLater()

    # -- opening -------------------------------------------------------------------------------------

    def open_path(self, path: Path, **options: str) -> None:
        """Open whatever it is: a project, a model, results, marks, a field or cells (with options)."""
        if path.name.endswith(PROJECT):
            project.open_project(self.session, path)
        elif path.suffix == ".safetensors":
            self.session.opening.load_model(path)
        elif is_results(path):
            self.session.results.open(path)
        elif is_marks(path):
            self.session.field.open_marks(path)
        elif self._is_in_front("field") and self.session.field.image_name and can_be_an_image(path):
            self.session.field.open_dropped(path)
        else:
            self.session.opening.open_cells(path, **options)

    def _choose_folder(self) -> None:
        self._choose_directory("Open Folder of Cells", "cells", self.open_path)

    def _choose_results(self) -> None:
        self._choose_directory("Open Results", "results", self.session.results.open)

    def _add_folder(self) -> None:
        self._choose_directory(
            "Open Folder of Cells", "cells", lambda path: self.session.opening.open_cells(path, add=True)
        )

    def _choose_directory(self, title: str, kind: str, then: Callable[[Path], None]) -> None:
        name = QFileDialog.getExistingDirectory(self, title, last_folder(kind))
        if name:
            remember_folder(kind, Path(name).parent)
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
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(text if card is None else card.text)
        self.questions.show(box)

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

    def _on_results(self) -> None:
        self._show_state()
        if self.session.results.in_front and not self._is_in_front("report"):
            QTimer.singleShot(0, self._show_results)

    def _show_results(self) -> None:
        """In a turn of its own: the tab may have to be made first."""
        self.show_tab("gallery")

    def _show_state(self) -> None:
        workspace, results = self.workspace, self.session.results
        parts = []
        if results.opened is not None and results.in_front:
            name = escape(results.opened.folder.name)
            parts.append(f"<b>{name}</b>: {len(results.opened):,} classified cells")
        elif workspace.cells is not None:
            titles = ", ".join(source.title for source in workspace.sources) or "cells"
            parts.append(f"<b>{escape(titles)}</b>: {len(workspace.cells):,} cells")
        if workspace.classifier is not None:
            other = " (made for other cells)" if workspace.forced else ""
            parts.append(f"model <b>{escape(title_of(workspace.model_path))}</b>{other}")
        self.state.setText(" · ".join(parts))
        self.state.setVisible(bool(parts))


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
            widget = make(self._session)
            show_as_text(widget)
            self.setWidget(widget)
        except Exception as error:  # one tab's fault must not take the dock with it
            log.exception("the tab %s cannot be made", self._module)
            self.setWidget(_note(f"This tab cannot be shown ({type(error).__name__}: {error})."))


def _card_of(path: Path | None) -> ModelCard | None:
    from napari_sparseattn.models import bundled_models

    return next((card for card in bundled_models() if card.path == path), None)


def _note(text: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    return label
