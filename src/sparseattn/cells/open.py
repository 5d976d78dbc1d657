"""One door for all that comes in: `open_cells` picks the reader and puts the set together."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from sparseattn.cells.cellset import (
    CellFile,
    CellSet,
    Modality,
    Skipped,
    check_channels,
    shown,
)
from sparseattn.cells.columns import joined
from sparseattn.cells.field import Field, check_modality, default_modality
from sparseattn.cells.readers import (
    arrays,
    hdf5,
    matlab,
    microscopy,
    pictures,
    recordings,
    tiff,
    zarr_store,
)
from sparseattn.cells.readers.cytometry import amnis, rtdc
from sparseattn.cells.readers.cytometry.channel_files import files_together, join_channels
from sparseattn.cells.readers.cytometry.montage import as_tiles, checked_tile
from sparseattn.cells.readers.folders import Listed, Subfolders, list_folder
from sparseattn.cells.readers.how import HowToRead
from sparseattn.cells.readers.layouts import LAYOUTS
from sparseattn.cells.readers.phase.recorded import CHANNEL, UNIT, as_path_difference, common_settings
from sparseattn.cells.readers.zarr_store import is_zarr
from sparseattn.cells.sidecar import Sidecar, check_pixel_size, read_sidecar
from sparseattn.cells.tables import describe_samples, label_cells
from sparseattn.errors import InputError, NoCellsError, WavelengthError
from sparseattn.events.settings import EventSettings
from sparseattn.phase.settings import PhaseSettings

SMALLEST_SIDE, LARGEST_SIDE = 2, 4096
"""Limits on the height and width of one cell, in pixels; larger images are fields of many cells."""

MOST_CHANNELS = 64

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

_OPD_CHANNELS = (CHANNEL, "opd")
"""Channels of these names hold nanometres where nobody says otherwise."""


def open_cells(
    path: str | Path,
    *,
    subfolders: Subfolders | None = None,
    layout: str | None = None,
    labels_csv: str | Path | None = None,
    samples_csv: str | Path | None = None,
    class_name: str | None = None,
    columns: Mapping[str, str] | None = None,
    channel_names: Sequence[str] | None = None,
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
        One name a channel; wins over those of the sidecar and the file.
    modality
        The kind of instrument; else the sidecar says, else the file: 8-bit RGB is "brightfield", holograms
        and phase are "phase", recordings are "events"; else "unknown".
    dataset
        Which image of a file or store that holds several: the name of a dataset (HDF5, MATLAB) or of an array
        (.npz), the name or number of a series, or a well and field of a plate ("A/1/0").
    file_names
        How the files of a folder are named where each holds one channel of a cell, such as
        ``"{cell}_{channel}"``; names like ``12_Ch1.ome.tif`` are known without it.
    tile
        (H, W) of a cell where images are montages, cells side by side in a grid.
    pixel_size_um
        Side of a pixel in micrometres, in the sample; else the sidecar or the file says.
    phase
        How recorded phase becomes optical path difference in nm: a `sparseattn.phase.PhaseSettings`, or a
        mapping of some of its attributes; what it leaves out is as the sidecar says. Given, images of any
        kind of file are taken for phase; files that say that they are phase always become path differences.
    events
        What becomes of the events of recordings: a `sparseattn.events.EventSettings`, or a mapping of some of
        its attributes; what it leaves out is as the sidecar says.
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

    Notes
    -----
    A file ``cells.json`` in the source folder, or in the one above it, may say
    ``{"modality": "phase", "channels": ["optical path difference"], "pixel_size_um": 0.2}``, and of phase
    ``{"phase": {"wavelength_nm": 550, "background": "tilt"}}``.
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
    sidecar = read_sidecar(path)
    how = HowToRead(
        layout,
        dataset,
        checked_tile(tile),
        _phase_settings(phase, sidecar),
        _event_settings(events, sidecar),
        one_cell=folder,
    )
    listed, skipped = _list(path, folder, subfolders)
    if folder:
        listed, apart = files_together(listed, file_names)
        skipped += apart
    files, parts, unusable = _read_headers(listed, how, strict)
    skipped += unusable
    if not files:
        first = skipped[0]
        raise NoCellsError(
            f"No cell of {shown(path)} can be used; the first: {first.origin}: {first.reason}."
        )
    _check_alike(files)
    counts = [1 if file.cells is None else file.cells for file in files]
    names = [part for part, count in zip(parts, counts, strict=True) for _ in range(count)]
    in_folders = any(name is not None for name in names)
    labels = [label for file, n in zip(files, counts, strict=True) for label in file.labels or (None,) * n]
    if class_name is not None:
        labels = [class_name] * len(names)
    elif in_folders and subfolders == "classes":
        labels = names
    channels = _channels(files, channel_names, sidecar, path)
    kind = _modality(files, modality, sidecar)
    file_columns = _columns(files, counts)
    if in_folders and subfolders == "samples":
        file_columns["sample"] = tuple(names)
    cells = CellSet.from_files(
        files,
        channels=channels,
        modality=kind,
        labels=labels,
        columns=file_columns,
        skipped=skipped,
        unit=_unit(files, channels, kind),
        pixel_size_um=_pixel_size(files, pixel_size_um, sidecar),
        phase=common_settings(files),
        events=files[0].events or (sidecar.events if kind == "events" else None),
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
    channel_names: Sequence[str] | None = None,
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
    sidecar = read_sidecar(path)
    how = HowToRead(layout, dataset, phase=_phase_settings(phase, sidecar))
    listed, _ = _list(path, False, None)
    try:
        files = _describe(listed[0], how)
        if len(files) != 1:
            raise ValueError("it holds images of different sizes; save each as a file")
        file = files[0]
        if min(file.shape) < SMALLEST_SIDE or file.cells == 0 or file.dtype.kind not in "buif":
            raise ValueError(f"it holds no image: {file.cells} planes of {file.shape}, {file.dtype}")
    except WavelengthError as error:
        raise WavelengthError(f"{shown(path)} cannot be used: {error}.") from None
    except Exception as error:  # decoders raise whatever a broken header makes them trip over
        reason = shown(error) or type(error).__name__
        raise InputError(f"{shown(path)} cannot be used: {reason}.") from None
    channels = _channels(files, channel_names, sidecar, path)
    kind = modality or sidecar.modality or file.modality or default_modality(channels, file.dtype)
    return Field(
        name=path.name,
        channels=channels,
        modality=kind,
        planes=1 if file.cells is None else file.cells,
        shape=file.shape,
        dtype=file.dtype,
        _source=file.source,
        unit=_unit(files, channels, kind),
        pixel_size_um=_pixel_size(files, pixel_size_um, sidecar),
        phase=common_settings(files),
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


def _list(path: Path, folder: bool, subfolders: Subfolders | None) -> tuple[list[Listed], list[Skipped]]:
    if folder:
        return list_folder(path, _is_source, subfolders)
    if not _is_source(path):
        kinds = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES))
        raise InputError(f"{shown(path)} is of no known kind; give a folder or a file of {kinds}.")
    return [Listed(path, None)], []


def _is_source(path: Path) -> bool:
    if path.is_dir():
        return is_zarr(path)
    return path.is_file() and (path.suffix.lower() in SUFFIXES or recordings.is_recording(path))


def _read_headers(
    listed: Sequence[Listed], how: HowToRead, strict: bool
) -> tuple[list[CellFile], list[str | None], list[Skipped]]:
    """Describe each file, or say why it is left out; beside each description the subfolder of the file."""
    files: list[CellFile] = []
    parts: list[str | None] = []
    skipped: list[Skipped] = []
    for item in listed:
        try:
            described = _describe(item, how)
            for file in described:
                _check_size(file)
        except WavelengthError as error:  # no fault of this file alone
            raise WavelengthError(f"{shown(item.path)} cannot be used: {error}.") from None
        except Exception as error:  # decoders raise whatever a broken header makes them trip over
            reason = shown(error) or type(error).__name__
            if strict:
                raise InputError(f"{shown(item.path)} cannot be used: {reason}.") from None
            skipped.append(Skipped(shown(item.path), reason))
        else:
            files += described
            parts += [item.subfolder] * len(described)
    return files, parts, skipped


def _describe(item: Listed, how: HowToRead) -> list[CellFile]:
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
    settings = how.phase or PhaseSettings()
    empty = None
    if settings.reference is not None:
        reference = Path(settings.reference).expanduser()
        try:
            empty = _as_recorded(reference, how)[0]
        except Exception as error:  # decoders raise whatever a broken header makes them trip over
            reason = shown(error) or type(error).__name__
            raise ValueError(f"its reference {shown(reference)} cannot be used: {reason}") from None
    return [as_path_difference(file, settings, empty) for file in files]


def _as_recorded(path: Path, how: HowToRead) -> list[CellFile]:
    suffix = path.suffix.lower()
    if how.layout is None and recordings.is_recording(path):
        return recordings.open_recording_cells(path, settings=how.events, one_cell=how.one_cell)
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
    if file.dtype.kind not in "buif":
        raise ValueError(f"its pixels are of type {file.dtype}; give real numbers")


def _check_alike(files: Sequence[CellFile]) -> None:
    """Raise InputError when images differ in their channels, or in the scale of their values."""
    first = files[0]
    for file in files[1:]:
        if file.channels != first.channels:
            raise InputError(
                f"The images have different numbers of channels: {shown(first.source.path)} has "
                f"{first.channels} and {shown(file.source.path)} has {file.channels}; convert them to one "
                f"form, open them apart, or say by layout=NYX that the pages of a TIFF are cells."
            )
        if _scale(file) != _scale(first):
            raise InputError(
                f"The images have different types of number: {shown(first.source.path)} is {first.dtype} and "
                f"{shown(file.source.path)} is {file.dtype}, so that their values are not on one scale; "
                f"convert them to one type, or open them apart."
            )


def _scale(file: CellFile) -> str:
    return "float" if file.dtype.kind == "f" else "uint8" if file.dtype.kind == "b" else file.dtype.name


def _channels(
    files: Sequence[CellFile], given: Sequence[str] | None, sidecar: Sidecar, path: Path
) -> tuple[str, ...]:
    count = files[0].channels
    if given is not None:
        check_channels(given, count, path)
        return tuple(given)
    if sidecar.channels is not None:
        check_channels(sidecar.channels, count, f"{path} (as {sidecar.path} names them)")
        return sidecar.channels
    named = [file for file in files if file.channel_names is not None]
    for file in named[1:]:
        if file.channel_names != named[0].channel_names:
            raise InputError(
                f"The images name their channels differently: {shown(named[0].source.path)} has "
                f"{named[0].channel_names} and {shown(file.source.path)} has {file.channel_names}; open them "
                f"apart, or give the channel names."
            )
    if named and named[0].channel_names is not None:
        return named[0].channel_names
    return ("intensity",) if count == 1 else tuple(f"channel {i}" for i in range(count))


def _modality(files: Sequence[CellFile], given: Modality | None, sidecar: Sidecar) -> Modality:
    said = {file.modality for file in files}
    rgb = all(file.channel_names == pictures.RGB_NAMES and file.dtype == "uint8" for file in files)
    by_file = said.pop() if len(said) == 1 else None
    return given or sidecar.modality or by_file or ("brightfield" if rgb else "unknown")


def _phase_settings(
    given: PhaseSettings | Mapping[str, Any] | None, sidecar: Sidecar
) -> PhaseSettings | None:
    """Return what is said of phase; of a mapping what it leaves out is as the sidecar says."""
    if given is None or isinstance(given, PhaseSettings):
        return given or sidecar.phase
    said = {} if sidecar.phase is None else sidecar.phase.to_json()
    return PhaseSettings.from_json({**said, **given})


def _event_settings(given: EventSettings | Mapping[str, Any] | None, sidecar: Sidecar) -> EventSettings:
    """Return what becomes of events; of a mapping what it leaves out is as the sidecar says."""
    said = sidecar.events or EventSettings()
    if given is None or isinstance(given, EventSettings):
        return given or said
    return EventSettings.from_json({**said.to_json(), **given})


def _columns(files: Sequence[CellFile], counts: Sequence[int]) -> dict[str, Sequence[Any]]:
    """Return what the files say of each cell, one column for all files."""
    if len(files) == 1:
        return dict(files[0].columns or {})
    names = dict.fromkeys(name for file in files for name in file.columns or ())
    return {
        name: joined([((file.columns or {}).get(name), n) for file, n in zip(files, counts, strict=True)])
        for name in names
    }


def _unit(files: Sequence[CellFile], channels: Sequence[str], modality: Modality) -> str | None:
    if modality == "phase" and len(channels) == 1 and channels[0].casefold() in _OPD_CHANNELS:
        return UNIT
    units = {file.unit for file in files}
    return units.pop() if len(units) == 1 else None


def _pixel_size(files: Sequence[CellFile], given: float | None, sidecar: Sidecar) -> float | None:
    sizes = {file.pixel_size_um for file in files}
    return given or sidecar.pixel_size_um or (sizes.pop() if len(sizes) == 1 else None)
