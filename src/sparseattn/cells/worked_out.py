"""What a source is, by those who say it: the caller, ``cells.json``, the files, and else a guess."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sparseattn.cells.cell_file import CellFile
from sparseattn.cells.channels import check_channels
from sparseattn.cells.columns import joined
from sparseattn.cells.modality import Modality
from sparseattn.cells.origin import shown
from sparseattn.cells.readers import pictures
from sparseattn.cells.readers.phase.recorded import CHANNEL, UNIT
from sparseattn.cells.sidecar import Sidecar
from sparseattn.errors import InputError
from sparseattn.events.settings import EventSettings
from sparseattn.phase.settings import PhaseSettings

_OPD_CHANNELS = (CHANNEL, "opd")
"""Channels of these names hold nanometres where nobody says otherwise."""


def channels_of(
    files: Sequence[CellFile], given: Sequence[str] | None, sidecar: Sidecar, path: Path
) -> tuple[str, ...]:
    """Return the names of the channels."""
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


def modality_of(files: Sequence[CellFile], given: Modality | None, sidecar: Sidecar) -> Modality:
    """Return the kind of instrument."""
    said = {file.modality for file in files}
    rgb = all(file.channel_names == pictures.RGB_NAMES and file.dtype == "uint8" for file in files)
    by_file = said.pop() if len(said) == 1 else None
    return given or sidecar.modality or by_file or ("brightfield" if rgb else "unknown")


def phase_settings(given: PhaseSettings | Mapping[str, Any] | None, sidecar: Sidecar) -> PhaseSettings | None:
    """Return what is said of phase; of a mapping what it leaves out is as the sidecar says."""
    if given is None or isinstance(given, PhaseSettings):
        return given or sidecar.phase
    said = {} if sidecar.phase is None else sidecar.phase.to_json()
    return PhaseSettings.from_json({**said, **given})


def event_settings(given: EventSettings | Mapping[str, Any] | None, sidecar: Sidecar) -> EventSettings:
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


def unit_of(files: Sequence[CellFile], channels: Sequence[str], modality: Modality) -> str | None:
    """Return the unit of the pixels' values."""
    if modality == "phase" and len(channels) == 1 and channels[0].casefold() in _OPD_CHANNELS:
        return UNIT
    units = {file.unit for file in files}
    return units.pop() if len(units) == 1 else None


def pixel_size_of(files: Sequence[CellFile], given: float | None, sidecar: Sidecar) -> float | None:
    """Return the side of a pixel in micrometres."""
    sizes = {file.pixel_size_um for file in files}
    return given or sidecar.pixel_size_um or (sizes.pop() if len(sizes) == 1 else None)
