"""How long the window is deaf while a field of many cells is painted, corrected, repainted and saved.

Called by `benchmarks.app_responsiveness`. The cells are discs on a grid in a label image that is in no file.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.heartbeat import Heartbeat, wait

CELL = 32
"""Pixels from one cell to the next."""


def field_of(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return an RGB image (Y, X, 3) of about so many discs, and their labels (Y, X)."""
    side = round(np.sqrt(count))
    y, x = np.mgrid[: CELL * side, : CELL * side]
    number = (y // CELL) * side + x // CELL + 1
    inside = np.hypot(y % CELL - CELL / 2, x % CELL - CELL / 2) < 11
    labels = np.where(inside, number, 0).astype(np.int32)
    rng = np.random.default_rng(0)
    tints = rng.uniform(60, 190, (side * side + 1, 3))
    tints[0] = 225
    image = tints[labels] + rng.normal(0, 5, (*labels.shape, 3))
    return image.clip(0, 255).astype(np.uint8), labels


def measure_field(classifier: Any, count: int) -> dict[str, object]:
    """Return what each step of the work on a field costs, in a window of its own."""
    import napari

    from napari_sparseattn.field_work import FieldChoice
    from napari_sparseattn.project import save_project
    from napari_sparseattn.session import session_of

    image, labels = field_of(count)
    viewer = napari.Viewer(show=True)
    viewer.window.resize(1280, 800)
    _, dock = viewer.window.add_plugin_dock_widget("napari-sparseattn", "SparseAttnNet")
    session = session_of(viewer)
    dock.show_tab("field")
    viewer.add_image(image, name="field")
    viewer.add_labels(labels, name="cells")
    session.workspace.set_classifier(classifier)
    heart, work = Heartbeat(), session.field
    wait(lambda: False, 2.0)

    def idle() -> bool:
        return not session.jobs.running and not work.is_busy

    heart.start()
    work.classify(FieldChoice(("field",), "cells"))
    seconds = wait(lambda: session.workspace.predictions is not None and idle(), 300)
    wait(lambda: False, 1.0)
    result: dict[str, object] = {"cells": int(labels.max()), "pixels": labels.shape}
    result["classify_and_paint"] = {"seconds": round(seconds, 1), **heart.stop()}

    for name, step in (
        ("look_at_another", lambda turn: setattr(session.workspace, "current", turn + 1)),
        ("correct_by_key", lambda turn: work.press(str(turn % 3 + 1))),
        ("opacity", lambda turn: work.set_look(0.3 + 0.05 * turn, 0)),
    ):
        times = []
        heart.start()
        for turn in range(8):
            start = time.perf_counter()
            step(turn)
            times.append((time.perf_counter() - start) * 1000)
            wait(idle, 10)
            wait(lambda: False, 0.1)
        result[name] = {"call_median_ms": round(float(np.median(times)), 1), **heart.stop()}

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "work.sparseattn.json"
        heart.start()
        start = time.perf_counter()
        save_project(session, path)
        called = (time.perf_counter() - start) * 1000
        seconds = wait(lambda: path.is_file() and idle(), 60)
        result["save"] = {"call_ms": round(called, 1), "seconds": round(seconds, 2), **heart.stop()}
    session.close()
    viewer.close()
    return result
