"""Labelling in a real window while the disk is full, gone or read-only, or another program labels too."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from qtpy.QtWidgets import QApplication

from napari_sparseattn import labelling as module
from napari_sparseattn.session import session_of
from sparseattn.cells.labels import LabelLog
from tests.conftest import fill
from tests.plugin.label.conftest import write_cells

PATIENCE = 240_000  # ms; the machine may be busy


class Window:
    """A window in which cells are labelled by keys; what the status line says is what the user reads."""

    def __init__(self, viewer, dock, qtbot) -> None:
        self.viewer, self.dock, self.qtbot = viewer, dock, qtbot
        self.session, self.workspace = dock.session, dock.workspace

    @property
    def qt(self):
        return self.viewer.window._qt_window

    def open(self, folder: Path) -> None:
        self.workspace.set_cells(None)
        self.dock.open_path(folder)
        self.qtbot.waitUntil(lambda: self.workspace.cells is not None, timeout=PATIENCE)
        self.workspace.add_classes(["bright", "dark"])
        self.dock.show_tab("label")
        self.qt.activateWindow()
        self.qtbot.waitUntil(lambda: QApplication.activeWindow() is self.qt, timeout=10_000)

    def press(self, key: str, times: int = 1) -> None:
        for _ in range(times):
            self.qtbot.keyClick(self.qt, key)

    @property
    def said(self) -> str:
        return self.dock.status.text.text()

    @property
    def labels(self) -> list[str | None]:
        return list(self.workspace.labels())


@pytest.fixture
def opened(window, qtbot, tmp_path, monkeypatch) -> Window:
    monkeypatch.setattr(module, "HOME", tmp_path / "home" / "labels")
    return Window(*window, qtbot)


def labels_in(path: Path) -> list[str]:
    with LabelLog.open(path, read_only=True) as log:
        return list(log.current().values())


def test_a_disk_that_fills_up(opened: Window, small_disk: Path) -> None:
    folder = write_cells(small_disk / "cells", 8)
    opened.open(folder)
    opened.press("1", 3)
    filler = fill(small_disk)
    opened.press("2")
    assert "the disk is full; make room and try again" in opened.said
    assert [label for label in opened.labels if label] == ["bright"] * 3
    current = opened.workspace.current
    opened.press("2")
    assert opened.workspace.current == current  # it does not go on to the next cell
    assert labels_in(folder / "_labels.sqlite") == ["bright"] * 3
    filler.unlink()
    opened.press("2")
    assert labels_in(folder / "_labels.sqlite") == [*["bright"] * 3, "dark"]


def test_a_folder_that_may_only_be_read(opened: Window, small_disk: Path) -> None:
    """Labels that are there are kept and go on in the user's folder; once it can be written they join."""
    folder = write_cells(small_disk / "cells", 8)
    opened.open(folder)
    opened.press("1", 2)
    opened.session.labelling.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    opened.open(folder)
    assert opened.labels[:3] == ["bright", "bright", None]
    opened.workspace.current = 2
    opened.press("2")
    assert "Nothing can be written beside the cells: labels are kept in" in opened.said
    assert opened.labels[:4] == ["bright", "bright", "dark", None]
    (kept,) = (module.HOME).glob("*.sqlite")
    assert labels_in(kept) == ["bright", "bright", "dark"]
    opened.open(folder)
    assert opened.labels[:4] == ["bright", "bright", "dark", None]

    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    opened.open(folder)
    assert opened.labels[:4] == ["bright", "bright", "dark", None]
    assert "1 labels that were kept in" in opened.said
    assert labels_in(folder / "_labels.sqlite") == ["bright", "bright", "dark"]


def test_a_drive_that_vanishes(opened: Window, small_disk: Path, tmp_path: Path) -> None:
    folder = write_cells(small_disk / "cells", 8)
    opened.open(folder)
    opened.press("1", 3)
    subprocess.run(["umount", "-l", str(small_disk)], check=True)
    opened.press("2")
    assert "is gone, perhaps with its drive" in opened.said
    assert [label for label in opened.labels if label] == ["bright"] * 3
    opened.session.labelling.log.copy(tmp_path / "saved.sqlite")
    assert labels_in(tmp_path / "saved.sqlite") == ["bright"] * 3


def test_cells_on_another_machine(opened: Window, make_cells, tmp_path: Path) -> None:
    """Under another path and another owner, what was labelled is labelled; ids come from content."""
    folder = make_cells()
    opened.open(folder)
    opened.press("1", 3)
    subprocess.run(["cp", "-r", str(folder), str(tmp_path / "elsewhere")], check=True)  # while it is open
    opened.open(tmp_path / "elsewhere")
    assert [label for label in opened.labels if label] == ["bright"] * 3
    opened.press("2")
    assert len(labels_in(tmp_path / "elsewhere" / "_labels.sqlite")) == 3
    assert labels_in(folder / "_labels.sqlite") == ["bright"] * 3


def test_two_windows_on_the_same_cells(opened: Window, make_napari_viewer, qtbot, make_cells) -> None:
    folder = make_cells()
    viewer = make_napari_viewer(show=True)
    _, dock = viewer.window.add_plugin_dock_widget("napari-sparseattn", "SparseAttnNet")
    other = Window(viewer, dock, qtbot)
    opened.open(folder)
    opened.press("1", 2)
    other.open(folder)
    assert other.labels[:3] == ["bright", "bright", None]
    other.workspace.current = 2
    other.press("2", 2)
    assert opened.labels[:5] == ["bright", "bright", "dark", "dark", None]  # at the next look
    opened.session.labelling.undo()
    assert other.labels[:5] == ["bright", None, "dark", "dark", None]  # one's own, not the other's
    assert labels_in(folder / "_labels.sqlite") == ["bright", "dark", "dark"]
    session_of(viewer).close()


@pytest.mark.skipif(os.name != "posix", reason="kills by a signal")
def test_a_training_that_the_system_kills_for_memory(opened: Window, make_cells, classifier, qtbot) -> None:
    """The kernel ends what asks for too much by SIGKILL: that is the child, and the window lives on."""
    opened.open(make_cells())
    opened.workspace.set_classifier(classifier)
    cells = opened.workspace.cells
    for index in range(len(cells)):
        opened.session.labelling.label([index], cells.origin(index).path.name.partition("_")[0])
    before = opened.labels
    retraining = opened.session.retraining
    retraining.start(from_loaded=True, epochs=5000)
    qtbot.waitUntil(lambda: len(retraining.records) > 0, timeout=PATIENCE)
    os.kill(retraining._process.process_id, signal.SIGKILL)
    qtbot.waitUntil(lambda: retraining.state == "idle", timeout=PATIENCE)
    assert "no memory left" in opened.said and "The labels and the model are as they were" in opened.said
    assert opened.workspace.classifier is classifier and opened.labels == before
    opened.press("x")
    assert "exclude" in opened.labels
