"""The Apply page: samples that are there, or a folder that is being filled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from napari_sparseattn.widgets.apply.apply_widget import ApplyWidget
from napari_sparseattn.widgets.foreign_text import show_as_text

if TYPE_CHECKING:
    from napari_sparseattn.session import Session
    from napari_sparseattn.widgets.apply.watch_panel import WatchPanel


class ApplyPage(QWidget):
    """Two ways to have new cells classified; the second is made when it is first asked for."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.samples = ApplyWidget(session)
        self.watch: WatchPanel | None = None
        self.show_samples, self.show_watch = QPushButton("New Samples"), QPushButton("Watch a Folder")
        self.show_samples.setToolTip("Classify folders that are there, a folder a sample")
        self.show_watch.setToolTip("Classify cells as an instrument writes them")
        self._which = QButtonGroup(self)
        row = QHBoxLayout()
        for button in (self.show_samples, self.show_watch):
            button.setCheckable(True)
            self._which.addButton(button)
            row.addWidget(button)
        self.show_samples.setChecked(True)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.samples)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self._pages, 1)
        self.show_watch.toggled.connect(self._show)

    def _show(self, watch: bool) -> None:
        if watch and self.watch is None:
            from napari_sparseattn.widgets.apply.watch_panel import WatchPanel

            self.watch = WatchPanel(self._session)
            show_as_text(self.watch)
            self._pages.addWidget(self.watch)
        self._pages.setCurrentWidget(self.watch if watch and self.watch is not None else self.samples)
        self.samples.used.emit()  # the user is busy here
