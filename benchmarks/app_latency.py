"""How quick a step of the k slider is, and a stroke that takes pixels out of a cell, in a real window.

    scripts/with_display.sh python -m benchmarks.app_latency

A step is measured from the change of the slider to all layers and the tab set, and on to the canvas drawn.
The target: p95 to the layers set under 25 ms for cells of 64 x 64, under 40 ms for 256 x 256, at 15 % of the
pixels, on 2 cores. The net has random weights: its arithmetic is that of a trained one. Other work on the
machine makes all of it slower: the load is printed beside the figures, and the processor time of this thread
for a step. A stroke (one dab of the brush, "What if some pixels were gone?") is measured to the bars and
selected pixels set; the target is 50 ms for 64 x 64.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch  # before Qt

from benchmarks.heartbeat import Heartbeat

STEPS = 200
WARM_UP = 10
SHARE = 0.15
CASES = ((64, 64), (256, 64), (256, 256))
"""Sides of the cells, and of the net's grid."""


def random_cells(side: int):
    """Return RGB cells of noise on two levels."""
    from sparseattn.cells import CellSet

    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (10, 3, side, side), dtype=np.uint8)
    labels = [("one", "two", "three", "four", "five")[number % 5] for number in range(len(images))]
    return CellSet.from_array(
        images, channels=("red", "green", "blue"), labels=labels, modality="brightfield"
    )


def random_classifier(cells, grid: int):
    """Return a classifier of the usual shape with random weights."""
    from sparseattn.cells import fit_prepare
    from sparseattn.classifier import Classifier
    from sparseattn.learn.history import History
    from sparseattn.learn.in_distribution import fit_in_distribution
    from sparseattn.learn.prototypes import Prototypes
    from sparseattn.learn.split import make_split
    from sparseattn.net import SparseAttnNet, SparseAttnNetConfig

    prepare, prepared = fit_prepare(cells, range(len(cells)), size=grid)
    torch.manual_seed(0)
    net = SparseAttnNet(SparseAttnNetConfig(3, len(cells.classes), size=grid)).eval()
    k = round(SHARE * grid**2)
    with torch.inference_mode():
        features = net(torch.from_numpy(prepared.images), k).feature.numpy()
    known = np.array([cells.classes.index(label) for label in cells.labels])
    return Classifier(
        net=net, classes=cells.classes, prepare=prepare, modality=cells.modality, k=k, history=History(),
        split=make_split(cells), in_distribution=fit_in_distribution(features, known, features),
        prototypes=Prototypes.none(3, grid),
    )  # fmt: skip


def drag(viewer: Any, widget: Any, side: int, grid: int, steps: int) -> dict[str, Any]:
    """Move the slider to and fro around 15 % of the pixels, and time the steps that end there."""
    from qtpy.QtWidgets import QApplication

    session, workspace = widget.session, widget.session.workspace
    cells = random_cells(side)
    workspace.set_cells(cells)
    workspace.set_classifier(random_classifier(cells, grid))
    workspace.show(selected=True, neighbourhood=False, coarse=False, fine=False, evidence=False)
    session.live.update()
    end = time.perf_counter() + 1.5  # until the curve is there
    while time.perf_counter() < end:
        QApplication.processEvents()
    slider = widget.tabs.widget(0).widget().slider
    ks = np.array([slider.k_at(value) for value in range(slider.maximum() + 1)])
    around = np.flatnonzero((ks >= 0.05 * grid**2) & (ks <= 0.25 * grid**2))
    at = int(np.abs(ks - SHARE * grid**2).argmin())
    # Told last of all, since it connects last: everything has been set by then.
    set_at: list[tuple[float, float]] = []
    draws: list[float] = []

    def note() -> None:
        set_at.append((time.perf_counter(), time.thread_time()))

    def note_draw(_: Any) -> None:
        draws.append(time.perf_counter())

    workspace.explanation_changed.connect(note)
    scene = viewer.window._qt_viewer.canvas._scene_canvas  # napari has no public door to it
    scene.events.draw.connect(note_draw, position="last")
    taken, own, drawn, repaints = [], [], [], []
    heart = Heartbeat()
    heart.start()
    for step in range(2 * (steps + WARM_UP)):
        target = at if step % 2 else int(around[(7 * step) % len(around)])
        if target == slider.value():
            target += 1
        set_at.clear()
        draws.clear()
        begun, begun_own = time.perf_counter(), time.thread_time()
        slider.setValue(target)
        while not set_at:
            QApplication.processEvents()
        waited = time.perf_counter()
        while not draws and time.perf_counter() < waited + 1:
            QApplication.processEvents()
        QApplication.processEvents()
        if step % 2 and step >= 2 * WARM_UP:
            taken.append(1000 * (set_at[0][0] - begun))
            own.append(1000 * (set_at[0][1] - begun_own))
            drawn.append(1000 * (draws[0] - begun))
            repaints.append(len(draws))
    beats = heart.stop()
    workspace.explanation_changed.disconnect(note)
    scene.events.draw.disconnect(note_draw)
    return {
        "cell": side, "grid": grid, "selected_pixels": int(ks[at]), "steps": len(taken),
        "layers_set_ms": _percentiles(taken), "own_processor_time_ms": _percentiles(own),
        "drawn_ms": _percentiles(drawn), "repaints_a_step": round(float(np.mean(repaints)), 2),
        "heartbeat": beats,
    }  # fmt: skip


def strokes(viewer: Any, widget: Any, side: int, grid: int, steps: int) -> dict[str, Any]:
    """Dab the brush on the cell that `drag` left, here and there, and time each dab."""
    from napari.layers import Labels
    from qtpy.QtWidgets import QApplication

    session = widget.session
    session.taking_out.switch(True)
    layer = next(one for one in viewer.layers if isinstance(one, Labels))
    set_at: list[tuple[float, float]] = []

    def note() -> None:
        set_at.append((time.perf_counter(), time.thread_time()))

    session.taking_out.changed.connect(note)  # last of all
    taken, own = [], []
    for step in range(steps + WARM_UP):
        if step % 40 == 0:
            session.taking_out.reset()
        for _ in range(5):
            QApplication.processEvents()
        set_at.clear()
        begun, begun_own = time.perf_counter(), time.thread_time()
        layer.paint(((7 * step) % grid, (13 * step) % grid), 1)
        while not set_at:
            QApplication.processEvents()
        if step >= WARM_UP:
            taken.append(1000 * (set_at[0][0] - begun))
            own.append(1000 * (set_at[0][1] - begun_own))
    session.taking_out.changed.disconnect(note)
    session.taking_out.switch(False)
    return {
        "cell": side, "grid": grid, "strokes": len(taken), "set_ms": _percentiles(taken),
        "own_processor_time_ms": _percentiles(own),
    }  # fmt: skip


def _percentiles(values: list[float]) -> dict[str, float]:
    return {f"p{share}": round(float(np.percentile(values, share)), 1) for share in (50, 95, 99)}


def table(figures: dict[str, Any]) -> str:
    """Return the figures for the eye."""
    before, after = figures["load_before"], figures["load_after"]
    lines = [
        f"load {before:.1f} before, {after:.1f} after, on {figures['cores']} cores; milliseconds, p50 / p95"
    ]
    for case in figures["cases"]:
        times = ", ".join(
            f"{title} {case[name]['p50']} / {case[name]['p95']}"
            for title, name in (
                ("layers set", "layers_set_ms"), ("own time", "own_processor_time_ms"), ("drawn", "drawn_ms"),
            )
        )  # fmt: skip
        lines.append(
            f"cell {case['cell']}, grid {case['grid']}, {case['selected_pixels']} pixels: {times}, "
            f"{case['repaints_a_step']} repaints a step"
        )
    for case in figures["strokes"]:
        times, own = case["set_ms"], case["own_processor_time_ms"]
        lines.append(
            f"strokes, cell {case['cell']}, grid {case['grid']}: set {times['p50']} / {times['p95']}, "
            f"own time {own['p50']} / {own['p95']}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="also write the figures to this JSON file")
    parser.add_argument("--steps", type=int, default=STEPS)
    given = parser.parse_args()
    import napari

    viewer = napari.Viewer()
    viewer.window.resize(1280, 800)
    _, widget = viewer.window.add_plugin_dock_widget("napari-sparseattn", "SparseAttnNet")
    before = os.getloadavg()[0]
    cases, dabs = [], []
    for side, grid in CASES:
        cases.append(drag(viewer, widget, side, grid, given.steps))
        dabs.append(strokes(viewer, widget, side, grid, given.steps))
    figures = {
        "cores": os.cpu_count(), "load_before": before, "load_after": os.getloadavg()[0],
        "napari": napari.__version__, "torch": torch.__version__, "cases": cases,
        "strokes": dabs,
    }  # fmt: skip
    widget.session.close()
    viewer.close()
    print(table(figures))
    if given.output is not None:
        given.output.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
