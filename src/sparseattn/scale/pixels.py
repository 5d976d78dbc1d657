"""Selected pixels and maps of all cells, as arrays of one Zarr store with a row a cell.

With ``selected``: ``units`` (n, K) int32, flat indices into the G x G selectable units in the order of
selection, and ``weights`` (n, K) float32, their attention, the mean of the heads. With ``maps``: ``coarse``
(n, G, G) float16, coarse attention in 0..1, and ``fine`` (n, G, G) float16, the weights where they lie. A
cell that could not be read has -1 and NaN. Each part of a run is one file of each array.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sparseattn.errors import InputError
from sparseattn.net.select import units_for
from sparseattn.scale.parts import Part
from sparseattn.scale.run_plan import RunPlan

if TYPE_CHECKING:
    from sparseattn.cells import CellSet
    from sparseattn.classifier import Classifier

STORE = "pixels.zarr"
_CHUNK_BYTES = 1 << 20


def check_zarr() -> None:
    """Raise InputError where zarr is not installed."""
    try:
        import zarr  # noqa: F401
    except ImportError:
        raise InputError("this needs zarr; install it with: pip install 'napari-sparseattn[scale]'") from None


def make_pixel_store(plan: RunPlan, classifier: Classifier, folder: Path) -> None:
    """Make the store that the parts of a run write to; nothing where it is there or not wanted.

    Raises
    ------
    InputError
        Where zarr is not installed.
    """
    if not (plan.selected or plan.maps) or (folder / STORE / "zarr.json").exists():
        return
    check_zarr()
    import zarr

    config = classifier.net.config
    units = config.units
    group = zarr.open_group(str(folder / STORE), mode="a")
    arrays: dict[str, tuple[tuple[int, ...], str, float]] = {}
    if plan.selected:
        chosen = (units_for(plan.k, config.size, config.cell_size),)
        arrays |= {"units": (chosen, "int32", -1), "weights": (chosen, "float32", np.nan)}
    if plan.maps:
        arrays |= {name: ((units, units), "float16", np.nan) for name in ("coarse", "fine")}
    for name, (shape, dtype, nothing) in arrays.items():
        row_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
        chunk = _largest_divisor(plan.cells_a_part, max(1, _CHUNK_BYTES // row_bytes))
        group.create_array(
            name,
            shape=(plan.count, *shape),
            dtype=dtype,
            chunks=(chunk, *shape),
            shards=(plan.cells_a_part, *shape),
            fill_value=nothing,
            overwrite=True,
        )
    group.attrs.update(  # written last: it says that all arrays are there
        {"model_hash": plan.model_hash, "k": plan.k, "grid": config.size, "unit": config.cell_size}
    )


def write_pixels(plan: RunPlan, classifier: Classifier, cells: CellSet, part: Part, folder: Path) -> None:
    """Look at the cells of a part and write what the net selected."""
    import torch
    import zarr

    units = classifier.net.config.units
    chosen = units_for(plan.k, classifier.net.config.size, classifier.net.config.cell_size)
    made: dict[str, Any] = {}
    if plan.selected:
        made["units"] = np.full((len(part), chosen), -1, np.int32)
        made["weights"] = np.full((len(part), chosen), np.nan, np.float32)
    if plan.maps:
        made["coarse"] = np.full((len(part), units, units), np.nan, np.float16)
        made["fine"] = np.full((len(part), units, units), np.nan, np.float16)
    for batch in classifier.prepare.batches(cells, min(plan.batch_size, 32)):
        output = classifier.inspect(batch.images, plan.k)
        weights = output.fine.mean(dim=1)
        if plan.selected:
            made["units"][batch.indices] = output.selected.numpy()
            made["weights"][batch.indices] = weights.numpy()
        if plan.maps:
            fine = torch.zeros(len(weights), units**2).scatter(1, output.selected, weights)
            made["coarse"][batch.indices] = output.coarse.sigmoid().numpy()
            made["fine"][batch.indices] = fine.view(-1, units, units).numpy()
    group: Any = zarr.open_group(str(folder / STORE), mode="r+")
    for name, values in made.items():
        group[name][part.start : part.stop] = values


def pixel_checksums(folder: Path, part: int) -> dict[str, str]:
    """Return the SHA-256 of what a part wrote, by the names of the arrays; of what is not there, none."""
    found = {}
    for name in ("units", "weights", "coarse", "fine"):
        for file in sorted((folder / STORE / name / "c" / str(part)).rglob("*")):
            if file.is_file() and file.suffix != ".partial":
                with file.open("rb") as stream:
                    found[name] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found


def _largest_divisor(number: int, most: int) -> int:
    return next(size for size in range(min(number, most), 0, -1) if number % size == 0)
