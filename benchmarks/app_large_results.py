"""Results of a million cells in the window: how soon they are there, how long it is deaf, what they take.

    python -m benchmarks.scale make million     # the cells, packed, and their results: 7 GB, some minutes
    scripts/with_display.sh python -m benchmarks.app_large_results

Opens the folder of results in a real window as a user does, and measures with the clock, a timer of the event
loop that beats every 5 ms (`benchmarks.heartbeat`) and the memory of the process: the first page of the
Gallery, its first pictures, changes of filter and order, leafing, the Report. On a busy machine the clock
says more than the program needs; "own work" is the processor time of the window's thread alone.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import torch  # before Qt

from benchmarks.heartbeat import Heartbeat, wait
from benchmarks.scale import WORK
from sparseattn.bench.measure import machine


class Phase:
    """What is done between two beats of the heart, as one entry of the result."""

    def __init__(self, result: dict[str, object], before: float) -> None:
        self._result, self._before = result, before

    def measure(self, name: str, begin: Callable[[], None], done: Callable[[], bool], most: float) -> None:
        from qtpy.QtCore import QTimer

        heart, processor = Heartbeat(), time.process_time()
        heart.start()
        QTimer.singleShot(0, begin)
        wait(lambda: False, 0.03)
        seconds = wait(done, most) + 0.03
        if not done():
            raise RuntimeError(f"{name} was not there after {most} s")
        wait(lambda: False, 0.3)  # what follows is part of it
        said = heart.stop()
        self._result[name] = {
            "seconds": round(seconds, 2),
            "processor_seconds": round(time.process_time() - processor, 2),
            "deaf_longest_ms": said["blocked_longest_ms"],
            "deaf_p99_ms": said["blocked_p99_ms"],
            "own_work_longest_ms": said["own_work_longest_ms"],
            "more_mib": round(memory() - self._before),
        }
        print(name, self._result[name], file=sys.stderr)


def memory() -> float:
    """Return the resident memory of this process in MiB."""
    return psutil.Process().memory_info().rss / 2**20


def measure(folder: Path) -> dict[str, object]:
    import napari

    viewer = napari.Viewer()
    viewer.window.resize(1280, 800)
    _, dock = viewer.window.add_plugin_dock_widget("napari-sparseattn", "SparseAttnNet")
    wait(lambda: False, 2.0)
    session = dock.session
    work = session.results
    before = memory()
    result: dict[str, object] = {"before_mib": round(before)}
    phase = Phase(result, before)

    def idle() -> bool:
        return not session.jobs.running

    def gallery():  # type: ignore[no-untyped-def]
        tab = dock.tabs.widget(1).widget()
        return None if tab is None else tab.results

    def first_page() -> bool:
        return work.in_front and gallery() is not None and len(gallery().grid.cells.rows) > 0

    def first_pictures() -> bool:
        grid = gallery().grid
        seen = [int(grid.cells.rows[at]) for at in range(6)]
        made, stale = grid.thumbnails._images, grid.thumbnails._stale
        return all(cell in made and cell not in stale for cell in seen)

    phase.measure("first_page", lambda: dock.open_path(folder), first_page, 60)
    phase.measure("first_pictures", lambda: None, lambda: idle() and first_pictures(), 120)
    result["cells"] = len(work.opened)

    def sort(column: str) -> None:
        gallery().sort.setCurrentIndex(gallery().sort.findData(column))
        gallery().sort.activated.emit(0)

    def tick(button, name: str) -> None:  # type: ignore[no-untyped-def]
        next(action for action in button.menu().actions() if action.text() == name).toggle()

    filters = gallery().filters
    classes = work.opened.results.classes
    for name, begin in (
        ("sort_by_confidence", lambda: sort("confidence")),
        ("filter_one_class", lambda: tick(filters.predicted, classes[0])),
        ("filter_familiar", lambda: filters.in_distribution._slider.setValue((0.1, 1.0))),
        ("sort_by_uncertainty", lambda: sort("entropy")),
        ("show_all", gallery().clear.click),
    ):
        version = [0]

        def counted(version: list[int] = version) -> None:
            version[0] += 1

        work.rows_changed.connect(counted)
        phase.measure(name, begin, lambda version=version: version[0] > 0, 30)
        work.rows_changed.disconnect(counted)
    phase.measure("turn_a_page", gallery().pages.turn_on, first_pictures, 30)
    phase.measure("last_page", gallery().pages._to_last, first_pictures, 30)
    phase.measure("selected_pixels", gallery().overlay.click, first_pictures, 60)

    def report():  # type: ignore[no-untyped-def]
        return dock.tabs.widget(4).widget()

    phase.measure(
        "report_of_the_answers",
        lambda: dock.show_tab("report"),
        lambda: report() is not None and report().made is not None,
        300,
    )
    phase.measure("report_with_pictures", lambda: None, idle, 600)
    for again in range(1, 4):  # memory stays flat
        dock.show_tab("gallery")
        opened = work.opened
        phase.measure(
            f"opened_again_{again}",
            lambda: dock.open_path(folder),
            lambda opened=opened: work.opened is not opened and idle(),
            120,
        )
    session.close()
    viewer.close()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=WORK / "million", help="of results")
    parser.add_argument("--out", type=Path, help="write the result here as JSON")
    options = parser.parse_args()
    os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp()  # settings of a new user
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    result = measure(options.folder)
    result["machine"] = {**machine(torch.get_num_threads()), "load_before": load}
    if load is not None:
        result["machine"]["load_after"] = os.getloadavg()[0]
    print(json.dumps(result, indent=1))
    if options.out is not None:
        options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
