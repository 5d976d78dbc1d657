"""The Report tab in napari's window, beside the other tabs."""

import numpy as np
from qtpy.QtCore import Qt

from napari_sparseattn.widgets.main import MainWidget
from sparseattn.cells import open_cells

SECONDS = 60_000


def test_a_square_leads_to_its_cells_in_the_gallery(make_napari_viewer, qtbot, trained) -> None:
    viewer = make_napari_viewer(show=True)
    main = MainWidget(viewer)
    viewer.window.add_dock_widget(main, area="right")
    session = main.session
    session.workspace.set_classifier(trained.classifier, trained.model)
    session.workspace.set_cells(open_cells(trained.folder, subfolders="classes"))
    main.show_tab("report")
    report = main.tabs.currentWidget().widget()
    qtbot.waitUntil(lambda: report.made is not None, timeout=SECONDS)
    counts = report.made.report.judgement.confusion
    row, column = (int(place) for place in np.unravel_index(counts.argmax(), counts.shape))
    where = report.confusion.square(row, column).center().toPoint()
    qtbot.mouseClick(report.confusion, Qt.MouseButton.LeftButton, pos=where)
    assert main.tabs.tabText(main.tabs.currentIndex()) == "Gallery"
    gallery = main.tabs.currentWidget().widget().gallery
    qtbot.waitUntil(lambda: len(session.shown_cells.rows) == counts[row, column], timeout=SECONDS)
    qtbot.waitUntil(lambda: gallery.grid.cells.rowCount() == counts[row, column], timeout=SECONDS)
    qtbot.waitUntil(lambda: not session.jobs.running, timeout=SECONDS)
    gallery.close_threads()
    session.close()
