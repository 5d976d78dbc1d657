"""One door for all that comes in: `open_cells` picks the reader and puts the set together."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from sparseattn.cells.cellset import CellSet
from sparseattn.cells.field import Field
from sparseattn.cells.modality import Modality, check_modality
from sparseattn.cells.origin import reason_of, shown
from sparseattn.cells.readers.cytometry.channel_files import files_together
from sparseattn.cells.readers.cytometry.montage import checked_tile
from sparseattn.cells.readers.folders import Subfolders
from sparseattn.cells.readers.headers import (
    SMALLEST_SIDE,
    check_alike,
    describe_file,
    list_sources,
    read_headers,
)
from sparseattn.cells.readers.how import HowToRead
from sparseattn.cells.readers.layouts import LAYOUTS
from sparseattn.cells.readers.phase.recorded import common_settings
from sparseattn.cells.readers.zarr_store import is_zarr
from sparseattn.cells.remembered import read_remembered
from sparseattn.cells.sidecar import check_pixel_size
from sparseattn.cells.tables import describe_samples, label_cells
from sparseattn.cells.worked_out import Given, columns_of, how_to_read, work_out
from sparseattn.errors import InputError, LayoutError, NoCellsError, WavelengthError
from sparseattn.events.settings import EventSettings
from sparseattn.phase.settings import PhaseSettings


def open_cells(
    path: str | Path,
    *,
    subfolders: Subfolders | None = None,
    layout: str | None = None,
    labels_csv: str | Path | None = None,
    samples_csv: str | Path | None = None,
    class_name: str | None = None,
    columns: Mapping[str, str] | None = None,
    channel_names: Sequence[str] | Mapping[str, str] | None = None,
    modality: Modality | None = None,
    dataset: str | None = None,
    file_names: str | None = None,
    tile: Sequence[int] | None = None,
    pixel_size_um: float | None = None,
    phase: PhaseSettings | Mapping[str, Any] | None = None,
    events: EventSettings | Mapping[str, Any] | None = None,
    strict: bool = False,
) -> CellSet:
    """Open the cells of a folder or file, without reading their pixels.

    Parameters
    ----------
    path
        A folder of images, a folder of class or sample folders, an image, a TIFF stack, an array (.npy, .npz,
        .mat), an HDF5 file, a Zarr store, a microscope's file (.nd2, .czi, .lif) or an event-camera
        recording. Names that begin with ``_`` or ``.`` are passed over; links that leave the folder are not
        followed.
    subfolders
        What subfolders with images are: "classes" or "samples". Must be said where there are any.
    layout
        Which axis is which in TIFF files and arrays: "YX", "YXC", "CYX", "NYX", "NCYX", "NYXC" or "YXN", N
        counting cells. Without it the file's metadata says, else the shape where it can be read in one way
        only. In a folder, a TIFF of up to 16 pages without metadata is one cell of so many channels.
    labels_csv
        Table with columns ``id`` and ``class``; see `sparseattn.cells.tables`.
    samples_csv
        Table with a column ``id`` or ``sample`` and any others; see `sparseattn.cells.tables`.
    class_name
        The class of every cell of this source.
    columns
        Sample columns that hold one value for the whole source, such as ``{"sample": "day 2"}``; they win
        over those of folders and tables.
    channel_names
        One name a channel, or new names by old ones (``{"Ch4": "brightfield"}``; the others keep theirs). Win
        over those that are remembered and those of the file.
    modality
        The kind of instrument; else as remembered, else as the file says: 8-bit RGB is "brightfield",
        holograms and phase are "phase", recordings are "events"; else "unknown".
    dataset
        Which image of a file or store that holds several: the name of a dataset (HDF5, MATLAB) or of an array
        (.npz), the name or number of a series, or a well and field of a plate ("A/1/0").
    file_names
        How the files of a folder are named where each holds one channel of a cell, such as
        ``"{cell}_{channel}"``; names like ``12_Ch1.ome.tif`` are known without it.
    tile
        (H, W) of a cell where images are montages, cells side by side in a grid.
    pixel_size_um
        Side of a pixel in micrometres, in the sample; else what is remembered or the file says.
    phase
        How recorded phase becomes optical path difference in nm: a `sparseattn.phase.PhaseSettings`, or a
        mapping of some of its attributes; what it leaves out is as remembered. Given, images of any
        kind of file are taken for phase; files that say that they are phase always become path differences.
    events
        What becomes of the events of recordings: a `sparseattn.events.EventSettings`, or a mapping of some of
        its attributes; what it leaves out is as remembered.
    strict
        Raise on the first file that cannot be used, instead of leaving it out.

    Returns
    -------
    CellSet
        In the sorted order of the paths. What was left out stands in its `skipped`.

    Raises
    ------
    InputError
        When the path, a table or the sidecar cannot be used, no cell is left, or images do not go together.
    WavelengthError
        When a file holds phase and nobody says the wavelength of the light.
    LayoutError
        When the shape of the one file fits several orders of its axes.

    Notes
    -----
    A file ``cells.json`` in the source folder, or in the one above it, may say
    ``{"modality": "flow", "layout": "NCYX", "channels": {"Ch4": "brightfield"}, "pixel_size_um": 0.5}``, of
    phase ``{"phase": {"wavelength_nm": 550}}``, and of single files ``{"files": {"a.tif": {...}}}``;
    `sparseattn.cells.remember` writes it, or the user's own settings, which are read as well.
    """
    path = Path(path).expanduser()
    _check_arguments(subfolders, layout, labels_csv, class_name, modality)
    check_pixel_size(pixel_size_um)
    try:
        folder = stat.S_ISDIR(path.stat().st_mode) and not is_zarr(path)
    except OSError as error:
        raise InputError(
            f"{shown(path)} cannot be opened ({error.strerror}); give a folder of images or a stack."
        ) from None
    given = Given(layout, channel_names, modality, pixel_size_um, phase, events)
    remembered = read_remembered(path)
    how = HowToRead(dataset=dataset, tile=checked_tile(tile), one_cell=folder)
    how = how_to_read(path, how, given, remembered)  # what makes no sense is no fault of a file
    listed, skipped = list_sources(path, folder, subfolders)
    if folder:
        listed, apart = files_together(listed, file_names)
        skipped += apart
    files, parts, unusable = read_headers(
        listed, lambda file: how_to_read(file, how, given, remembered), strict
    )
    skipped += unusable
    if not files:
        first = skipped[0]
        if first.origin == str(path):  # it is one file, and named but once
            raise NoCellsError(f"{shown(path)} cannot be used: {first.reason}.")
        raise NoCellsError(
            f"No cell of {shown(path)} can be used; the first: {first.origin}: {first.reason}."
        )
    check_alike(files)
    counts = [1 if file.cells is None else file.cells for file in files]
    names = [part for part, count in zip(parts, counts, strict=True) for _ in range(count)]
    in_folders = any(name is not None for name in names)
    labels = [label for file, n in zip(files, counts, strict=True) for label in file.labels or (None,) * n]
    if class_name is not None:
        labels = [class_name] * len(names)
    elif in_folders and subfolders == "classes":
        labels = names
    found = work_out(files, given, remembered, path)
    file_columns = columns_of(files, counts)
    if in_folders and subfolders == "samples":
        file_columns["sample"] = tuple(names)
    cells = CellSet.from_files(
        found.files,
        channels=found.channels,
        modality=found.modality,
        labels=labels,
        columns=file_columns,
        skipped=skipped,
        unit=found.unit,
        phase=common_settings(files),
        events=files[0].events or (remembered.of_file(path).events if found.modality == "events" else None),
        file_channels=found.file_channels,
        known=found.known,
    )
    if labels_csv is not None:
        cells = label_cells(cells, path, labels_csv)
    if samples_csv is not None:
        cells = describe_samples(cells, path, samples_csv)
    if columns:
        cells = cells.with_columns({str(name): (str(value),) * len(cells) for name, value in columns.items()})
    return cells


def open_field(
    path: str | Path,
    *,
    layout: str | None = None,
    channel_names: Sequence[str] | Mapping[str, str] | None = None,
    modality: Modality | None = None,
    dataset: str | None = None,
    pixel_size_um: float | None = None,
    phase: PhaseSettings | Mapping[str, Any] | None = None,
) -> Field:
    """Open an image of many cells, or their instance label image, without reading its pixels.

    Parameters
    ----------
    path
        An image, a TIFF, an array (.npy, .npz, .mat), an HDF5 file, a Zarr store or a microscope's file
        (.nd2, .czi, .lif); times and depths become planes.
    layout
        As for `open_cells`; N counts planes.
    channel_names, modality, dataset, pixel_size_um, phase
        As for `open_cells`.

    Raises
    ------
    InputError
        When the file cannot be used.
    """
    path = Path(path).expanduser()
    _check_arguments(None, layout, None, None, modality)
    check_pixel_size(pixel_size_um)
    if not path.exists():
        raise InputError(f"There is no file {shown(path)}; give an image of many cells.")
    if path.is_dir() and not is_zarr(path):
        raise InputError(f"{shown(path)} is a folder; give one image of many cells.")
    given = Given(layout, channel_names, modality, pixel_size_um, phase)
    remembered = read_remembered(path)
    how = how_to_read(path, HowToRead(dataset=dataset), given, remembered)
    listed, _ = list_sources(path, False, None)
    try:
        files = describe_file(listed[0], how)
        if len(files) != 1:
            raise ValueError("it holds images of different sizes; save each as a file")
        file = files[0]
        if min(file.shape) < SMALLEST_SIDE or file.cells == 0 or file.dtype.kind not in "buif":
            raise ValueError(f"it holds no image: {file.cells} planes of {file.shape}, {file.dtype}")
    except WavelengthError as error:
        raise WavelengthError(f"{shown(path)} cannot be used: {error}.") from None
    except LayoutError as error:
        raise LayoutError(f"{shown(path)} cannot be used: {error}.", error.shape) from None
    except Exception as error:  # decoders raise whatever a broken header makes them trip over
        reason = reason_of(error)
        raise InputError(f"{shown(path)} cannot be used: {reason}.") from None
    found = work_out(files, given, remembered, path)
    file = found.files[0]
    return Field(
        name=path.name,
        channels=found.channels,
        modality=found.modality,
        planes=1 if file.cells is None else file.cells,
        shape=file.shape,
        dtype=file.dtype,
        _source=file.source,
        unit=found.unit,
        pixel_size_um=file.pixel_size_um,
        phase=common_settings(files),
        file_channels=found.file_channels,
        axes=file.axes,
        known=found.known,
    )


def _check_arguments(
    subfolders: str | None,
    layout: str | None,
    labels_csv: str | Path | None,
    class_name: str | None,
    modality: str | None,
) -> None:
    if subfolders not in (None, *get_args(Subfolders)):
        raise InputError(f"Subfolders are {' or '.join(get_args(Subfolders))}, not {subfolders!r}.")
    if layout is not None and layout not in LAYOUTS:
        raise InputError(f"Layout {layout!r} is not known; use one of {', '.join(LAYOUTS)}.")
    check_modality(modality)
    if class_name is not None and labels_csv is not None:
        raise InputError("A class for the whole source and a labels table exclude each other; give one.")
    if class_name is not None and subfolders == "classes":
        raise InputError("A class for the whole source and class folders exclude each other; give one.")
    if class_name is not None and not class_name.strip():
        raise InputError("The class name is empty; give the class of the cells.")
