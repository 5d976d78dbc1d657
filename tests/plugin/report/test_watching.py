"""A folder that is being filled, watched in a real window: counts, newest cells, errors, and the table."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from qtpy.QtCore import Qt

from napari_sparseattn._sample_data import sample_folder
from napari_sparseattn.models import bundled_models
from napari_sparseattn.project import open_project, save_project

pytest.importorskip("watchdog")
pytestmark = pytest.mark.skipif(
    sys.platform == "linux" and not os.environ.get("DISPLAY"), reason="no display: run under xvfb-run"
)
LEFT = Qt.MouseButton.LeftButton
MODEL = next(card.path for card in bundled_models() if card.path.stem == "simulated_stained")


def pictures() -> list[Path]:
    return sorted(sample_folder("stained").glob("[!_]*/*.png"))


def panel_of(widget, qtbot):
    """The panel, by clicks."""
    widget.open_path(MODEL)
    qtbot.waitUntil(lambda: widget.workspace.classifier is not None, timeout=60_000)
    widget.show_tab("report")
    report = widget.tabs.widget(4).widget()
    report.pages.setCurrentWidget(report.apply_page)
    qtbot.mouseClick(report.apply_page.show_watch, LEFT)
    return report.apply_page.watch


def test_cells_are_shown_as_they_come_and_the_table_goes_on(window, qtbot, tmp_path: Path) -> None:
    _, widget = window
    folder = tmp_path / "instrument"
    (folder / "donor 1").mkdir(parents=True)
    shutil.copy(sample_folder("stained") / "cells.json", folder)
    some = pictures()
    for path in some[:3]:
        shutil.copy(path, folder / f"before_{path.parent.name}_{path.name}")
    panel = panel_of(widget, qtbot)
    assert not panel.start.isEnabled()
    panel.folder.setFocus()
    qtbot.keyClicks(panel.folder, str(folder))
    qtbot.keyClick(panel.folder, Qt.Key.Key_Return)
    table = tmp_path / "instrument.watched.csv"
    assert panel.table.text() == str(table)
    qtbot.mouseClick(panel.start, LEFT)
    assert not panel.start.isEnabled() and panel.stop.isEnabled()
    work = widget.session.watching
    qtbot.waitUntil(lambda: work.cells == 3, timeout=60_000)
    (folder / "bad.png").write_bytes(some[0].read_bytes()[:200])
    for number, path in enumerate(some):
        shutil.copy(path, folder / "donor 1" / f"{number:03}.png")
    qtbot.waitUntil(lambda: work.cells == 3 + 1 + len(some), timeout=60_000)
    rows = pd.read_csv(table)
    read = rows[rows["error"].isna()]
    assert dict(work.counts) == read["predicted"].value_counts().to_dict()
    assert f"{len(rows):,} cells" in panel.said.text() and "after they were written" in panel.said.text()
    assert "One file could not be read" in panel.errors.text and "bad.png" in panel.errors.text
    assert panel.counts.texts[0].startswith(f"{work.counts[work.classes[0]]:,} ")
    qtbot.waitUntil(lambda: len(panel.grid.cells.rows) == 60, timeout=5000)
    newest = int(panel.grid.cells.rows[0])
    assert rows["predicted"][newest] in panel.grid.cells.data(panel.grid.cells.index(0))
    qtbot.waitUntil(lambda: panel.grid.thumbnails.pixmap(newest, 96) is not None, timeout=20_000)
    assert not panel.grid.thumbnails.failed(newest)

    # Some of them are opened in all tabs, and the watching goes on.
    assert panel.open_these.text() == "Open These Cells" and panel.open_these.isEnabled()
    for row, keys in ((1, Qt.KeyboardModifier.NoModifier), (4, Qt.KeyboardModifier.ControlModifier)):
        at = panel.grid.visualRect(panel.grid.cells.index(row)).center()
        qtbot.mouseClick(panel.grid.viewport(), LEFT, keys, at)
    assert panel.open_these.text() == "Open 2 Cells"
    chosen = [rows["source"][int(panel.grid.cells.rows[row])] for row in (1, 4)]
    qtbot.mouseClick(panel.open_these, LEFT)
    qtbot.waitUntil(lambda: widget.workspace.cells is not None, timeout=60_000)
    cells = widget.workspace.cells
    assert sorted(str(origin.path) for origin in cells.origins) == sorted(chosen)
    assert list(cells.column("sample")) == ["donor 1"] * 2
    assert work.is_running
    project = tmp_path / "watched.sparseattn.json"
    save_project(widget.session, project)
    widget.workspace.set_cells(None)
    open_project(widget.session, project)
    qtbot.waitUntil(lambda: widget.workspace.cells is not None, timeout=60_000)
    assert widget.workspace.cells.ids == cells.ids

    qtbot.mouseClick(panel.stop, LEFT)
    qtbot.waitUntil(lambda: not work.is_running, timeout=30_000)
    assert str(table) in panel.said.text()
    shutil.copy(some[0], folder / "after.png")
    qtbot.mouseClick(panel.start, LEFT)
    qtbot.waitUntil(lambda: work.cells == len(rows) + 1, timeout=60_000)
    assert len(pd.read_csv(table)) == len(rows) + 1  # none was done twice
    qtbot.mouseClick(panel.stop, LEFT)
    qtbot.waitUntil(lambda: not work.is_running, timeout=30_000)


def test_a_table_that_is_written_elsewhere_is_followed(window, qtbot, tmp_path: Path, monkeypatch) -> None:
    _, widget = window
    folder, table = tmp_path / "there", tmp_path / "rows.csv"
    folder.mkdir()
    shutil.copy(sample_folder("stained") / "cells.json", folder)
    panel = panel_of(widget, qtbot)
    words = ["watch", MODEL, folder, "-o", table]
    process = subprocess.Popen(
        [sys.executable, "-m", "sparseattn", *map(str, words)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        monkeypatch.setattr(
            "napari_sparseattn.widgets.apply.watch_panel.QFileDialog.getOpenFileName",
            lambda *_: (str(table), ""),
        )
        qtbot.mouseClick(panel.follow, LEFT)
        for number, path in enumerate(pictures()[:20]):
            shutil.copy(path, folder / f"{number}.png")
            time.sleep(0.01)
        qtbot.waitUntil(lambda: widget.session.watching.cells == 20, timeout=60_000)
        qtbot.mouseClick(panel.stop, LEFT)
        qtbot.waitUntil(lambda: not widget.session.watching.is_running)
        assert process.poll() is None  # it is not ours to end
    finally:
        process.kill()
        process.wait()


def test_another_table_is_refused_in_a_line_and_is_not_touched(window, qtbot, tmp_path: Path) -> None:
    _, widget = window
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    panel = panel_of(widget, qtbot)
    panel.folder.setText(str(tmp_path))
    panel.folder.editingFinished.emit()
    panel.table.setText(str(other))
    qtbot.mouseClick(panel.start, LEFT)
    qtbot.waitUntil(lambda: "other.csv is" in widget.status.text.text(), timeout=60_000)
    qtbot.waitUntil(lambda: not widget.session.watching.is_running, timeout=30_000)
    assert other.read_text() == "a,b\n1,2\n" and panel.start.isEnabled()


SCRIPT = """
import sys, time
from pathlib import Path
import napari
from qtpy.QtWidgets import QApplication
model, folder = map(Path, sys.argv[1:3])
viewer = napari.Viewer()
_, widget = viewer.window.add_plugin_dock_widget("napari-sparseattn", "SparseAttnNet")
def until(done):
    while not done():
        QApplication.processEvents()
        time.sleep(0.01)
widget.open_path(model)
until(lambda: widget.workspace.classifier is not None)
work = widget.session.watching
work.start(folder, folder.with_name("rows.csv"))
until(lambda: work.cells == 1)
print(work._process.process_id)
if sys.argv[3] == "closed":
    viewer.close()
"""


@pytest.mark.parametrize("window", ["closed", "open"])
def test_a_script_that_ends_ends_the_watching(tmp_path: Path, window: str) -> None:
    """No event loop runs then, and no window says that it goes."""
    folder = tmp_path / "instrument"
    folder.mkdir()
    shutil.copy(pictures()[0], folder)
    words = [sys.executable, "-c", SCRIPT, MODEL, folder, window]
    ended = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr and "ended with status" not in ended.stderr
    assert not Path(f"/proc/{ended.stdout.strip()}").exists()
