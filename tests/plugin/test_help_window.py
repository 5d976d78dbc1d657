"""Help: the tutorial can be read without a network."""

from qtpy.QtCore import QUrl
from qtpy.QtGui import QTextDocument

from napari_sparseattn.widgets.help_window import HelpWindow, docs_folder


def test_the_tutorial_is_shown_with_its_pictures(qtbot) -> None:
    window = HelpWindow()
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    assert "Open Folder" in window.text.toPlainText()
    room = window.text.viewport().width()
    picture = window.text.loadResource(
        QTextDocument.ResourceType.ImageResource.value, QUrl("images/app_start.png")
    )
    assert 0 < picture.width() <= room
    assert window.text.horizontalScrollBar().maximum() == 0


def test_only_pictures_of_the_tutorial_are_read(qtbot) -> None:
    window = HelpWindow()
    qtbot.addWidget(window)
    kind = QTextDocument.ResourceType.ImageResource.value
    assert window.text.loadResource(kind, QUrl("../README.md")) is None
    assert window.text.loadResource(kind, QUrl("file:///etc/hostname")) is None
    assert (docs_folder() / "tutorial.md").is_file()
