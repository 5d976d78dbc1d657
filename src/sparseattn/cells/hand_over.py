"""Cells of any kind written to a folder that `open_cells` reads, so that another process can work on them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sparseattn.cells.cellset import CellSet
from sparseattn.cells.origin import Skipped
from sparseattn.cells.readers.zarr_store import IDS
from sparseattn.cells.sidecar import FILES, NAME
from sparseattn.csv_text import guarded
from sparseattn.errors import CellError, InputError

_CHUNK_BYTES = 1 << 20


def hand_over(
    cells: CellSet, folder: Path, on_cell: Callable[[int, int], None] | None = None
) -> tuple[Skipped, ...]:
    """Write cells of any source to Zarr stores; they keep ids, channels, pixel sizes and samples.

    Labels are not written: they come from a label log, by the ids. Cells of one shape, dtype and pixel size
    share a store.

    Parameters
    ----------
    cells : CellSet
        Of a field, of a layer, of several sources.
    folder : Path
        Made where it is not there; must be empty.
    on_cell : callable, optional
        Called with the number of cells that are written, and of all; what it raises ends the writing.

    Returns
    -------
    tuple of Skipped
        The cells that could not be read.

    Raises
    ------
    InputError
        Where zarr is not installed, the folder is not empty or cannot be written to, or no cell can be read.
    """
    try:
        import zarr
    except ImportError:
        raise InputError("handing cells over needs zarr: pip install 'napari-sparseattn[app]'") from None
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise InputError(f"the folder {folder} is not empty; give another")
    alike: dict[tuple[tuple[int, int], str, float | None], list[int]] = {}
    pixels: dict[int, np.ndarray[Any, np.dtype[Any]]] = {}
    skipped: list[Skipped] = []
    for index in range(len(cells)):
        try:
            pixels[index] = cells.read(index)
        except CellError as error:
            skipped.append(Skipped(str(cells.origin(index)), str(error)))
        else:
            kind = cells.shapes[index], pixels[index].dtype.str, cells.pixel_sizes_um[index]
            alike.setdefault(kind, []).append(index)
        if on_cell is not None:
            on_cell(index + 1, len(cells))
    if not pixels:
        reason = f"; the first: {skipped[0].reason}" if skipped else ""
        raise InputError(f"none of the {len(cells)} cells can be read{reason}")
    names = cells.samples.columns
    samples = {name: cells.column(name) or () for name in names}
    rows: list[list[object]] = []
    sizes: dict[str, float] = {}
    for number, ((_, _, pixel_size_um), members) in enumerate(alike.items()):
        block = np.stack([pixels.pop(index) for index in members])
        store = f"cells_{number}.zarr"
        if pixel_size_um is not None:
            sizes[store] = pixel_size_um
        rows_a_chunk = max(1, _CHUNK_BYTES // block[0].nbytes)
        zarr.create_array(
            str(folder / store),
            data=block,
            chunks=(min(rows_a_chunk, len(block)), *block.shape[1:]),
            dimension_names=("n", "c", "y", "x"),
            attributes={IDS: [cells.ids[index] for index in members]},
        )
        rows += [
            [f"{store}#{row}", *(samples[name][index] for name in names)] for row, index in enumerate(members)
        ]
    about: dict[str, Any] = {"modality": cells.modality, "channels": list(cells.channels)}
    if cells.events is not None:  # a model learns from them how recordings are to become images
        about["events"] = cells.events.to_json()
    about[FILES] = {store: {"pixel_size_um": size} for store, size in sizes.items()}
    (folder / NAME).write_text(json.dumps(about), encoding="utf-8")
    if len(names):
        with (folder / SAMPLES).open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream)
            for row in (["id", *names], *rows):  # read back by `sparseattn.cells.tables`
                table.writerow("" if value is None else guarded(str(value)) for value in row)
    return tuple(skipped)


SAMPLES = "_samples.csv"
"""Table of the handed-over cells' samples, to be given as ``samples_csv``; there only where they have any."""
