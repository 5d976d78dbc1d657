"""The reader: cells become a stack or go to the gallery, recordings become frames, fields their channels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparseattn.cells import CellSet, open_cells
from sparseattn.errors import InputError
from sparseattn.events.files import is_recording

if TYPE_CHECKING:
    from napari_sparseattn.layers.stack import LayerData

ARRAYS = {".npy", ".npz"}
FIELDS = {".nd2", ".czi", ".lif"}


def get_reader(path: str | Sequence[str]) -> Callable[[str | Sequence[str]], list[Any]] | None:
    """Return a reader of cells, of an event recording or of a microscope's file; None for others.

    Cells of one size become a stack. Cells of several sizes do not: padded, they would show pixels that
    nobody measured. They are opened in the plugin's gallery, and add no layer here.
    """
    if not isinstance(path, str):
        return None
    source = Path(path)
    if source.suffix.lower() in FIELDS or source.name.lower().endswith(".ome.zarr"):
        return _read_field
    if is_recording(source):
        return _read_recording
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


def _read_recording(path: str | Sequence[str]) -> list[LayerData]:
    from napari_sparseattn.layers.recording import recording_layers  # loads dask

    try:
        return recording_layers(Path(str(path)))
    except (ValueError, OSError) as error:
        raise InputError(f"{path} cannot be used: {error}.") from None


def _read_field(path: str | Sequence[str]) -> list[LayerData]:
    from napari_sparseattn.layers.opened_field import field_layers, show_scale_bar  # loads napari

    try:
        layers = field_layers(Path(str(path)))
    except (ValueError, OSError) as error:
        raise InputError(f"{path} cannot be used: {error}.") from None
    if any("units" in keywords for _, keywords, _ in layers):
        show_scale_bar()
    return layers


def _open(source: Path) -> tuple[CellSet, dict[str, str]]:
    try:
        return open_cells(source), {}
    except InputError:
        if not source.is_dir():
            raise
        # Whether subfolders are classes or samples is for the user to say; the pictures are the same.
        return open_cells(source, subfolders="samples"), {"subfolders": "samples"}
