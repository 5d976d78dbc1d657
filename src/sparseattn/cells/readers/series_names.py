"""Which images a file or store holds, where it can hold several."""

from __future__ import annotations

from pathlib import Path

from sparseattn.cells.readers import microscopy, ome_zarr, zarr_store


def series_names(path: Path) -> tuple[str, ...]:
    """Return the names of the series of a microscope's file, or of the fields of an OME-Zarr plate; else ().

    Raises
    ------
    ValueError, OSError
        With the reason why the file cannot be read.
    """
    if path.suffix.lower() in microscopy.SUFFIXES:
        return tuple(str(name) for name in microscopy.open_reader(path).scenes)
    if path.is_dir() and zarr_store.is_zarr(path):
        node = zarr_store.opened_store(path)
        return () if hasattr(node, "shape") else tuple(ome_zarr.series_of(node))
    return ()
