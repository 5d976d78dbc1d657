"""The reader: single cells of one size become a stack to leaf through, others go to the gallery."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparseattn.cells import CellSet, open_cells
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from napari_sparseattn.layers.stack import LayerData

ARRAYS = {".npy", ".npz"}


def get_reader(path: str | Sequence[str]) -> Callable[[str | Sequence[str]], list[Any]] | None:
    """Return a reader of a folder or array of cells, or None where it is none, or of one cell.

    Cells of one size become a stack. Cells of several sizes do not: padded, they would show pixels that
    nobody measured. They are opened in the plugin's gallery, and add no layer here.
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

    def read_stack(_: str | Sequence[str]) -> list[LayerData]:
        from napari_sparseattn.layers.stack import cell_layers  # loads dask

        return cell_layers(cells, source.stem, path=source, options=options)

    def open_gallery(_: str | Sequence[str]) -> list[Any]:
        from napari_sparseattn.show import open_in_viewer  # loads napari

        open_in_viewer(source)
        return [(None,)]  # to napari: read, and no layer came of it

    return read_stack if len(set(cells.shapes)) == 1 else open_gallery


def _open(source: Path) -> tuple[CellSet, dict[str, str]]:
    try:
        return open_cells(source), {}
    except InputError:
        if not source.is_dir():
            raise
        # Whether subfolders are classes or samples is for the user to say; the pictures are the same.
        return open_cells(source, subfolders="samples"), {"subfolders": "samples"}
