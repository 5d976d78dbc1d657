"""A thousand classes in a real window: lists, bars, report and labelling by key stay usable."""

import time

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_sparseattn.class_items import with_classes
from napari_sparseattn.workspace import CellSource
from sparseattn.cells import CellSet

CLASSES, PATIENCE = 1000, 240_000


@pytest.fixture(scope="module")
def cells() -> CellSet:
    chance = np.random.default_rng(0)
    images = chance.integers(0, 255, (3 * CLASSES, 1, 16, 16), dtype=np.uint8)
    labels = [f"class {number // 3:04}" for number in range(len(images))]
    return CellSet.from_array(images, channels=("intensity",), labels=labels)


def test_colours_are_given_again() -> None:
    items = with_classes((), [f"class {number}" for number in range(CLASSES)])
    assert len(items) == CLASSES and len({item.colour for item in items}) == 60
    assert [item.key for item in items[:10]] == [*"123456789", ""]


@pytest.mark.timeout(900)
def test_the_window_stays_usable(window, qtbot, cells, classifier_for) -> None:
    _, dock = window
    session, workspace = dock.session, dock.workspace
    workspace.set_cells(cells, [CellSource(None, {}, "many")])
    workspace.set_classifier(classifier_for(cells, size=16))
    assert len(workspace.classes) == CLASSES
    qtbot.waitUntil(lambda: workspace.explanation is not None, timeout=PATIENCE)

    dock.show_tab("explain")
    bars = dock.tabs.currentWidget().widget().bars
    qtbot.waitUntil(lambda: bars.isVisible())
    assert bars.height() < 35 * bars.row_height
    assert workspace.explanation.predicted in bars.accessibleDescription()

    dock.show_tab("report")
    report = dock.tabs.currentWidget().widget()
    qtbot.waitUntil(lambda: report.made is not None, timeout=PATIENCE)
    matrix = report.confusion
    assert "15 of 1,000 classes" in report.some_classes.text() and report.some_classes.isVisible()
    assert matrix.minimumSizeHint().width() < 480
    judgement = report.made.report.judgement
    filled = [
        (row, column)
        for row, known in enumerate(report.made.drawn)
        for column, answered in enumerate(report.made.drawn)
        if judgement.confusion[known, answered]
    ]
    chosen: list[tuple[int, int]] = []
    matrix.chosen.connect(lambda *at: chosen.append(at))
    qtbot.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=matrix.square(*filled[0]).center().toPoint())
    assert chosen == [tuple(report.made.drawn[place] for place in filled[0])]

    dock.show_tab("label")
    label = dock.tabs.currentWidget().widget()
    assert label.classes.topLevelItemCount() == CLASSES + 2
    session.labelling.label([5], "class 0000")  # the first one begins the file
    began = time.process_time()
    session.labelling.label([7], "class 0000")
    qtbot.waitUntil(lambda: label.classes.topLevelItem(0).text(2) == "5")
    assert time.process_time() - began < 5
