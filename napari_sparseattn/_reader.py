"""The reader: a folder or array of single cells becomes a stack to leaf through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sparseattn.cells import CellSet, open_cells
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from napari_sparseattn.layers.stack import LayerData

ARRAYS = {".npy", ".npz"}


def get_reader(path: str | Sequence[str]) -> Callable[[str | Sequence[str]], list[LayerData]] | None:
    """Return a reader of a folder or array of cells, or None where it is not one that makes a stack.

    Cells of several sizes make none: padded, they would show pixels that nobody measured.
    """
    if not isinstance(path, str):
        return None
    source = Path(path)
    # Images and Zarr stores open in napari as they are.
    if source.suffix == ".zarr" or not (source.is_dir() or source.suffix in ARRAYS):
        return None
    try:
        cells, options = _open(source)
    except InputError:
        return None
    if len(set(cells.shapes)) != 1:
        return None

    def read(_: str | Sequence[str]) -> list[LayerData]:
        from napari_sparseattn.layers.stack import cell_layers  # loads dask

        return cell_layers(cells, source.stem, path=source, options=options)

    return read


def _open(source: Path) -> tuple[CellSet, dict[str, str]]:
    try:
        return open_cells(source), {}
    except InputError:
        if not source.is_dir():
            raise
        # Whether subfolders are classes or samples is for the user to say; the pictures are the same.
        return open_cells(source, subfolders="samples"), {"subfolders": "samples"}
