"""Help: the tutorial, with its pictures, from the files that were installed. No network is needed."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QSize, Qt, QUrl
from qtpy.QtGui import QDesktopServices, QImage, QTextDocument
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

TUTORIAL = "tutorial.md"
_MARGIN = 40  # pixels that pictures leave at the sides of the text


def docs_folder() -> Path:
    """Return where the tutorial lies: in an installed wheel in this package, in a checkout beside it."""
    package = Path(__file__).resolve().parent.parent
    for place in (package / "docs", package.parent / "docs"):
        if (place / TUTORIAL).is_file():
            return place
    raise FileNotFoundError(f"No {TUTORIAL} beside {package}: reinstall napari-sparseattn.")


class Tutorial(QTextBrowser):
    """The tutorial as text; pictures are as wide as there is room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._folder = docs_folder()
        self.setOpenLinks(False)
        self.anchorClicked.connect(self._follow)
        self._room = 0
        self._show()

    def loadResource(self, kind: int, name: QUrl) -> object:
        """Return a picture of the tutorial, no wider than the text; nothing outside its folder is read."""
        path = (self._folder / name.toString()).resolve()
        if kind != QTextDocument.ResourceType.ImageResource.value or self._folder not in path.parents:
            return None
        picture = QImage(str(path))
        if 0 < self._room < picture.width():
            picture = picture.scaledToWidth(self._room, Qt.TransformationMode.SmoothTransformation)
        return None if picture.isNull() else picture

    def resizeEvent(self, event: object) -> None:
        """Fit the pictures anew."""
        super().resizeEvent(event)
        if self.viewport().width() - _MARGIN != self._room:
            self._show()

    def _show(self) -> None:
        self._room = max(0, self.viewport().width() - _MARGIN)
        place = self.verticalScrollBar().value()
        self.setMarkdown((self._folder / TUTORIAL).read_text(encoding="utf-8"))
        self.verticalScrollBar().setValue(place)

    def _follow(self, link: QUrl) -> None:
        if link.scheme() in ("http", "https"):
            QDesktopServices.openUrl(link)


class HelpWindow(QDialog):
    """A window of its own, so that the tutorial can be read beside the app."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("SparseAttn: Tutorial")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.text = Tutorial(self)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addWidget(buttons)

    def sizeHint(self) -> QSize:
        """Return a size at which the pictures can be read."""
        return QSize(860, 720)
