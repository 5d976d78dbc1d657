"""The reader: cells become a stack or go to the gallery, recordings become frames, fields their channels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sparseattn.kinds_of_files import PROJECT, is_marks, is_of_a_microscope, is_results
from sparseattn.cells import CellSet, open_cells
from sparseattn.errors import InputError, WavelengthError
from sparseattn.events.files import is_recording

if TYPE_CHECKING:
    from napari_sparseattn.layers.stack import LayerData

ARRAYS = {".npy", ".npz"}
"""Such files may hold anything: what are no cells is left to others."""

OURS_ALONE = {".h5", ".hdf5", ".mat", ".rtdc", ".cif", ".daf", ".rif"}
"""Napari itself reads none of these: the user is told why one does not open."""


def get_reader(path: str | Sequence[str]) -> Callable[[str | Sequence[str]], list[Any]] | None:
    """Return a reader of cells, of an event recording or of a microscope's file; None for others.

    Cells of one size become a stack. Cells of several sizes do not: padded, they would show pixels that
    nobody measured. They are opened in the plugin's gallery, and add no layer here; so is phase that does not
    say its wavelength, for the dock asks for it, as do marks of a field's cells, large results and projects.
    """
    if not isinstance(path, str):
        return None
    source = Path(path)
    suffix = source.suffix.lower()
    if is_of_a_microscope(source):
        return _read_field
    if is_marks(source) or is_results(source) or source.name.endswith(PROJECT):
        return _open_in_dock
    if is_recording(source):
        return _read_recording
    # Images and Zarr stores open in napari as they are.
    if suffix == ".zarr" or not (source.is_dir() or suffix in ARRAYS | OURS_ALONE):
        return None

    try:
        cells, options = _open(source)
    except WavelengthError:
        return _open_in_dock
    except InputError as error:
        return _refusing(error) if suffix in OURS_ALONE else None

    def read_stack(_: str | Sequence[str]) -> list[LayerData]:
        from napari_sparseattn.layers.stack import cell_layers  # loads dask
        from napari_sparseattn.show import show_scale_bar

        if cells.pixel_size_um is not None:
            show_scale_bar()
        return cell_layers(cells, source.stem, path=source, options=options)

    return read_stack if len(set(cells.shapes)) == 1 else _open_in_dock


def _open_in_dock(path: str | Sequence[str]) -> list[Any]:
    from napari_sparseattn.show import open_in_viewer  # loads napari

    open_in_viewer(Path(str(path)))
    return [(None,)]  # to napari: read, and no layer came of it


def _refusing(error: InputError) -> Callable[[str | Sequence[str]], list[Any]]:
    def refuse(_: str | Sequence[str]) -> list[Any]:
        raise error  # napari shows it

    return refuse


def _read_recording(path: str | Sequence[str]) -> list[Any]:
    """Open a recording in the dock, which finds the cells that pass; its frames alone without a window."""
    from napari_sparseattn.show import has_window  # loads napari

    if has_window():
        return _open_in_dock(path)
    from napari_sparseattn.layers.recording import recording_layers  # loads dask

    try:
        return recording_layers(Path(str(path)))
    except (ValueError, OSError) as error:
        raise InputError(f"{path} cannot be used: {error}.") from None


def _read_field(path: str | Sequence[str]) -> list[LayerData]:
    from napari_sparseattn.layers.opened_field import field_layers  # loads dask
    from napari_sparseattn.show import show_scale_bar

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
    except WavelengthError:
        raise
    except InputError:
        if not source.is_dir():
            raise
        # Whether subfolders are classes or samples is for the user to say; the pictures are the same.
        return open_cells(source, subfolders="samples"), {"subfolders": "samples"}
