"""Simulated white blood cells that come with the plugin: three instruments, five types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from sparseattn.cells import open_cells

if TYPE_CHECKING:
    from napari_sparseattn.layers.stack import LayerData


INSTRUMENTS = ("opd", "events", "stained")


def sample_folder(instrument: str) -> Path:
    """Return the folder of the sample cells of one instrument: "opd", "events" or "stained".

    In an installed wheel the samples lie in this package, in a checkout beside it.
    """
    here = Path(__file__).resolve().parent
    for place in (here / "sample_data", here.parent / "sample_data"):
        if (place / instrument / "cells.json").is_file():
            return place / instrument
    raise FileNotFoundError(f"No sample data of {instrument!r} beside {here}: reinstall napari-sparseattn.")


def instrument_of(path: Path) -> str | None:
    """Return the instrument whose sample cells lie in a folder, or None where it is another folder."""
    return next((name for name in INSTRUMENTS if path.resolve() == sample_folder(name)), None)


def opd() -> list[LayerData]:
    """Optical path difference in nm, by digital holography."""
    return _layers("opd")


def events() -> list[LayerData]:
    """Counts of on and off events of cells that flow past an event camera."""
    return _layers("events")


def stained() -> list[LayerData]:
    """Brightfield of a stained smear."""
    return _layers("stained")


def _layers(instrument: str) -> list[LayerData]:
    from napari_sparseattn.layers.stack import cell_layers  # loads dask

    folder = sample_folder(instrument)
    pixel_size = json.loads((folder / "cells.json").read_text(encoding="utf-8"))["pixel_size_um"]
    options = {"subfolders": "classes"}
    cells = open_cells(folder, subfolders="classes")
    name = f"simulated {instrument}"
    return cell_layers(cells, name, path=folder, options=options, pixel_size_um=pixel_size)
