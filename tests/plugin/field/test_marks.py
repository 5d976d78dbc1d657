"""Cells that others have marked, in a real window: dropped or opened, with their classes as labels."""

import json
import os
import sys
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_sparseattn.project import open_project, save_project
from sparseattn.cells import cut_marked_cells, open_field, open_marks

pytestmark = pytest.mark.skipif(
    sys.platform == "linux" and not os.environ.get("DISPLAY"), reason="no display: run under xvfb-run"
)

BOXES = ((40, 60, 30, 20, "round"), (100, 200, 24, 24, "long"), (200, 90, 40, 30, "round"))
"""Middle y, x, height, width, class."""
SHAPE = (240, 320)


@pytest.fixture
def image_file(tmp_path: Path) -> Path:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    image = np.random.default_rng(0).normal(60, 5, SHAPE)
    for top, left, height, width, _ in BOXES:
        image[((y - top) / height) ** 2 + ((x - left) / width) ** 2 < 0.25] += 120
    iio.imwrite(tmp_path / "smear.png", image.astype(np.uint8))
    return tmp_path / "smear.png"


def write_yolo(folder: Path) -> Path:
    names = ["round", "long"]
    (folder / "classes.txt").write_text("\n".join(names))
    lines = [
        f"{names.index(kind)} {left / SHAPE[1]} {top / SHAPE[0]} {width / SHAPE[1]} {height / SHAPE[0]}"
        for top, left, height, width, kind in BOXES
    ]
    (folder / "smear.txt").write_text("\n".join(lines))
    return folder / "smear.txt"


def write_coco(folder: Path) -> Path:
    said = {
        "images": [{"id": 1, "file_name": "smear.png"}],
        "categories": [{"id": 1, "name": "round"}, {"id": 2, "name": "long"}],
        "annotations": [
            {
                "image_id": 1,
                "category_id": 1 if kind == "round" else 2,
                "bbox": [left - width / 2, top - height / 2, width, height],
            }
            for top, left, height, width, kind in BOXES
        ],
    }
    (folder / "marks.json").write_text(json.dumps(said))
    return folder / "marks.json"


def write_geojson(folder: Path) -> Path:
    features = []
    for top, left, height, width, kind in BOXES:
        low, high, first, last = top - height / 2, top + height / 2, left - width / 2, left + width / 2
        ring = [[first, low], [last, low], [last, high], [first, high], [first, low]]
        features.append(
            {
                "type": "Feature",
                "geometry": {"type": "Polygon", "coordinates": [ring]},
                "properties": {"classification": {"name": kind}},
            }
        )
    said = {"type": "FeatureCollection", "features": features}
    (folder / "marks.geojson").write_text(json.dumps(said))
    return folder / "marks.geojson"


def write_labels(folder: Path) -> Path:
    field = open_field(folder / "smear.png")
    labels = open_marks(write_yolo(folder), field).labels.plane(0)[0]
    tifffile.imwrite(folder / "labels.tif", labels.astype(np.uint16))
    return folder / "labels.tif"


@pytest.fixture
def window(make_napari_viewer, qtbot, image_file):
    """A viewer with the image open, and the Field tab of its dock in front."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1280, 800)
    _, widget = viewer.window.add_plugin_dock_widget("napari-sparseattn", "SparseAttnNet")
    viewer.open(str(image_file), plugin="napari")
    widget.show_tab("field")
    yield viewer, widget
    widget.session.close()


def drop(widget, path: Path) -> None:
    """Let a file fall on the dock, as from a file manager."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(widget, QDragEnterEvent(QPoint(50, 200), copy, mime, left, none))
    QApplication.sendEvent(widget, QDropEvent(QPointF(50, 200), copy, mime, left, none))


def settle(qtbot, session) -> None:
    qtbot.waitUntil(lambda: not session.jobs.running and not session.field.is_busy, timeout=60_000)


@pytest.mark.parametrize("write", [write_yolo, write_coco, write_geojson, write_labels])
def test_marks_that_are_dropped_become_the_cells(window, qtbot, image_file, model_for, write) -> None:
    _, widget = window
    session, tab = widget.session, widget.tabs.currentWidget().widget()
    path = write(image_file.parent)
    drop(widget, path)
    qtbot.waitUntil(lambda: tab.cells.currentText() == path.name, timeout=60_000)
    assert "3 cells" in widget.status.text.text() and "marked" in widget.status.text.text()
    session.workspace.set_classifier(model_for("intensity"))
    qtbot.mouseClick(tab.run, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: session.workspace.predictions is not None, timeout=60_000)
    settle(qtbot, session)
    field = open_field(image_file)
    wanted = cut_marked_cells(field, open_marks(path, field)).cells
    cells = session.workspace.cells
    assert cells.ids == wanted.ids and cells.labels == wanted.labels
    if write is not write_labels:
        assert cells.labels == ("round", "long", "round")
        assert session.field.classes() == ["round", "long", "round"]  # what was given wins
        assert tab.legend.text("round").startswith("2 ")


def test_marks_are_opened_by_the_button_and_kept_with_the_project(
    window, qtbot, image_file, monkeypatch, tmp_path
) -> None:
    viewer, widget = window
    session, tab = widget.session, widget.tabs.currentWidget().widget()
    path = write_geojson(image_file.parent)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    qtbot.mouseClick(tab.open_marks, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: tab.cells.currentText() == "marks.geojson", timeout=60_000)
    qtbot.mouseClick(tab.run, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: session.workspace.cells is not None, timeout=60_000)
    settle(qtbot, session)
    labels = viewer.layers["marks.geojson"]
    project = tmp_path / "a.sparseattn.json"
    for brush in (None, (slice(130, 150), slice(20, 40))):
        if brush is not None:  # a fourth cell, drawn by hand, has no class
            labels.data_setitem(np.nonzero(np.pad(np.ones((20, 20)), ((130, 90), (20, 280)))), 4)
            qtbot.waitUntil(lambda: len(session.workspace.cells) == 4, timeout=60_000)
            settle(qtbot, session)
        before = session.workspace.cells
        save_project(session, project)
        settle(qtbot, session)
        for name in ("marks.geojson", "Classes of smear"):
            viewer.layers.remove(name)
        session.workspace.set_cells(None)
        open_project(session, project)
        qtbot.waitUntil(lambda: session.workspace.cells is not None, timeout=60_000)
        settle(qtbot, session)
        assert session.workspace.cells.ids == before.ids
        assert session.workspace.cells.labels == before.labels
        assert before.labels[:3] == ("round", "long", "round")
        labels = viewer.layers["marks.geojson" if brush is None else "a.sparseattn.labels.tif"]
    assert before.labels[3] is None


def test_marks_without_their_image_say_what_to_do(window, qtbot, image_file) -> None:
    viewer, widget = window
    viewer.layers.clear()
    drop(widget, write_coco(image_file.parent))
    assert "open their image first" in widget.status.text.text()


def test_another_image_of_the_same_size_is_no_label_image(window, qtbot, image_file) -> None:
    _, widget = window
    other = image_file.with_name("other.png")
    iio.imwrite(other, np.flipud(iio.imread(image_file)))
    drop(widget, other)
    tab = widget.tabs.currentWidget().widget()
    qtbot.waitUntil(lambda: tab.image.currentText() == "other", timeout=60_000)
    assert tab.cells.currentData() is None


def test_marks_on_the_canvas_reach_the_dock(window, qtbot, image_file) -> None:
    viewer, widget = window
    viewer.open(str(write_geojson(image_file.parent)), plugin="napari-sparseattn")
    tab = widget.tabs.currentWidget().widget()
    qtbot.waitUntil(lambda: tab.cells.currentText() == "marks.geojson", timeout=60_000)
