"""Whether the window answers while 10,000 cells are opened and classified, and a field is worked on.

    scripts/with_display.sh python -m benchmarks.app_responsiveness

A timer of the event loop beats every 5 ms; a beat that comes late says how long the user interface was
blocked, on a busy machine by others too; "own work" is the processor time of its thread alone. The cells are
the simulated stained ones, tiled, turned and made brighter or darker.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch  # before Qt

from benchmarks.app_field import measure_field
from benchmarks.heartbeat import Heartbeat, wait
from sparseattn.bench.measure import machine

FIELDS = (500, 5000)
ROOT = Path(__file__).resolve().parents[1]


def tiled_cells(count: int):
    """Return cells of 64 x 64 pixels that are all different, made from the sample data."""
    from sparseattn.cells import CellSet, open_cells

    few = open_cells(ROOT / "sample_data" / "stained", subfolders="classes")
    originals = np.stack([few.read(index) for index in range(len(few))])
    rng = np.random.default_rng(0)
    images = np.empty((count, *originals.shape[1:]), np.uint8)
    for index in range(count):
        turned = np.rot90(originals[index % len(few)], index % 4, axes=(1, 2))
        images[index] = (turned * rng.uniform(0.8, 1)).astype(np.uint8)
    donors = tuple(f"donor {index * 4 // count + 1}" for index in range(count))
    cells = CellSet.from_array(images, channels=few.channels, modality=few.modality, name="tiled")
    return few, cells.with_columns({"donor": donors})


def scroll(grid) -> dict[str, float]:
    """Scroll down by steps of a wheel; return what the repaints cost, with thumbnails known and not."""
    from qtpy.QtWidgets import QApplication

    bar = grid.verticalScrollBar()
    result = {}
    for name, top in (("new", 0), ("known", 0)):
        bar.setValue(top)
        wait(lambda: False, 0.5)
        times = []
        for _ in range(100):
            start = time.perf_counter()
            bar.setValue(bar.value() + bar.singleStep())
            QApplication.processEvents()  # paints, and puts the window together
            times.append((time.perf_counter() - start) * 1000)
        result[f"{name}_median_ms"] = round(float(np.median(times)), 2)
        result[f"{name}_p95_ms"] = round(float(np.percentile(times, 95)), 2)
        result[f"{name}_longest_ms"] = round(max(times), 2)
        wait(lambda: False, 1.0)
    start = time.perf_counter()
    bar.setValue(bar.maximum())
    grid.viewport().repaint()
    result["jump_to_end_ms"] = round((time.perf_counter() - start) * 1000, 2)
    return result


def measure(count: int, model: Path | None) -> dict[str, object]:
    import napari
    from qtpy.QtCore import Qt, QTimer

    from napari_sparseattn.layers.stack import load_what_layers_need
    from napari_sparseattn.session import session_of
    from napari_sparseattn.widgets.gallery import GalleryWidget
    from sparseattn import Classifier, TrainingOptions, fit
    from sparseattn.table.filters import CellFilter, CellOrder
    from sparseattn.table.gates import PolygonGate

    few, cells = tiled_cells(count)
    classifier = Classifier.load(model) if model else fit(few, options=TrainingOptions(epochs=2))
    viewer = napari.Viewer()
    session = session_of(viewer)
    workspace = session.workspace
    gallery = GalleryWidget(session)
    dock = viewer.window.add_dock_widget(gallery, area="right", name="Gallery")
    viewer.window._qt_window.resizeDocks([dock], [520], Qt.Orientation.Horizontal)
    workspace.set_classifier(classifier)
    heart = Heartbeat()
    result: dict[str, object] = {"cells": count}

    wait(lambda: False, 1.0)
    heart.start()
    wait(lambda: False, 2.0)
    result["idle"] = heart.stop()
    _ = cells.ids, few.ids, cells.shapes  # as the job that opens does
    load_what_layers_need()
    # The first layer of a window takes napari long: shaders, its controls, the sliders.
    for name, opened in (("first", few), ("again", cells), ("once_more", cells)):
        heart.start()
        QTimer.singleShot(50, partial(workspace.set_cells, opened))
        wait(lambda: False, 2.0)
        result[f"opening_{name}"] = {"cells": len(opened), **heart.stop()}
    session.classification.start()  # anew: what opening costs is told apart
    heart.start()
    seconds = wait(lambda: workspace.predictions is not None, 300)
    print(f"classified in {seconds:.0f} s", file=sys.stderr)
    result["classifying"] = {"seconds": round(seconds, 1), **heart.stop()}
    heart.start()
    seconds = wait(lambda: not session.jobs.running, 300)
    result["measuring"] = {"seconds": round(seconds, 1), **heart.stop()}

    result["scrolling"] = scroll(gallery.grid)
    shown = session.shown_cells
    for name, change in (
        ("filter_ms", lambda: shown.set_filter(CellFilter(confidence=(0.2, 0.9)))),
        ("all_ms", lambda: shown.set_filter(CellFilter())),
        ("sort_ms", lambda: shown.set_order(CellOrder("confidence", True))),
    ):
        start = time.perf_counter()
        change()
        gallery.grid.viewport().repaint()
        result[name] = round((time.perf_counter() - start) * 1000, 1)

    gallery.show_scatter.setChecked(True)
    wait(lambda: False, 1.0)
    canvas = gallery._scatter.canvas
    times = []
    for _ in range(10):
        start = time.perf_counter()
        canvas.draw()
        times.append((time.perf_counter() - start) * 1000)
    result["scatter_draw_ms"] = round(float(np.median(times)), 1)
    gate = PolygonGate("gate", "area", "confidence", ((500, 0.3), (1500, 0.3), (1500, 0.9)))
    times = []
    for _ in range(50):
        start = time.perf_counter()
        canvas.show_gates([gate], 0)
        canvas.repaint()
        times.append((time.perf_counter() - start) * 1000)
    result["gate_drag_ms"] = round(float(np.median(times)), 1)
    session.close()
    gallery.close_threads()
    viewer.close()
    for count in FIELDS:
        result[f"field_of_{count}"] = measure_field(classifier, count)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--model", type=Path, help="for RGB cells; one is taught for two epochs if not given")
    parser.add_argument("--out", type=Path, help="write the result here as JSON")
    options = parser.parse_args()
    # Settings of a new user: what the last one left open, such as the scatter plot, costs time.
    os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    result = measure(options.cells, options.model)
    result["machine"] = {**machine(torch.get_num_threads()), "load_before": load}
    print(json.dumps(result, indent=1))
    if options.out is not None:
        options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    longest = result["classifying"]["blocked_longest_ms"]
    if longest > 100:
        sys.exit(f"the user interface was blocked for {longest} ms; the bar is 100 ms")


if __name__ == "__main__":
    main()
