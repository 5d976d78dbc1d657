"""Results of ``sparseattn predict -o OUT/`` in a real window: a page and a part at a time."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_sparseattn._sample_data import sample_folder
from napari_sparseattn.models import bundled_models
from napari_sparseattn.project import save_project
from napari_sparseattn.widgets.gallery import results_gallery

pytestmark = pytest.mark.skipif(
    sys.platform == "linux" and not os.environ.get("DISPLAY"), reason="no display: run under xvfb-run"
)
LEFT = Qt.MouseButton.LeftButton


@dataclass(frozen=True)
class Run:
    folder: Path
    cells: Path

    @property
    def rows(self) -> pd.DataFrame:
        parts = sorted(self.folder.glob("part-*.parquet"))
        return pd.concat([pd.read_parquet(path) for path in parts], ignore_index=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of 61 cells in parts of 16, of which one cannot be read."""
    place = tmp_path_factory.mktemp("large")
    cells = place / "cells"
    shutil.copytree(sample_folder("stained"), cells)
    whole = sorted((cells / "monocyte").glob("*.*"))[0].read_bytes()
    (cells / "monocyte" / "broken.png").write_bytes(whole[: len(whole) // 2])
    model = next(card.path for card in bundled_models() if card.path.stem == "simulated_stained")
    words = ["predict", model, cells, "-o", place / "out", "--cells-a-part", 16, "--workers", 1]
    command = [sys.executable, "-m", "sparseattn", *map(str, words)]
    subprocess.run(command, check=True, capture_output=True)
    return Run(place / "out", cells)


@pytest.fixture
def run(made: Run, tmp_path: Path) -> Run:
    """A copy of the run, whose pictures may be taken away."""
    shutil.copytree(made.folder, tmp_path / "out")
    return Run(tmp_path / "out", made.cells)


@pytest.fixture
def gone(made: Run) -> Iterator[Path]:
    """The pictures, somewhere else for a while."""
    away = made.cells.with_name("away")
    made.cells.rename(away)
    yield away
    if away.exists():
        away.rename(made.cells)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results_gallery, "PAGE", 25)


def drop(widget, path: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    copy, none = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(widget, QDragEnterEvent(QPoint(50, 200), copy, mime, LEFT, none))
    QApplication.sendEvent(widget, QDropEvent(QPointF(50, 200), copy, mime, LEFT, none))


def idle(widget, qtbot) -> None:
    qtbot.wait(50)
    qtbot.waitUntil(lambda: not widget.session.jobs.running, timeout=60_000)


def shown_gallery(widget, qtbot):
    qtbot.waitUntil(lambda: widget.session.results.in_front, timeout=60_000)
    idle(widget, qtbot)
    qtbot.waitUntil(lambda: widget.tabs.currentIndex() == 1)
    qtbot.waitUntil(lambda: widget.tabs.widget(1).widget().results is not None)
    tab = widget.tabs.widget(1).widget()
    assert tab.results.isVisible() and not tab.gallery.isVisible()
    return tab.results


def tick(qtbot, button, name: str) -> None:
    """Tick a choice of a button's menu by a click."""
    menu = button.menu()
    action = next(action for action in menu.actions() if action.text() == name)
    menu.popup(button.mapToGlobal(QPoint(0, 0)))
    qtbot.mouseClick(menu, LEFT, pos=menu.actionGeometry(action).center())
    menu.close()


def test_dropped_leafed_filtered_sorted_and_some_opened(window, qtbot, run: Run, small_pages) -> None:
    _, widget = window
    drop(widget, run.folder)
    gallery = shown_gallery(widget, qtbot)
    rows = run.rows
    assert len(rows) == 61 and rows["error"].notna().sum() == 1
    assert widget.workspace.cells is None and "61 classified cells" in widget.state.text()
    assert "simulated_stained" in widget.state.text()  # found by what the run says of its model
    assert gallery.count.text() == "61 of 61 cells" and gallery.pages.of.text() == "of 3"
    qtbot.waitUntil(lambda: gallery.grid.thumbnails.pixmap(0, 96) is not None, timeout=20_000)

    qtbot.mouseClick(gallery.pages.after, LEFT)
    assert gallery.grid.cells.rows.tolist() == list(range(25, 50))
    widget.window().activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is widget.window())
    gallery.grid.setFocus()
    qtbot.keyClick(gallery.grid, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    assert gallery.grid.cells.rows.tolist() == list(range(50, 61))
    card = gallery.grid.cells.data(gallery.grid.cells.index(3))
    assert (
        card
        == f"cell 54, {rows['predicted'][53]} {100 * rows['confidence'][53]:.0f} %, "
        + (rows["human_label"][53])
    )

    gallery.sort.setCurrentIndex(gallery.sort.findText("Confidence"))
    gallery.sort.activated.emit(gallery.sort.currentIndex())
    idle(widget, qtbot)
    by_confidence = rows["confidence"].sort_values(kind="stable", na_position="last")
    assert gallery.grid.cells.rows.tolist() == by_confidence.index[:25].tolist()
    qtbot.mouseClick(gallery.show_filters, LEFT)
    tick(qtbot, gallery.filters.predicted, "monocyte")
    idle(widget, qtbot)
    monocytes = rows.index[rows["predicted"] == "monocyte"]
    wanted = [row for row in by_confidence.index if row in set(monocytes)]
    assert gallery.grid.cells.rows.tolist() == wanted[:25]
    assert gallery.count.text().startswith(f"{len(wanted)} of 61")
    tip = gallery.grid.cells.data(gallery.grid.cells.index(0), Qt.ItemDataRole.ToolTipRole)
    assert rows["id"][wanted[0]] in tip and rows["source"][wanted[0]] in tip

    out = run.folder.with_name("some.csv")
    gallery.export_rows(out)
    idle(widget, qtbot)
    written = pd.read_csv(out)
    assert written["id"].tolist() == rows["id"][sorted(wanted)].tolist()
    assert list(written.columns) == list(rows.columns)

    qtbot.mouseClick(gallery.open_these, LEFT)
    qtbot.waitUntil(lambda: widget.workspace.cells is not None, timeout=20_000)
    cells = widget.workspace.cells
    assert list(cells.ids) == rows["id"][wanted[:25]].tolist()
    tab = widget.tabs.widget(1).widget()
    assert tab.gallery.isVisible() and not gallery.isVisible()
    qtbot.waitUntil(lambda: widget.workspace.predictions is not None, timeout=30_000)
    np.testing.assert_allclose(
        widget.workspace.predictions.confidence, rows["confidence"][wanted[:25]], atol=1e-5
    )

    # A project brings both back: these cells in front, the results and their filter behind them.
    path = run.folder.with_name("work.sparseattn.json")
    save_project(widget.session, path)
    idle(widget, qtbot)
    widget.session.results.close()
    widget.workspace.set_cells(None)
    widget.workspace.extras.clear()
    widget.open_path(path)
    qtbot.waitUntil(lambda: widget.workspace.cells is not None, timeout=20_000)
    idle(widget, qtbot)
    assert widget.workspace.cells.ids == cells.ids and not widget.session.results.in_front
    qtbot.mouseClick(tab.back, LEFT)
    qtbot.waitUntil(gallery.isVisible)
    assert gallery.grid.cells.rows.tolist() == wanted[:25]


def test_the_report_says_what_the_rows_say(window, qtbot, run: Run, monkeypatch) -> None:
    _, widget = window
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(run.folder))
    widget.actions_by_name["Open Results…"].trigger()
    gallery = shown_gallery(widget, qtbot)
    widget.show_tab("report")
    report = widget.tabs.widget(4).widget()
    qtbot.waitUntil(lambda: report.made is not None, timeout=60_000)
    idle(widget, qtbot)
    assert report.made.report.general is not None
    rows = run.rows
    read = rows[rows["predicted"].notna()]
    right = (read["predicted"] == read["human_label"]).mean()
    assert f"{100 * right:.1f} %" in report.tiles.text and "60" in report.tiles.text
    assert "broken.png" in " ".join(report.made.report.notes)
    assert "cells" not in report.made.tables  # a row a cell stays in the folder
    counts = report.made.tables["samples"].set_index("class")["count"]
    assert counts.to_dict() == read["predicted"].value_counts().reindex(counts.index, fill_value=0).to_dict()

    names = report.made.report.classes
    confusion = pd.crosstab(read["human_label"], read["predicted"])
    known, predicted = (
        next((a, b) for a in confusion.index for b in confusion.columns if confusion.loc[a, b] and a != b)
        if right < 1
        else (names[0], names[0])
    )
    report.confusion.chosen.emit(names.index(known), names.index(predicted))
    idle(widget, qtbot)
    wanted = read.index[(read["human_label"] == known) & (read["predicted"] == predicted)]
    assert gallery.isVisible() and gallery.grid.cells.rows.tolist() == wanted.tolist()


def test_without_pictures_all_else_is_there_until_they_come_back(window, qtbot, run: Run, gone: Path) -> None:
    viewer, widget = window
    viewer.open(str(run.folder), plugin="napari-sparseattn")  # as when it is dropped on the canvas
    gallery = shown_gallery(widget, qtbot)
    assert f"{run.cells} is not there any more" in gallery.note.text() and "Try again" in gallery.note.text()
    assert gallery.count.text() == "61 of 61 cells" and not gallery.open_these.isEnabled()
    widget.show_tab("report")
    report = widget.tabs.widget(4).widget()
    qtbot.waitUntil(lambda: report.made is not None, timeout=60_000)
    idle(widget, qtbot)
    assert report.made.report.general is None and report.made.report.judgement is not None
    assert not report.test_pixels.isVisible()
    widget.show_tab("gallery")
    gone.rename(run.cells)
    qtbot.mouseClick(gallery.again, LEFT)
    idle(widget, qtbot)
    assert not gallery.note.isVisible() and gallery.open_these.isEnabled()
    qtbot.waitUntil(lambda: gallery.grid.thumbnails.pixmap(0, 96) is not None, timeout=20_000)


def test_what_is_no_whole_run_is_said_and_nothing_is_lost(window, qtbot, run: Run, cells_of) -> None:
    _, widget = window
    widget.workspace.set_cells(cells_of())
    (run.folder / "part-00002.parquet").write_bytes(b"PAR1")
    widget.open_path(run.folder)
    idle(widget, qtbot)
    assert "part-00002.parquet is damaged or gone" in widget.status.text.text()
    (run.folder / "summary.json").unlink()
    widget.open_path(run.folder)
    idle(widget, qtbot)
    assert "is not done" in widget.status.text.text()
    assert len(widget.workspace.cells) == 20 and widget.session.results.opened is None
