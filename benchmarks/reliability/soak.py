"""The real app, driven at random for hours: does anything go wrong, does anything grow?

    scripts/with_display.sh python -m benchmarks.reliability.soak --hours 2

Once a minute all work is stopped, the first cells are opened and looked at as in the beginning, and what the
process holds is written down; the file with the result is whole after every minute. Any exception, in any
thread, and any warning of Qt ends the run with status 1.
"""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "benchmarks" / "results" / "reliability" / "soak.json"
PATIENCE = 180.0
"""Seconds that anything may take, on a busy machine too."""
WINDOW_EVERY = 10
"""Minutes between two new windows, about."""


class Watch:
    """Keeps all that went wrong anywhere in the process, in words."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.sentences: Counter[str] = Counter()
        self.last: list[str] = []
        """What was done last."""

    def begin(self) -> None:
        """Listen, in place of all who listened before."""
        from qtpy.QtCore import QtMsgType, qInstallMessageHandler

        def qt_says(kind: QtMsgType, _: Any, message: str) -> None:
            if kind != QtMsgType.QtDebugMsg and kind != QtMsgType.QtInfoMsg:
                self.add(f"Qt: {message}")

        sys.excepthook = self._take
        threading.excepthook = lambda told: self._take(told.exc_type, told.exc_value, told.exc_traceback)
        sys.unraisablehook = lambda told: self._take(type(told.exc_value), told.exc_value, told.exc_traceback)
        qInstallMessageHandler(qt_says)
        handler = logging.Handler(logging.ERROR)
        handler.emit = lambda record: self.add(logging.Formatter().format(record))  # type: ignore[method-assign]
        logging.getLogger().addHandler(handler)

    def add(self, fault: str) -> None:
        """Keep that something went wrong."""
        self.faults.append(f"after {', '.join(self.last)}: {fault}")
        print(self.faults[-1], file=sys.stderr, flush=True)

    def sentence(self, sentence: str) -> None:
        """Keep what the status line said that could not be done; what nobody foresaw is a fault."""
        self.sentences[sentence] += 1
        if " failed (" in sentence or "ended unexpectedly" in sentence:
            self.add(sentence)

    def _take(self, kind: Any, error: Any, trace: Any) -> None:
        self.add("".join(traceback.format_exception(kind, error, trace)))


def make_sources(room: Path) -> list[tuple[Path, dict[str, str]]]:
    """Write cells of several kinds, and say how each is opened."""
    chance = np.random.default_rng(0)
    classes = {"subfolders": "classes"}
    sources: list[tuple[Path, dict[str, str]]] = []
    for name in ("stained", "opd"):
        shutil.copytree(ROOT / "sample_data" / name, room / name)
        sources.append((room / name, classes))
    shutil.copytree(ROOT / "sample_data" / "stained", room / "flat")
    for path in sorted((room / "flat").glob("[a-z]*/*.png")):
        path.rename(room / "flat" / f"{path.parent.name}_{path.name}")
    sources.append((room / "flat", {}))
    np.save(room / "stack.npy", chance.integers(0, 255, (300, 48, 48, 3), dtype=np.uint8))
    sources.append((room / "stack.npy", {"layout": "NYXC"}))
    return sources


class Soak:
    """Somebody who does all that the app can do, in no order, and fast."""

    def __init__(self, room: Path, seed: int, watch: Watch) -> None:
        self.room, self.watch = room, watch
        self.chance = random.Random(seed)
        self.sources = make_sources(room)
        self.done: Counter[str] = Counter()
        self.viewer: Any = None
        self.dock: Any = None
        self.open_window()

    # The window

    def open_window(self) -> None:
        """Open a window with the dock, the cells and the model of the beginning."""
        import napari

        self.viewer = napari.Viewer(show=True)
        self.viewer.window.resize(1280, 800)
        self.window = self.viewer.window._qt_window
        self.open_dock()
        self.go_home()

    def open_dock(self) -> None:
        """Open the plugin's dock."""
        _, self.dock = self.viewer.window.add_plugin_dock_widget("napari-sparseattn", "SparseAttnNet")
        self.session, self.workspace = self.dock.session, self.dock.workspace
        self.workspace.failed.disconnect(self.watch.sentence, missing_ok=True)
        self.workspace.failed.connect(self.watch.sentence)

    def close_window(self) -> None:
        """Close the window. By its cross napari itself would keep it, through its colours."""
        self.viewer.close()
        self.viewer = self.dock = self.session = self.workspace = self.window = None
        self.turn(0.5)

    def go_home(self) -> None:
        """Stop all work, and look at the first cell of the first cells as in the beginning."""
        self.session.jobs.cancel_all()
        self.session.retraining.cancel()
        self.session.retraining.discard()
        self.wait(lambda: not self.session.jobs.running and self.session.retraining.state == "idle")
        self.open(0)
        self.load("simulated_stained")
        self.workspace.current = 0
        self.dock.show_tab("explain")
        self.wait(lambda: not self.session.jobs.running)
        self.turn(3.0)  # the app gives memory back two seconds after its last job

    def turn(self, seconds: float) -> None:
        """Let the event loop run."""
        from qtpy.QtCore import QEventLoop, QTimer

        loop = QEventLoop()
        QTimer.singleShot(int(seconds * 1000), loop.quit)
        loop.exec()

    def wait(self, until: Callable[[], bool]) -> None:
        """Let the event loop run until something holds."""
        end = time.monotonic() + PATIENCE
        while not until():
            if time.monotonic() > end:
                self.watch.add(f"nothing came of it in {PATIENCE:.0f} s: {traceback.format_stack(limit=4)}")
                return
            self.turn(0.02)

    def open(self, which: int) -> None:
        """Open cells, and wait for them."""
        path, options = self.sources[which]
        self.dock.open_path(path, **options)
        self.wait(lambda: not any(job.key == "open" for job in self.session.jobs.running))

    def load(self, model: str) -> None:
        """Load a model that comes with the plugin, and wait for it."""
        self.dock.open_path(ROOT / "napari_sparseattn" / "models" / f"{model}.safetensors")
        self.wait(lambda: not any(job.key == "load" for job in self.session.jobs.running))

    # What a user does

    def act(self) -> None:
        """Do one thing, and let the window answer for a moment."""
        kinds = [name for name, often in ACTIONS.items() for _ in range(often)]
        kind = self.chance.choice(kinds)
        self.done[kind] += 1
        self.watch.last = [*self.watch.last[-7:], kind]
        getattr(self, kind)()
        self.turn(self.chance.choice((0.0, 0.0, 0.05, 0.3)))

    def other_cells(self) -> None:
        self.open(self.chance.randrange(len(self.sources)))

    def other_model(self) -> None:
        self.load(self.chance.choice(("simulated_stained", "simulated_opd", "stained_blood")))

    def step(self) -> None:
        """Go to other cells, faster than they are drawn."""
        for _ in range(self.chance.randrange(1, 8)):
            if self.workspace.cells is not None:
                self.workspace.current = self.chance.randrange(len(self.workspace.cells))
            self.turn(0)

    def drag_k(self) -> None:
        explain = self._tab("explain")
        start = self.chance.randrange(explain.slider.maximum() + 1)
        for step in range(20):
            explain.slider.setValue(min(start + 3 * step, explain.slider.maximum()))
            self.turn(0)

    def overlays(self) -> None:
        name = self.chance.choice(("selected", "neighbourhood", "coarse", "fine", "evidence"))
        self.workspace.show(**{name: not getattr(self.workspace.shown, name)})

    def labels_by_key(self) -> None:
        self._tab("label")
        for _ in range(self.chance.randrange(1, 10)):
            self._press(self.chance.choice(("1", "2", "3", "u", "x", "\b", " ")))

    def undo(self) -> None:
        tab = self._tab("label")
        for _ in range(self.chance.randrange(1, 4)):
            self._click(self.chance.choice((tab.undo, tab.undo, tab.redo)))

    def many_labels(self) -> None:
        self._tab("label")
        count = len(self.workspace.cells)
        self.workspace.selection = sorted(self.chance.sample(range(count), min(20, count)))
        self._press("1")
        self.workspace.selection = ()

    def accept(self) -> None:
        tab = self._tab("label")
        if self.workspace.predictions is not None:
            tab.bulk.refresh()
            tab.bulk.accept_all()

    def other_class(self) -> None:
        """Add a class, or rename the last."""
        labelling = self.session.labelling
        name = f"class {self.chance.randrange(1000)}"
        if any(item.name == name for item in self.workspace.classes):
            return
        if len(self.workspace.classes) < 9:
            labelling.add_class(name)
        else:
            labelling.rename_class(self.workspace.classes[-1].name, name)

    def filter(self) -> None:
        gallery = self._tab("gallery").gallery
        gallery.show_filters.setChecked(self.chance.random() < 0.7)
        low = self.chance.random()
        gallery.filters.confidence.set_value((low, 1.0))
        gallery.filters.confidence.changed.emit()
        gallery.filters.labelled.setCurrentIndex(self.chance.randrange(3))
        gallery.sort.setCurrentIndex(self.chance.randrange(max(gallery.sort.count(), 1)))
        gallery.sort.activated.emit(gallery.sort.currentIndex())

    def show_all(self) -> None:
        self._click(self._tab("gallery").gallery.clear)

    def scroll(self) -> None:
        bar = self._tab("gallery").gallery.grid.verticalScrollBar()
        for _ in range(5):
            bar.setValue(self.chance.randrange(bar.maximum() + 1))
            self.turn(0.02)

    def scatter(self) -> None:
        gallery = self._tab("gallery").gallery
        self._click(self.chance.choice((gallery.show_scatter, gallery.overlay)))

    def classify(self) -> None:
        self.session.classification.start()

    def retrain(self) -> None:
        """Press one of the buttons that can be pressed now."""
        panel = self._tab("label").retrain
        buttons = (panel.start, panel.stop, panel.cancel, panel.keep, panel.discard)
        shown = [one for one in buttons if one.isVisible() and one.isEnabled()]
        if shown:
            self._click(self.chance.choice(shown))

    def stop_jobs(self) -> None:
        self._click(self.dock.status.stop)

    def tabs(self) -> None:
        self._tab(self.chance.choice(("explain", "gallery", "field", "label", "report")))

    def project(self) -> None:
        """Save the project and open it again."""
        from napari_sparseattn import project

        path = self.room / "work.sparseattn.json"
        project.save_project(self.session, path)
        self.wait(lambda: not any(job.vital for job in self.session.jobs.running))
        if path.exists():
            self.dock.open_path(path)
            self.wait(lambda: not any(job.key == "open" for job in self.session.jobs.running))

    def look(self) -> None:
        self.viewer.theme = self.chance.choice(("dark", "light"))

    def other_dock(self) -> None:
        """Close the dock and open it again, whatever is under way."""
        from qtpy.QtWidgets import QDockWidget

        parent = self.dock.parent()
        while not isinstance(parent, QDockWidget):
            parent = parent.parent()
        self.viewer.window.remove_dock_widget(parent)
        self.dock = None
        self.turn(0.1)
        self.open_dock()

    def other_window(self) -> None:
        """Close the window and open another, whatever is under way."""
        self.close_window()
        self.open_window()

    def _tab(self, name: str) -> Any:
        self.dock.show_tab(name)
        return self.dock.tabs.currentWidget().widget()

    def _click(self, button: Any) -> None:
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        if button.isVisible() and button.isEnabled():
            QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    def _press(self, key: str) -> None:
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        special = {"\b": Qt.Key.Key_Backspace, " ": Qt.Key.Key_Space}
        self.window.activateWindow()
        QTest.keyClick(self.window, special.get(key, key))


ACTIONS = {
    "step": 12, "drag_k": 8, "labels_by_key": 12, "undo": 4, "many_labels": 2, "accept": 2, "other_class": 1,
    "filter": 4, "show_all": 2, "scroll": 4, "scatter": 2, "classify": 3, "retrain": 6, "stop_jobs": 2,
    "tabs": 3, "overlays": 4, "other_cells": 4, "other_model": 3, "project": 1, "look": 1, "other_dock": 2,
}  # fmt: skip


def growth(rows: list[Any], name: str) -> float:
    """Return by how much something has grown, as a share: the median of the last third against the second.

    The first third is warming up.
    """
    third = len(rows) // 3
    if not third:
        return 0.0
    before = float(np.median([getattr(row, name) for row in rows[third : 2 * third]]))
    after = float(np.median([getattr(row, name) for row in rows[2 * third :]]))
    return (after - before) / max(before, 1.0)


def prepare(room: Path) -> None:
    """Keep settings, labels and temporary files of this run apart from the user's."""
    home, scratch = room / "home", room / "scratch"
    home.mkdir()
    scratch.mkdir()
    os.environ |= {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"), "TMPDIR": str(scratch)}
    tempfile.tempdir = str(scratch)


def soak(
    seconds: float,
    seed: int,
    every: float,
    out: Path,
    room: Path,
    at_measure: Callable[[], None] | None = None,
) -> list[str]:
    """Drive the app for so long; return what went wrong."""
    import torch  # noqa: F401 - before Qt

    from benchmarks.reliability.resources import Resources, held

    watch = Watch()
    user = Soak(room, seed, watch)
    watch.begin()
    start = time.monotonic()
    rows: list[Resources] = []
    next_window = WINDOW_EVERY * 60.0
    while not watch.faults and (elapsed := time.monotonic() - start) < seconds:
        until = min(seconds, elapsed + every)
        while not watch.faults and time.monotonic() - start < until:
            user.act()
        if elapsed > next_window:
            user.done["other_window"] += 1
            user.other_window()
            next_window += WINDOW_EVERY * 60.0
        user.go_home()
        rows.append(held((time.monotonic() - start) / 60, sum(user.done.values()), len(user.viewer.layers)))
        if at_measure is not None:
            at_measure()
        print(rows[-1], file=sys.stderr, flush=True)
        write(out, seed, watch, user, rows)
    user.close_window()
    user.turn(1.0)
    closed = held((time.monotonic() - start) / 60, sum(user.done.values()), 0)
    write(out, seed, watch, user, rows, closed)
    return watch.faults


def write(out: Path, seed: int, watch: Watch, user: Soak, rows: list[Any], closed: Any = None) -> None:
    """Write the result so far; ``closed`` is what is held once the window is closed."""
    from benchmarks.reliability.resources import COUNTED

    document = {
        "seed": seed,
        "minutes": rows[-1].minutes if rows else 0,
        "faults": watch.faults,
        "actions": dict(user.done.most_common()),
        "growth": {name: round(growth(rows, name), 4) for name in ("memory_mib", "objects", *COUNTED)},
        "refused": dict(watch.sentences.most_common()),
        "rows": [asdict(row) for row in rows],
        "closed": None if closed is None else asdict(closed),
    }
    draft = out.with_suffix(".partial")
    draft.write_text(json.dumps(document, indent=1) + "\n")
    draft.replace(out)


def main(
    hours: Annotated[float, typer.Option(help="How long.")] = 2.0,
    seed: Annotated[int, typer.Option(help="Another one does other things.")] = 0,
    every: Annotated[float, typer.Option(help="Seconds between two looks at what is held.")] = 60.0,
    out: Annotated[Path, typer.Option(help="The result, JSON.")] = RESULT,
) -> None:
    """Drive the app at random, and write down what it holds."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as room:
        prepare(Path(room))
        faults = soak(hours * 3600, seed, every, out, Path(room))
    raise typer.Exit(bool(faults))


if __name__ == "__main__":
    typer.run(main)
