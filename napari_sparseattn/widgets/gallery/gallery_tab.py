"""The Gallery tab: of the open cells, or of large results, which are made when they are first opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from napari_sparseattn.widgets.foreign_text import show_as_text
from napari_sparseattn.widgets.gallery.gallery_widget import GalleryWidget
from napari_sparseattn.widgets.gallery.listening import listen

if TYPE_CHECKING:
    from napari_sparseattn.session import Session
    from napari_sparseattn.widgets.gallery.results_gallery import ResultsGallery


class GalleryTab(QWidget):
    """Two galleries on one page, and the way back from some cells to the results that they are of."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.gallery = GalleryWidget(session)
        self.results: ResultsGallery | None = None
        self.back = QPushButton("Back to the Results")
        self.back.setToolTip("Show the results again that these cells are some of")
        self.behind = QLabel()
        self._line = QFrame()
        row = QHBoxLayout(self._line)
        row.setContentsMargins(9, 6, 9, 0)
        row.addWidget(self.behind, 1)
        row.addWidget(self.back)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.gallery)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._line)
        layout.addWidget(self._pages, 1)
        self.back.clicked.connect(session.results.show)
        listen(self, (session.results.changed, self._show))
        self._show()

    def close_threads(self) -> None:
        """Wait for the threads that make thumbnails."""
        self.gallery.close_threads()
        if self.results is not None:
            self.results.close_threads()

    def _show(self) -> None:
        work = self._session.results
        if work.in_front and self.results is None:
            QTimer.singleShot(0, self._make_results)  # in a turn of its own
        self._line.setVisible(work.opened is not None and not work.in_front)
        if work.opened is not None:
            self.behind.setText(f"Some of the {len(work.opened):,} cells of {work.opened.folder.name}")
        in_front = self.results if work.in_front and self.results is not None else self.gallery
        self._pages.setCurrentWidget(in_front)

    def _make_results(self) -> None:
        from napari_sparseattn.widgets.gallery.results_gallery import ResultsGallery

        if self.results is None:
            self.results = ResultsGallery(self._session)
            show_as_text(self.results)
            self._pages.addWidget(self.results)
            self._show()
