"""What a source is, by those who say it: the caller, ``cells.json``, the files, and else a guess."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sparseattn.cells.cell_file import CellFile
from sparseattn.cells.channels import check_channels, placeholder_names, renamed
from sparseattn.cells.columns import joined
from sparseattn.cells.facts import Known
from sparseattn.cells.modality import Modality
from sparseattn.cells.origin import shown
from sparseattn.cells.readers import pictures
from sparseattn.cells.readers.how import HowToRead
from sparseattn.cells.readers.phase.recorded import CHANNEL, UNIT
from sparseattn.cells.remembered import Remembered
from sparseattn.cells.sidecar import Sidecar
from sparseattn.errors import InputError
from sparseattn.events.settings import EventSettings
from sparseattn.phase.settings import PhaseSettings

_OPD_CHANNELS = (CHANNEL, "opd")
"""Channels of these names hold nanometres where nobody says otherwise."""


@dataclass(frozen=True)
class Given:
    """What the caller of `sparseattn.cells.open_cells` says that a source is; None: nothing."""

    layout: str | None = None
    channel_names: Sequence[str] | Mapping[str, str] | None = None
    modality: Modality | None = None
    pixel_size_um: float | None = None
    phase: PhaseSettings | Mapping[str, Any] | None = None
    events: EventSettings | Mapping[str, Any] | None = None


@dataclass(frozen=True)
class WorkedOut:
    """What the files of a source are.

    Attributes
    ----------
    files
        Each with the size of its pixels.
    channels, file_channels, modality, unit, known
        As in a `CellSet`.
    """

    files: tuple[CellFile, ...]
    channels: tuple[str, ...]
    file_channels: tuple[str, ...]
    modality: Modality
    unit: str | None
    known: dict[str, Known]


def how_to_read(path: Path, how: HowToRead, given: Given, remembered: Remembered) -> HowToRead:
    """Return how one file is to be read; what the caller does not say is as remembered."""
    said = remembered.of_file(path)
    return replace(
        how,
        layout=given.layout or said.layout,
        phase=_phase_settings(given.phase, said),
        events=_event_settings(given.events, said),
    )


def work_out(files: Sequence[CellFile], given: Given, remembered: Remembered, path: Path) -> WorkedOut:
    """Decide what the files of a source are: the caller wins, then what is remembered, then the files.

    Raises
    ------
    InputError
        When names of channels do not fit or differ, or the files are of several modalities.
    """
    said = [remembered.of_file(file.source.path) for file in files]
    first = said[0].known
    known: dict[str, Known] = {}
    channels, file_channels, known["channels"] = _channels(files, given.channel_names, said, path)
    modality, known["modality"] = _modality(files, given.modality, said)
    sized = tuple(
        _with_pixel_size(file, given.pixel_size_um or one.pixel_size_um)
        for file, one in zip(files, said, strict=True)
    )
    if given.pixel_size_um is not None:
        known["pixel_size_um"] = Known("caller")
    elif any(file.pixel_size_um is not None for file in sized):
        known["pixel_size_um"] = first.get("pixel_size_um") or Known("file")
    axes = files[0].axes
    if axes is not None:
        by_name = Known("caller") if given.layout is not None else first.get("layout", Known("caller"))
        known["layout"] = {"file": Known("file"), "shape": Known("guess"), "layout": by_name}[axes.known_by]
    for part, settings in (("phase", given.phase), ("events", given.events)):
        known |= {name: by for name, by in first.items() if name.startswith(f"{part}.")}
        said_now = settings if isinstance(settings, Mapping) else {} if settings is None else vars(settings)
        known |= {f"{part}.{name}": Known("caller") for name, value in said_now.items() if value is not None}
    unit = _unit(files, channels, modality)
    known["unit"] = Known("file" if unit == files[0].unit else "guess")
    return WorkedOut(sized, channels, file_channels, modality, unit, known)


def _with_pixel_size(file: CellFile, pixel_size_um: float | None) -> CellFile:
    if pixel_size_um is None or pixel_size_um == file.pixel_size_um:
        return file
    return replace(file, pixel_size_um=pixel_size_um)


def _channels(
    files: Sequence[CellFile],
    given: Sequence[str] | Mapping[str, str] | None,
    said: Sequence[Sidecar],
    path: Path,
) -> tuple[tuple[str, ...], tuple[str, ...], Known]:
    """Return the names of the channels, those of the files, and from whom they are known."""
    count = files[0].channels
    in_files = [file.channel_names for file in files if file.channel_names is not None]
    file_names = in_files[0] if in_files else placeholder_names(count)
    if given is not None and not isinstance(given, Mapping):
        check_channels(given, count, path)
        return tuple(given), file_names, Known("caller")
    named: list[tuple[tuple[str, ...], CellFile, Sidecar]] = []
    for file, one in zip(files, said, strict=True):
        names = _said_names(file, one, path)
        if names is None:
            continue
        if named and names != named[0][0]:
            raise InputError(
                f"The images name their channels differently: {shown(named[0][1].source.path)} has "
                f"{named[0][0]} and {shown(file.source.path)} has {names}; open them "
                f"apart, or give the channel names."
            )
        if not named:
            named.append((names, file, one))
    names, known = file_names, Known("guess")
    if named:
        names, file, one = named[0]
        known = Known("file") if names == file.channel_names else one.known["channels"]
        file_names = file.channel_names or placeholder_names(count)
    if given is None:
        return names, file_names, known
    return renamed(names, given, path, file_names), file_names, Known("caller")


def _said_names(file: CellFile, said: Sidecar, path: Path) -> tuple[str, ...] | None:
    """Return what the channels of a file are called; None where nobody names them."""
    if said.channels is None:
        return file.channel_names
    if not isinstance(said.channels, Mapping):
        check_channels(said.channels, file.channels, f"{path} (as {said.known['channels'].path} names them)")
        return said.channels
    own = file.channel_names or placeholder_names(file.channels)
    there = {name: to for name, to in said.channels.items() if name in own}  # a folder may hold other files
    return renamed(own, there, path) if there else file.channel_names


def _modality(
    files: Sequence[CellFile], given: Modality | None, said: Sequence[Sidecar]
) -> tuple[Modality, Known]:
    if given is not None:
        return given, Known("caller")
    by_name = {one.modality: one for one in said}
    if len(by_name) > 1:
        kinds = ", ".join(sorted(map(str, filter(None, by_name))))
        raise InputError(
            f"The files are said to be of different kinds ({kinds}); open them apart, or give the modality."
        )
    remembered = said[0].modality
    if remembered is not None:
        return remembered, said[0].known["modality"]
    in_files = {file.modality for file in files}
    by_file = in_files.pop() if len(in_files) == 1 else None
    if by_file is not None:
        return by_file, Known("file")
    if all(file.channel_names == pictures.RGB_NAMES and file.dtype == "uint8" for file in files):
        return "brightfield", Known("guess")
    return "unknown", Known("default")


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


def columns_of(files: Sequence[CellFile], counts: Sequence[int]) -> dict[str, Sequence[Any]]:
    """Return what the files say of each cell, one column for all files."""
    if len(files) == 1:
        return dict(files[0].columns or {})
    names = dict.fromkeys(name for file in files for name in file.columns or ())
    return {
        name: joined([((file.columns or {}).get(name), n) for file, n in zip(files, counts, strict=True)])
        for name in names
    }


def _unit(files: Sequence[CellFile], channels: Sequence[str], modality: Modality) -> str | None:
    """Return the unit of the pixels' values."""
    if modality == "phase" and len(channels) == 1 and channels[0].casefold() in _OPD_CHANNELS:
        return UNIT
    units = {file.unit for file in files}
    return units.pop() if len(units) == 1 else None
