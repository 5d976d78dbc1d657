"""The pictures of the tutorials on event cameras and phase, into docs/tutorials/images: simulated throughout.

Run by `make screenshots`, on a virtual display, with the models that come with the plugin.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import numpy as np
from screenshots import ROOT, Tour

IMAGES = ROOT / "docs" / "tutorials" / "images"
MODELS = ROOT / "napari_sparseattn" / "models"
PIXEL_UM = 0.375


def make_recording(folder: Path) -> Path:
    """Write a recording of cells that flow past an event camera."""
    from sparseattn.simulate.flow import simulate_flow

    path = folder / "flow.npy"
    np.save(path, simulate_flow(14, np.random.default_rng(5))[0])
    return path


def make_phase_field(folder: Path) -> Path:
    """Write a field of optical path difference on a tilted ground, and beside it what it is."""
    from sparseattn.simulate.cell_model import CELL_TYPES, grow
    from sparseattn.simulate.columns import project, to_pixels
    from sparseattn.simulate.opd import FIELD, path_difference

    random, side = np.random.default_rng(1), 64
    field = np.zeros((6 * side, 7 * side))
    for place in range(42):
        if random.random() < 0.45:
            continue
        cell = grow(CELL_TYPES[place % len(CELL_TYPES)], random)
        columns = project(cell, random, side, FIELD, centre=(0.0, 0.0))
        y, x = (side * step for step in divmod(place, 7))
        field[y : y + side, x : x + side] += to_pixels(path_difference(cell, columns))
    down, across = np.meshgrid(*(np.linspace(-0.5, 0.5, length) for length in field.shape), indexing="ij")
    field += 300 * down - 500 * across + 137 + random.normal(0, 4, field.shape)
    path = folder / "field.npy"
    np.save(path, field.astype(np.float32))
    said = {
        "modality": "phase", "channels": ["opd"], "pixel_size_um": PIXEL_UM,
        "phase": {"values": "nm", "background": "tilt"},
    }  # fmt: skip
    (folder / "cells.json").write_text(json.dumps(said), encoding="utf-8")
    return path


def take_pictures_of_a_recording(folder: Path) -> None:
    """Open a recording, and look at one of its passages."""
    tour = Tour(folder, IMAGES)
    workspace, session = tour.workspace, tour.session
    session.opening.load_model(MODELS / "simulated_events.safetensors")
    tour.wait_for(lambda: workspace.classifier is not None)
    tour.dock.open_path(make_recording(folder))
    tour.wait_for(lambda: workspace.cells is not None)
    session.classification.ask()
    tour.wait_for(lambda: workspace.predictions is not None)
    tour.tab("gallery")
    workspace.current = 3
    tour.wait_for_jobs()
    tour.viewer.reset_view()
    tour.picture("events_gallery")
    tour.tab("explain")
    tour.wait_for(lambda: workspace.explanation is not None and workspace.curve is not None)
    tour.wait_for_jobs()
    tour.picture("events_explain")
    session.close()
    tour.viewer.close()


def take_pictures_of_phase(folder: Path) -> None:
    """Open a field of phase, find its cells and classify them."""
    tour = Tour(folder, IMAGES)
    workspace, session = tour.workspace, tour.session
    session.opening.load_model(MODELS / "simulated_opd.safetensors")
    tour.wait_for(lambda: workspace.classifier is not None)
    path = make_phase_field(folder)
    tour.dock.open_path(path)
    tour.wait(1)
    tour.wait_for(lambda: len(tour.viewer.layers) > 0)
    tour.wait_for_jobs()
    field = tour.tab("field")
    field.by.setCurrentIndex(field.by.findData("side"))
    field.side.setValue(64)
    tour.wait(1)
    field.run.click()
    tour.wait_for_jobs()
    tour.viewer.reset_view()
    tour.picture("phase_field")
    session.close()
    tour.viewer.close()


def main() -> None:
    """Make the pictures."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for take in (take_pictures_of_a_recording, take_pictures_of_phase):
        with tempfile.TemporaryDirectory() as name:
            take(Path(name))


if __name__ == "__main__":
    main()
