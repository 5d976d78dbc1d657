"""The Field tab: its controls, and real clicks and keys in a real window."""

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_sparseattn.field_work import OTHER
from napari_sparseattn.session import session_of
from napari_sparseattn.widgets.field import FieldWidget
from sparseattn.cells import CropSettings


@pytest.fixture
def tab(bench, qtbot) -> FieldWidget:
    widget = FieldWidget(bench.session)
    qtbot.addWidget(widget)
    return widget


def test_what_there_is_to_choose_from_follows_the_layers(bench, tab):
    assert [tab.image.itemText(i) for i in range(tab.image.count())] == ["smear"]
    assert [tab.cells.itemText(i) for i in range(tab.cells.count())] == ["marks", "Find them"]
    assert tab.find_box.isHidden()
    bench.viewer.layers["marks"].name = "my cells"
    assert tab.cells.itemText(0) == "my cells"
    bench.viewer.layers.remove("my cells")
    assert tab.cells.currentData() is None
    assert not tab.find_box.isHidden()
    bench.viewer.add_labels(np.ones((90, 120), int), name="new")
    assert tab.choice.labels == "new"  # who adds labels means them to be used
    bench.viewer.layers.clear()
    assert tab.pages.currentWidget() is tab.empty
    assert tab.choice is None


def test_the_button_classifies_and_the_legend_counts(bench, tab):
    assert tab.result.isHidden()
    tab.run.click()
    bench.settle()
    assert not tab.result.isHidden()
    classes = bench.work.classes()
    for name in ("large", "small"):
        assert tab.legend.text(name).split()[0] == str(classes.count(name))
    tab.sure.setValue(100)
    bench.settle()
    assert tab.legend.text(OTHER).split()[0] == "5"
    assert bench.painted.features["class"].tolist() == [OTHER] * 5
    tab.opacity.setValue(30)
    tab.outlines.setChecked(True)
    bench.settle()
    assert (bench.painted.opacity, bench.painted.contour) == (0.3, 3)


def test_who_opens_an_image_means_it_to_be_used(bench, tab):
    bench.viewer.add_image(np.zeros((50, 60)), name="another")
    assert tab.choice.images == ("another",)
    bench.viewer.layers.remove("another")
    assert tab.choice.images == ("smear",)
    tab.run.click()
    bench.settle()
    bench.viewer.add_image(np.zeros((50, 60)), name="beside")
    assert tab.choice.images == ("smear",)  # while a field is worked on


def test_settings_are_remembered_from_one_day_to_the_next(bench, tab, qtbot):
    tab.side.setValue(50)
    tab.by.setCurrentIndex(1)
    tab.outlines.setChecked(True)
    bench.session.workspace.extras.clear()  # another project
    again = FieldWidget(bench.session)
    qtbot.addWidget(again)
    assert again.crop.side == 50 and again.outlines.isChecked()
    bench.session.workspace.extras["field"] = {"crop": CropSettings(side=77).to_json()}
    bench.session.workspace.set_project_path(None)
    assert again.crop.side == 77 == tab.crop.side  # a project has its own


def test_settings_are_remembered_with_the_project(bench, tab, qtbot):
    tab.margin.setValue(30)
    tab.neighbours.setCurrentIndex(1)
    tab.by.setCurrentIndex(1)
    tab.side.setValue(50)
    tab.find.looks.setCurrentIndex(tab.find.looks.findData("stain"))
    tab.find.smallest.setValue(77)
    tab.familiar.setValue(12)
    again = FieldWidget(bench.session)
    qtbot.addWidget(again)
    assert again.crop == tab.crop
    assert (again.crop.neighbours, again.crop.side) == ("keep", 50)
    assert again.find.value == tab.find.value
    assert (again.find.value.looks, again.find.value.smallest, again.find.value.grow) == ("stain", 77, 14)
    assert again.familiar.value() == 12


def test_the_preview_follows_the_settings_once_they_stand_still(bench, tab):
    tab.cells.setCurrentIndex(tab.cells.findText("Find them"))
    tab.find.preview.setChecked(True)
    bench.wait(lambda: tab.find.count.text() != "")
    assert tab.find.count.text() == "5 cells found."
    found = []
    bench.work.preview_changed.connect(found.append)
    for value in (60, 90, 120, 150):  # cells of radius 5 have 78 pixels
        tab.find.smallest.setValue(value)
    bench.wait(lambda: bool(found))
    bench.settle()
    assert found == [2]
    assert tab.find.count.text() == "2 cells found."


def test_a_colour_of_the_legend_corrects_the_cell(bench, tab, qtbot):
    tab.run.click()
    bench.settle()
    bench.session.workspace.current = 2
    button = next(row[0] for name, row in tab.legend._rows.items() if name == "small")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert bench.session.workspace.labels()[2] == "small"
    assert "Cell 7: small" in tab.cell.text()


def test_the_table_is_exported(bench, tab, qtbot, tmp_path, monkeypatch):
    tab.run.click()
    bench.settle()
    for name, read in (("t.csv", pd.read_csv), ("t.parquet", pd.read_parquet)):
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, name=name: (str(tmp_path / name), ""))
        qtbot.mouseClick(tab.export, Qt.MouseButton.LeftButton)
        table = read(tmp_path / name)
        assert table["label"].tolist() == [2, 5, 7, 9, 11]
        assert table["shown_as"].tolist() == bench.painted.features["class"].tolist()
    failed = []
    bench.session.workspace.failed.connect(failed.append)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "t.txt"), ""))
    qtbot.mouseClick(tab.export, Qt.MouseButton.LeftButton)
    assert "t.txt" in failed[0] and not (tmp_path / "t.txt").exists()


def test_a_click_and_a_key_in_the_window(make_napari_viewer, qtbot, bench):
    """The whole way as a user goes it: press the button, click a cell, press a key."""
    viewer = make_napari_viewer(show=True)
    session = session_of(viewer)
    session.workspace.set_classifier(bench.session.workspace.classifier)
    viewer.add_image(np.array(bench.viewer.layers["smear"].data), name="smear", scale=(0.5, 0.5))
    viewer.add_labels(np.array(bench.viewer.layers["marks"].data), name="marks", scale=(0.5, 0.5))
    tab = FieldWidget(session)
    viewer.window.add_dock_widget(tab, name="Field")
    qtbot.mouseClick(tab.run, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: session.workspace.predictions is not None, timeout=30_000)
    QApplication.processEvents()
    canvas = viewer.window._qt_viewer.canvas.native

    def at(y: float, x: float) -> QPoint:
        camera = viewer.scene.camera
        down, right = y / 2 - camera.center[-2], x / 2 - camera.center[-1]
        return QPoint(
            round(canvas.width() / 2 + right * camera.zoom), round(canvas.height() / 2 + down * camera.zoom)
        )

    QTest.mouseMove(canvas, at(60, 30))
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at(60, 30))
    assert session.workspace.cells.column("label")[session.workspace.current] == 9
    assert viewer.layers.selection.active.name == "Classes of smear"
    # a drag moves the image and chooses nothing
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=at(60, 30))
    QTest.mouseMove(canvas, at(30, 60))
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=at(20, 70))
    assert session.workspace.cells.column("label")[session.workspace.current] == 9
    item = session.workspace.classes[1]
    QTest.keyClick(canvas, getattr(Qt.Key, f"Key_{item.key}"))
    assert session.workspace.labels()[session.workspace.current] == item.name
    session.close()
