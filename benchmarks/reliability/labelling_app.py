"""The app as it labels by itself, to be killed: python -m benchmarks.reliability.labelling_app FOLDER SEED.

Before an action it prints a line ``{"begin": kind}``, after it ``{"done": digest}`` of all labels and classes
as the program believes them to be on disk.
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
import sys
from pathlib import Path
from typing import Any

CLASSES = ("basophil", "eosinophil", "lymphocyte")
READY = "ready"


def digest(labels: dict[str, str], classes: list[str]) -> str:
    """Return a short hash of all labels and of the names of the classes."""
    text = json.dumps([sorted(labels.items()), classes])
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def state(log: Any) -> str:
    """Return the digest of a label log."""
    return digest(log.current(), [one.name for one in log.classes])


def tell(**line: Any) -> None:
    """Write a line for the program that kills this one."""
    print(json.dumps(line), flush=True)


class Labeller:
    """Somebody who labels at random, by keyboard and in bulk, takes back, renames and imports."""

    def __init__(self, viewer: Any, widget: Any, seed: int) -> None:
        self.window, self.session = viewer.window._qt_window, widget.session
        self.workspace, self.labelling = widget.workspace, widget.session.labelling
        self.chance, self.folder = random.Random(seed), Path(sys.argv[1])
        self.renamed = 0

    def key(self) -> None:
        """Press the key of a class: the cell that is looked at gets it, and the next one comes."""
        from qtpy.QtTest import QTest

        QTest.keyClick(self.window, self.chance.choice("123"))

    def bulk(self) -> None:
        """Give many cells their classes at once."""
        rows = self.chance.sample(range(len(self.workspace.cells)), 20)
        self.labelling.label(rows, self.chance.choice([one.name for one in self.workspace.classes]))

    def undo(self) -> None:
        """Press Ctrl+Z."""
        self.labelling.press("undo", ())

    def rename(self) -> None:
        """Rename a class to and fro."""
        self.renamed += 1
        last = self.workspace.classes[-1].name
        self.labelling.rename_class(last, f"{last.partition(' ')[0]} {self.renamed}")

    def import_csv(self) -> None:
        """Take labels from a table."""
        table = self.folder.parent / "table.csv"
        ids = self.chance.sample(self.workspace.cells.ids, 10)
        with table.open("w", newline="") as stream:
            rows = [(one, self.workspace.classes[0].name) for one in ids]
            csv.writer(stream).writerows([("id", "class"), *rows])
        self.labelling.import_csv(table)

    def act(self) -> None:
        """Do one thing, and say so before and after."""
        kinds = ("key",) * 12 + ("bulk", "undo", "undo", "rename", "import_csv")
        kind = self.chance.choice(kinds)
        tell(begin=kind)
        getattr(self, kind)()
        tell(done=state(self.labelling.log))


def main() -> None:
    """Open the window and the cells, and label until killed."""
    import napari
    from qtpy.QtWidgets import QApplication

    viewer = napari.Viewer()
    _, widget = viewer.window.add_plugin_dock_widget("napari-sparseattn", "SparseAttnNet")
    application = QApplication.instance()
    widget.open_path(Path(sys.argv[1]))
    while widget.workspace.cells is None:
        application.processEvents()
    widget.show_tab("label")
    labeller = Labeller(viewer, widget, int(sys.argv[2]))
    known = {one.name for one in labeller.workspace.classes}
    for name in CLASSES:
        if not any(one.partition(" ")[0] == name for one in known):
            labeller.labelling.add_class(name)
    labeller.labelling.label([0], labeller.workspace.classes[0].name)
    viewer.window._qt_window.activateWindow()
    while QApplication.activeWindow() is not viewer.window._qt_window:
        application.processEvents()
    tell(done=state(labeller.labelling.log))
    tell(ready=True)
    while True:
        labeller.act()
        application.processEvents()


if __name__ == "__main__":
    main()
