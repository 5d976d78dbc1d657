"""The Gallery tab as a user meets it: clicks, keys, sliders, in a window of its own."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QFileDialog

from napari_sparseattn.session import Session
from napari_sparseattn.widgets.gallery import GalleryWidget
from sparseattn.cells import CellSet
from sparseattn.classifier import Classifier
from sparseattn.table.filters import CellFilter

from .conftest import make_cells

Settle = Callable[[], None]
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def opened(
    session: Session, gallery: GalleryWidget, classifier: Classifier, settle: Settle, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> GalleryWidget:  # fmt: skip
    """Sixty cells, classified; their labels go to a folder of the test."""
    monkeypatch.setattr("napari_sparseattn.labelling.HOME", tmp_path / "labels")
    session.workspace.set_classifier(classifier)
    session.workspace.set_cells(make_cells(60))
    settle()
    return gallery


def click(
    gallery: GalleryWidget, qtbot: QtBot, row: int, modifier: Qt.KeyboardModifier | None = None
) -> None:
    grid = gallery.grid
    index = grid.cells.index(row)
    grid.scrollTo(index)
    place = grid.visualRect(index).center()
    qtbot.mouseClick(grid.viewport(), LEFT, modifier or Qt.KeyboardModifier.NoModifier, place)


def shown_cells(gallery: GalleryWidget) -> list[int]:
    return gallery.grid.cells.rows.tolist()


def pixels(gallery: GalleryWidget) -> np.ndarray:
    """What the grid looks like."""
    image = gallery.grid.viewport().grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    bits = image.constBits()
    if hasattr(bits, "setsize"):  # PyQt's; PySide gives a memory view
        bits.setsize(image.sizeInBytes())
    return np.frombuffer(bits, np.uint8).reshape(image.height(), image.width(), 4)[..., :3].copy()


def test_without_cells_it_says_what_to_do(gallery: GalleryWidget) -> None:
    assert "Open a folder" in gallery.empty.text() and gallery.empty.isVisible()
    assert gallery.count.text() == "" and not gallery.export.isEnabled()


def test_without_a_model_cells_are_shown_and_it_says_what_is_missing(
    gallery: GalleryWidget, session: Session, settle: Settle
) -> None:
    session.workspace.set_cells(make_cells(20))
    assert gallery.count.text() == "20 of 20 cells"
    assert "Load a model" in gallery.note.text() and gallery.grid.isVisible()
    settle()


def test_a_click_looks_at_a_cell_and_more_choose_several(
    opened: GalleryWidget, session: Session, qtbot: QtBot
) -> None:
    workspace = session.workspace
    click(opened, qtbot, 4)
    assert workspace.current == 4 and workspace.selection == (4,)
    click(opened, qtbot, 7, Qt.KeyboardModifier.ShiftModifier)
    assert workspace.selection == (4, 5, 6, 7)
    click(opened, qtbot, 1, Qt.KeyboardModifier.ControlModifier)
    assert workspace.selection == (1, 4, 5, 6, 7)
    assert opened.count.text() == "60 of 60 cells, 5 selected"


def test_cells_of_many_sizes_are_shown_one_by_one(
    opened: GalleryWidget, session: Session, settle: Settle, qtbot: QtBot
) -> None:
    small, large = make_cells(5, seed=3), make_cells(5, seed=4)
    images = np.pad(np.stack([large.read(i) for i in range(5)]), ((0, 0), (0, 0), (4, 4), (2, 2)), "edge")
    mixed = CellSet.concatenate([small, CellSet.from_array(images, channels=small.channels)])
    session.workspace.set_cells(mixed)
    settle()
    click(opened, qtbot, 7)
    layer = next(layer for layer in session.layers.viewer.layers if "light" in layer.name)
    assert np.array_equal(np.asarray(layer.data), mixed.read(7)[0])


def test_arrow_keys_walk_and_home_and_end_jump(opened: GalleryWidget, session: Session, qtbot: QtBot) -> None:
    click(opened, qtbot, 0)
    for key, wanted in (
        (Qt.Key.Key_Right, 1), (Qt.Key.Key_Right, 2), (Qt.Key.Key_Left, 1), (Qt.Key.Key_End, 59),
        (Qt.Key.Key_Home, 0),
    ):  # fmt: skip
        qtbot.keyClick(opened.grid, key)
        assert session.workspace.current == wanted
        assert session.workspace.selection == (wanted,)
    qtbot.keyClick(opened.grid, Qt.Key.Key_Down)
    columns = session.workspace.current
    assert 2 <= columns <= 8
    assert opened.grid.visualRect(opened.grid.currentIndex()).top() > 50


def test_a_choice_elsewhere_is_marked_and_brought_in_sight(
    opened: GalleryWidget, session: Session, qtbot: QtBot
) -> None:
    session.workspace.selection = (50, 51)
    session.workspace.current = 51
    assert sorted(i.row() for i in opened.grid.selectedIndexes()) == [50, 51]
    assert opened.grid.viewport().rect().contains(opened.grid.visualRect(opened.grid.cells.index(51)))
    assert session.workspace.selection == (50, 51)


def test_keys_label_what_is_selected_at_once_and_are_undone(
    opened: GalleryWidget, session: Session, qtbot: QtBot, settle: Settle
) -> None:
    workspace = session.workspace
    assert [(item.name, item.key) for item in workspace.classes] == [("large", "1"), ("small", "2")]
    click(opened, qtbot, 0)
    click(opened, qtbot, 2, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(opened.grid, Qt.Key.Key_2)
    assert workspace.labels()[:3] == ("small",) * 3  # on disk before the next key is read
    settle()
    assert opened.grid.cells.data(opened.grid.cells.index(0), Qt.ItemDataRole.UserRole + 1).given == "small"
    qtbot.keyClick(opened.grid, Qt.Key.Key_U)
    assert workspace.labels()[0] == "unsure"
    qtbot.keyClick(opened.grid, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert workspace.labels()[:3] == ("small",) * 3
    qtbot.keyClick(opened.grid, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert workspace.labels()[:3] == make_cells(60).labels[:3]
    said: list[str] = []
    workspace.said.connect(said.append)
    qtbot.keyClick(opened.grid, Qt.Key.Key_9)
    assert said and "No class has the key 9" in said[0]
    settle()


def test_a_label_key_reaches_only_cells_in_sight(
    opened: GalleryWidget, session: Session, settle: Settle
) -> None:
    session.workspace.selection = (0, 40)
    session.shown_cells.set_filter(CellFilter(samples=(("donor", ("A",)),)))
    assert session.workspace.selection == (0,)
    assert opened.count.text() == "20 of 60 cells"


def test_filters_by_the_mouse(opened: GalleryWidget, session: Session, qtbot: QtBot) -> None:
    qtbot.mouseClick(opened.show_filters, LEFT)
    bar = opened.filters
    assert bar.isVisible()
    donor = bar._samples["donor"]
    action = next(action for action in donor.menu().actions() if action.text() == "B")
    donor.menu().popup(donor.mapToGlobal(QPoint(0, 0)))
    qtbot.mouseClick(donor.menu(), LEFT, pos=donor.menu().actionGeometry(action).center())
    donor.menu().close()
    assert shown_cells(opened) == list(range(20, 60)) and donor.text() == "donor: B"
    bar.labelled.setFocus()
    qtbot.keyClick(bar.labelled, Qt.Key.Key_Down)
    assert shown_cells(opened) == list(range(21, 60, 2))
    bar.agreement.setFocus()
    qtbot.keyClick(bar.agreement, Qt.Key.Key_Down)
    table = session.shown_cells.shown_table
    assert table is not None and 0 < len(table) < 20
    assert (table["predicted"] != table["human_label"]).all()
    assert opened.count.text() == f"{len(table)} of 60 cells"
    qtbot.mouseClick(opened.clear, LEFT)
    assert len(shown_cells(opened)) == 60 and donor.text() == "donor: any"
    assert bar.labelled.currentIndex() == 0 and not opened.clear.isEnabled()


def test_where_nothing_passes_it_says_so(opened: GalleryWidget, session: Session, qtbot: QtBot) -> None:
    session.shown_cells.set_filter(CellFilter(predicted=("none such",)))
    assert "No cell passes" in opened.empty.text() and opened.empty.isVisible()
    assert opened.count.text() == "0 of 60 cells" and not opened.export.isEnabled()
    qtbot.mouseClick(opened.clear, LEFT)
    assert opened.grid.isVisible()


def test_sorting(opened: GalleryWidget, session: Session, qtbot: QtBot) -> None:
    opened.sort.setCurrentIndex(opened.sort.findText("Confidence"))
    opened.sort.activated.emit(opened.sort.currentIndex())
    table = session.shown_cells.table
    assert table is not None
    confidence = table["confidence"].to_numpy()
    assert shown_cells(opened) == np.argsort(confidence, kind="stable").tolist()
    qtbot.mouseClick(opened.descending, LEFT)
    assert shown_cells(opened) == np.argsort(-confidence, kind="stable").tolist()
    assert opened.descending.toolTip() == "Largest first"


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_an_export_is_what_is_shown(
    opened: GalleryWidget, session: Session, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    suffix: str,
) -> None:  # fmt: skip
    path = tmp_path / f"shown{suffix}"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    session.shown_cells.set_filter(CellFilter(samples=(("donor", ("A",)),)))
    qtbot.mouseClick(opened.descending, LEFT)
    qtbot.mouseClick(opened.export, LEFT)
    written = pd.read_csv(path) if suffix == ".csv" else pd.read_parquet(path)
    cells = session.workspace.cells
    assert cells is not None and written["id"].tolist() == [cells.ids[cell] for cell in shown_cells(opened)]


def test_an_export_that_cannot_be_written_says_why(
    opened: GalleryWidget, session: Session, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed: list[str] = []
    session.workspace.failed.connect(failed.append)
    for name in ("cells.xlsx", "nowhere/cells.csv"):
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, name=name: (str(tmp_path / name), ""))
        qtbot.mouseClick(opened.export, LEFT)
    assert len(failed) == 2 and ".csv or .parquet" in failed[0] and "no folder" in failed[1]


def test_thumbnails_come_and_the_selected_pixels_stand_out(opened: GalleryWidget, qtbot: QtBot) -> None:
    thumbnails = opened.grid.thumbnails
    qtbot.waitUntil(lambda: len(thumbnails._images) >= 9, timeout=20_000)
    plain = pixels(opened)
    assert plain.std() > 20
    qtbot.mouseClick(opened.overlay, LEFT)
    qtbot.waitUntil(lambda: not thumbnails._stale and not thumbnails._asked, timeout=20_000)
    assert (pixels(opened) != plain).any(axis=2).mean() > 0.1
    qtbot.mouseClick(opened.overlay, LEFT)
    qtbot.waitUntil(lambda: not thumbnails._stale and not thumbnails._asked, timeout=20_000)
    qtbot.waitUntil(lambda: (pixels(opened) != plain).any(axis=2).mean() < 0.02, timeout=20_000)


def test_with_shared_contrast_a_brighter_cell_looks_brighter(
    gallery: GalleryWidget, session: Session, qtbot: QtBot
) -> None:
    y, x = np.mgrid[:16, :16] - 8
    discs = (np.hypot(y, x) < 5) * np.linspace(100, 4000, 40)[:, None, None] + 50
    images = np.random.default_rng(0).normal(discs[:, None], 5).clip(0).astype(np.uint16)

    def shown(modality: str) -> np.ndarray:
        cells = CellSet.from_array(images, channels=("DNA",), modality=modality, name=modality)
        session.workspace.set_cells(cells)
        return middles()

    def middles() -> np.ndarray:
        thumbnails = gallery.grid.thumbnails
        for cell in range(3):
            thumbnails.pixmap(cell, 64)
        qtbot.waitUntil(
            lambda: not thumbnails._stale and {0, 1, 2} <= set(thumbnails._images), timeout=20_000
        )
        images = [thumbnails._images[cell] for cell in range(3)]
        return np.array([image.pixelColor(8, 8).red() for image in images])

    dim = shown("fluorescence")
    assert gallery.contrast.isVisibleTo(gallery) and gallery.contrast.currentText() == "shared"
    assert dim[0] < 20 and dim[0] < dim[1] < dim[2] < 80
    gallery.contrast.setCurrentIndex(1)
    gallery.contrast.activated.emit(1)
    assert middles().min() > 200
    assert session.workspace.extras["gallery"]["contrast"] == "per cell"
    session.workspace.extras.clear()
    assert shown("brightfield").min() > 200  # nobody has chosen
    colour = CellSet.from_array(
        np.zeros((3, 3, 8, 8), np.uint8), channels=("red", "green", "blue"), modality="brightfield"
    )
    session.workspace.set_cells(colour)
    assert not gallery.contrast.isVisibleTo(gallery)


def test_only_cells_in_sight_are_read(gallery: GalleryWidget, session: Session, qtbot: QtBot) -> None:
    session.workspace.set_cells(make_cells(3000, labelled=False))
    qtbot.waitUntil(lambda: len(gallery.grid.thumbnails._images) > 8, timeout=20_000)
    qtbot.wait(100)
    assert len(gallery.grid.thumbnails._images) < 150

    def at_the_end() -> bool:
        gallery.grid.scrollToBottom()  # of what is laid out by now: a thousand cells at once
        return 2999 in gallery.grid.thumbnails._images

    qtbot.waitUntil(at_the_end, timeout=20_000)


def test_a_cell_that_cannot_be_read_is_shown_as_such(
    gallery: GalleryWidget, session: Session, classifier: Classifier, settle: Settle, qtbot: QtBot
) -> None:
    images = np.stack([make_cells(4).read(index) for index in range(4)])
    images[2] = 7
    session.workspace.set_classifier(classifier)
    session.workspace.set_cells(CellSet.from_array(images, channels=("light", "stain")))
    settle()
    qtbot.waitUntil(lambda: gallery.grid.thumbnails.failed(2), timeout=20_000)
    assert not gallery.grid.thumbnails.failed(1)
    assert "cannot be read" in gallery.note.text()


def test_blind_mode_hides_what_the_model_says(opened: GalleryWidget, session: Session) -> None:
    card = Qt.ItemDataRole.UserRole + 1
    model = opened.grid.cells
    assert model.data(model.index(1), card).predicted is not None
    session.workspace.blind = True
    hidden = model.data(model.index(1), card)
    assert hidden.predicted is None and not hidden.disagreement
    assert "predicted" not in model.data(model.index(1), Qt.ItemDataRole.ToolTipRole)


def test_another_k_is_told_and_classified_anew(
    opened: GalleryWidget, session: Session, qtbot: QtBot, settle: Settle
) -> None:
    assert not opened.again.isVisible()
    session.workspace.k = 100
    assert "40 selected pixels; 100 are set now" in opened.note.text()
    qtbot.mouseClick(opened.again, LEFT)
    settle()
    assert session.workspace.predictions is not None and session.workspace.predictions.k == 100
    assert not opened.again.isVisible()


def test_pictures_grow_and_settings_stay(opened: GalleryWidget, session: Session, qtbot: QtBot) -> None:
    before = opened.grid.visualRect(opened.grid.cells.index(0)).width()
    opened.size.setValue(200)
    assert opened.grid.visualRect(opened.grid.cells.index(0)).width() > before + 80
    opened.size.sliderReleased.emit()
    qtbot.mouseClick(opened.show_filters, LEFT)
    again = GalleryWidget(session)
    qtbot.addWidget(again)
    assert again.size.value() == 200 and again.show_filters.isChecked()
    again.close_threads()
