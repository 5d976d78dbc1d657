"""The dock: open cells and a model, then look, sort, label and report in tabs."""

from __future__ import annotations

import importlib
import importlib.util
import logging
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QScrollArea, QTabWidget, QVBoxLayout, QWidget

from napari_sparseattn.session import Session, session_of

if TYPE_CHECKING:
    from napari.viewer import Viewer

log = logging.getLogger(__name__)

TABS = (
    ("Explain", "explain", "ExplainWidget", "One cell: its class, and the pixels that decided"),
    ("Gallery", "gallery", "GalleryWidget", "All cells: filter, sort, gate, choose"),
    ("Field", "field", "FieldWidget", "An image of many cells: each one classified in its place"),
    ("Label && Retrain", "label", "LabelWidget", "Give cells their class, and teach the model with them"),
    ("Report", "report", "ReportWidget", "How good the model is, as figures and tables"),
)


class MainWidget(QWidget):
    """The plugin's dock widget."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.session = session_of(napari_viewer)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        for title, module, class_name, hint in TABS:
            place = self.tabs.addTab(_Tab(self.session, module, class_name), title)
            self.tabs.setTabToolTip(place, hint)
        self.tabs.currentChanged.connect(self._fill)
        self.session.tab_asked.connect(self.show_tab)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.tabs)
        self._fill(0)

    def show_tab(self, module: str) -> None:
        """Bring a tab to the front, by the name of its package."""
        self.tabs.setCurrentIndex([name for _, name, _, _ in TABS].index(module))

    def _fill(self, place: int) -> None:
        self.tabs.widget(place).fill()


class _Tab(QScrollArea):
    """A tab that is imported and made when it is first shown."""

    def __init__(self, session: Session, module: str, class_name: str) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
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


def _note(text: str) -> QLabel:
    label = QLabel(text)
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    return label
