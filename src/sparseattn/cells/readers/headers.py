"""The files of a source and what their headers say; each kind of file has its reader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from sparseattn.cells.cell_file import CellFile
from sparseattn.cells.origin import Skipped, reason_of, shown
from sparseattn.cells.readers import (
    arrays,
    hdf5,
    matlab,
    microscopy,
    packed,
    pictures,
    recordings,
    tiff,
    zarr_store,
)
from sparseattn.cells.readers.cytometry import amnis, rtdc
from sparseattn.cells.readers.cytometry.channel_files import join_channels
from sparseattn.cells.readers.cytometry.montage import as_tiles
from sparseattn.cells.readers.folders import Listed, Subfolders, list_folder
from sparseattn.cells.readers.how import HowToRead
from sparseattn.cells.readers.phase.recorded import UNIT, as_path_difference
from sparseattn.cells.readers.zarr_store import is_zarr
from sparseattn.errors import InputError, LayoutError, WavelengthError
from sparseattn.phase.settings import PhaseSettings

SMALLEST_SIDE, LARGEST_SIDE = 2, 4096
"""Limits on the height and width of one cell, in pixels; larger images are fields of many cells."""

MOST_CHANNELS = 64

MOST_CELLS = 20_000_000
"""Of one file: a few bytes of a header can claim any number."""

_OF_OTHER_MACHINES = ("//", "\\\\")
"""How paths to other machines begin; `cells.json` may come from anyone, and asking them tells who asks."""

SUFFIXES = (
    pictures.SUFFIXES
    | tiff.SUFFIXES
    | arrays.SUFFIXES
    | zarr_store.SUFFIXES
    | hdf5.SUFFIXES
    | matlab.SUFFIXES
    | microscopy.SUFFIXES
    | rtdc.SUFFIXES
    | amnis.SUFFIXES
    | recordings.ALWAYS
)

_WITH_DATASETS = {
    **dict.fromkeys(arrays.SUFFIXES, arrays.open_array),
    **dict.fromkeys(hdf5.SUFFIXES, hdf5.open_hdf5),
    **dict.fromkeys(matlab.SUFFIXES, matlab.open_matlab),
}


def list_sources(
    path: Path, folder: bool, subfolders: Subfolders | None
) -> tuple[list[Listed], list[Skipped]]:
    """Return the files of a folder, or the one file, and what is passed over."""
    if folder:
        return list_folder(path, is_source, subfolders)
    if not is_source(path):
        kinds = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES))
        raise InputError(f"{shown(path)} is of no known kind; give a folder or a file of {kinds}.")
    return [Listed(path, None)], []


def is_source(path: Path) -> bool:
    """Whether a path may hold cells."""
    if path.is_dir():
        return is_zarr(path)
    return path.is_file() and (path.suffix.lower() in SUFFIXES or recordings.is_recording(path))


def read_headers(
    listed: Sequence[Listed], how_to_read: Callable[[Path], HowToRead], strict: bool
) -> tuple[list[CellFile], list[str | None], list[Skipped]]:
    """Describe each file, or say why it is left out; beside each description the subfolder of the file."""
    files: list[CellFile] = []
    parts: list[str | None] = []
    skipped: list[Skipped] = []
    for item in listed:
        try:
            described = describe_file(item, how_to_read(item.path))
            for file in described:
                _check_size(file)
        except WavelengthError as error:  # no fault of this file alone
            raise WavelengthError(f"{shown(item.path)} cannot be used: {error}.") from None
        except Exception as error:  # decoders raise whatever a broken header makes them trip over
            reason = reason_of(error)
            if isinstance(error, LayoutError) and len(listed) == 1:
                raise LayoutError(f"{shown(item.path)} cannot be used: {reason}.", error.shape) from None
            if strict:
                raise InputError(f"{shown(item.path)} cannot be used: {reason}.") from None
            skipped.append(Skipped(shown(item.path), reason))
        else:
            files += described
            parts += [item.subfolder] * len(described)
    return files, parts, skipped


def describe_file(item: Listed, how: HowToRead) -> list[CellFile]:
    """Describe a file, or the files of a cell, as optical path difference where it is phase."""
    if item.channels:
        parts = [_as_recorded(path, how) for _, path in item.channels]
        if any(len(part) != 1 for part in parts):
            raise ValueError("its files hold images of different sizes")
        files = [join_channels([part[0] for part in parts], [name for name, _ in item.channels])]
    else:
        files = _as_recorded(item.path, how)
    if how.tile is not None:
        files = [as_tiles(file, how.tile) for file in files]
    if how.phase is None and all(file.phase is None for file in files):
        return files
    if all(file.unit == UNIT for file in files):  # path differences already, as packed cells may be
        return files
    settings = how.phase or PhaseSettings()
    empty = None
    if settings.reference is not None:
        reference = Path(settings.reference).expanduser()
        try:
            if settings.reference.startswith(_OF_OTHER_MACHINES) or not reference.is_file():
                raise ValueError("it is no file on this machine")
            empty = _as_recorded(reference, how)[0]
        except Exception as error:  # decoders raise whatever a broken header makes them trip over
            reason = reason_of(error)
            raise ValueError(f"its reference {shown(reference)} cannot be used: {reason}") from None
    return [as_path_difference(file, settings, empty) for file in files]


def _as_recorded(path: Path, how: HowToRead) -> list[CellFile]:
    suffix = path.suffix.lower()
    if how.layout is None and recordings.is_recording(path):
        return recordings.open_recording_cells(path, settings=how.events, one_cell=how.one_cell)
    if path.is_dir() and packed.is_packed(path):
        return packed.open_packed(path)
    if path.is_dir():
        return zarr_store.open_zarr(path, layout=how.layout, one_cell=how.one_cell, series=how.dataset)
    if suffix in microscopy.SUFFIXES:
        return microscopy.open_microscopy(path, layout=how.layout, series=how.dataset)
    if suffix in tiff.SUFFIXES:
        return tiff.open_tiff(path, layout=how.layout, one_cell=how.one_cell)
    if suffix in _WITH_DATASETS:
        open_it = _WITH_DATASETS[suffix]
        return open_it(path, layout=how.layout, one_cell=how.one_cell, dataset=how.dataset)
    if suffix in rtdc.SUFFIXES:
        return rtdc.open_rtdc(path)
    if suffix in amnis.SUFFIXES:
        amnis.refuse_amnis(path)
    return [pictures.open_picture(path)]


def _check_size(file: CellFile) -> None:
    height, width = file.shape
    if min(height, width) < SMALLEST_SIDE:
        raise ValueError(f"it is {height} x {width} pixels and one cell has at least {SMALLEST_SIDE} a side")
    if max(height, width) > LARGEST_SIDE:
        raise ValueError(
            f"it is {height} x {width} pixels and one cell has at most {LARGEST_SIDE} a side; "
            f"cut the cells out first"
        )
    if not 1 <= file.channels <= MOST_CHANNELS:
        raise ValueError(
            f"it would have {file.channels} channels; 1 to {MOST_CHANNELS} are possible (see layout)"
        )
    if file.cells == 0:
        raise ValueError("it holds no cells")
    if file.cells is not None and file.cells > MOST_CELLS:
        raise ValueError(f"it would hold {file.cells:,} cells; at most {MOST_CELLS:,} are possible")
    if file.dtype.kind not in "buif":
        raise ValueError(f"its pixels are of type {file.dtype}; give real numbers")


def check_alike(files: Sequence[CellFile]) -> None:
    """Raise InputError when images differ in their channels, or in the scale of their values."""
    first = files[0]
    for file in files[1:]:
        if file.channels != first.channels:
            raise InputError(
                f"The images have different numbers of channels: {shown(first.source.path)} has "
                f"{first.channels} and {shown(file.source.path)} has {file.channels}; convert them to one "
                f"form, open them apart, or say by the layout NYX that the pages of a TIFF are cells."
            )
        if _scale(file) != _scale(first):
            raise InputError(
                f"The images have different types of number: {shown(first.source.path)} is {first.dtype} and "
                f"{shown(file.source.path)} is {file.dtype}, so that their values are not on one scale; "
                f"convert them to one type, or open them apart."
            )


def _scale(file: CellFile) -> str:
    return "float" if file.dtype.kind == "f" else "uint8" if file.dtype.kind == "b" else file.dtype.name
