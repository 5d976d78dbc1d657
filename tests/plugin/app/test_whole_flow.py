"""The whole way of a new user in one go: from an empty window to a new folder classified by a kept model."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_sparseattn import labelling
from napari_sparseattn._sample_data import sample_folder
from napari_sparseattn.session import session_of
from sparseattn.cells.labels import LabelLog

pytestmark = pytest.mark.skipif(
    sys.platform == "linux" and not os.environ.get("DISPLAY"), reason="no display: run under xvfb-run"
)

PATIENCE = 240_000  # ms; the machine may be busy
LABELLED = 20


class User:
    """Somebody with a mouse and a keyboard, who counts the clicks."""

    def __init__(self, viewer, qtbot) -> None:
        self.viewer, self.qtbot, self.clicks = viewer, qtbot, 0
        self.window = viewer.window._qt_window

    def choose(self, *path: str) -> None:
        """Choose in the menus: one click opens a menu, pointing opens those within, one click chooses."""
        actions = self.window.menuBar().actions()
        for title in path:
            action = next(one for one in actions if one.text().replace("&", "").startswith(title))
            if action.menu() is None:
                action.trigger()
                break
            action.menu().aboutToShow.emit()
            actions = action.menu().actions()
        self.clicks += 2

    def click(self, button) -> None:
        assert button.isVisible() and button.isEnabled(), button.text()
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        self.clicks += 1

    def press(self, key) -> None:
        self.qtbot.keyClick(self.window, key)

    def wait(self, until) -> None:
        self.qtbot.waitUntil(until, timeout=PATIENCE)

    def dock(self):
        """The plugin's dock, opened from the menu."""
        from napari_sparseattn.widgets.main import MainWidget

        self.choose("Plugins", "SparseAttnNet")
        dock = self.window.findChild(MainWidget)
        self.wait(dock.isVisible)
        return dock

    def tab(self, dock, name: str):
        """A click on the tab of a name; returns what is in it."""
        bar = dock.tabs.tabBar()
        (place,) = (at for at in range(bar.count()) if bar.tabText(at).replace("&&", "&") == name)
        self.qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(place).center())
        return dock.tabs.currentWidget().widget()


def new_folder(folder: Path) -> Path:
    """Cells that came later, as they come from an instrument: a folder without classes."""
    folder.mkdir()
    for path in sorted(sample_folder("stained").glob("[a-z]*/*.png"))[::3]:
        shutil.copy(path, folder / f"{path.parent.name}_{path.name}")
    return folder


def test_from_an_empty_window_to_a_new_folder(make_napari_viewer, qtbot, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(labelling, "HOME", tmp_path / "home" / "labels")
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1280, 800)
    user = User(viewer, qtbot)

    # The overlay within five clicks.
    dock = user.dock()
    user.choose("File", "Open Sample", "SparseAttn", "White blood cells, stained")
    user.wait(lambda: dock.offer.isVisible())
    user.click(dock.offer.yes)
    workspace, session = dock.workspace, dock.session
    user.wait(lambda: workspace.explanation is not None)
    assert viewer.layers["Selected pixels"].visible and len(viewer.layers["Selected pixels"].data) > 40
    assert user.clicks <= 5

    # Twenty cells by keyboard: each label leads on to the next cell, and is on disk.
    tab = user.tab(dock, "Label & Retrain")
    user.window.activateWindow()
    user.wait(lambda: QApplication.activeWindow() is user.window)
    keys = {item.name: item.key for item in workspace.classes}
    tab.order.setCurrentText("at random")
    given = {}
    for _ in range(LABELLED):
        index = workspace.current
        given[workspace.cells.ids[index]] = workspace.cells.labels[index]
        user.press(keys[workspace.cells.labels[index]])
    assert len(given) == LABELLED
    with LabelLog.open(tmp_path / "home" / "labels" / "sample_stained.sqlite", read_only=True) as log:
        assert log.current() == given
    assert list(sample_folder("stained").glob("*.sqlite")) == []  # the package itself is not written to

    # Retrain in a child process, and keep.
    old = workspace.classifier
    user.click(tab.retrain.start)
    user.wait(lambda: len(session.retraining.records) > 2)
    assert session.retraining._process is not None
    user.click(tab.retrain.stop)  # the best so far
    user.wait(lambda: session.retraining.state in ("done", "idle"))
    assert session.retraining.state == "done", session.retraining.message
    assert workspace.classifier is old
    user.click(tab.retrain.keep)
    assert "version 2" in dock.state.text() and workspace.classifier is not old

    # Save, close, reopen.
    workspace.k = 410
    workspace.current = 33
    project = tmp_path / "work.sparseattn.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(project), ""))
    dock.actions_by_name["Save Project"].trigger()
    user.wait(project.is_file)
    before = (workspace.cells.ids, workspace.labels(), workspace.classes, workspace.classifier.model_hash)
    viewer.close()
    user = User(make_napari_viewer(show=True), qtbot)
    user.viewer.window.resize(1280, 800)
    dock = user.dock()
    workspace, session = dock.workspace, dock.session
    assert session is session_of(user.viewer) and workspace.cells is None
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(project), ""))
    user.click(dock.open_project)
    user.wait(lambda: workspace.explanation is not None and workspace.project_path == project)
    assert before == (
        workspace.cells.ids, workspace.labels(), workspace.classes, workspace.classifier.model_hash
    )  # fmt: skip
    assert (workspace.k, workspace.current) == (410, 33) and session.labelling.log.current() == given
    tab = user.tab(dock, "Label & Retrain")
    assert [one.number for one in session.retraining.versions.all()] == [2, 1]
    assert tab.retrain.versions.isVisible()

    # Tomorrow's folder.
    later = new_folder(tmp_path / "tomorrow")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(later))
    report = user.tab(dock, "Report")
    user.wait(lambda: report.made is not None)
    report.pages.setCurrentWidget(report.apply_page)
    user.click(report.apply.add)
    user.click(report.apply.classify)
    user.wait(report.apply.open.isEnabled)
    (result,) = report.apply.samples.done()
    assert len(result.predictions) == 20
    answers = result.predictions.predicted
    names = [path.name.partition("_")[0] for path in sorted(later.iterdir())]
    assert sum(one == name for one, name in zip(answers, names, strict=True)) >= 16
    user.click(report.apply.open)
    user.wait(lambda: len(workspace.cells) == 20 and workspace.predictions is not None)
    session.close()
