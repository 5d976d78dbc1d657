"""``cells.json``: what a source folder says about all its cells."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from sparseattn.cells.modality import MODALITIES, Modality
from sparseattn.cells.origin import shown
from sparseattn.errors import InputError
from sparseattn.events.settings import EventSettings
from sparseattn.phase.settings import PhaseSettings

NAME = "cells.json"

PIXEL_SIZES_UM = (0.001, 1000.0)

_LARGEST = 1 << 20


@dataclass(frozen=True)
class Sidecar:
    """What it says; None where it says nothing."""

    path: Path | None = None
    modality: Modality | None = None
    channels: tuple[str, ...] | None = None
    pixel_size_um: float | None = None
    phase: PhaseSettings | None = None
    events: EventSettings | None = None


def read_sidecar(source: Path) -> Sidecar:
    """Read the sidecar in a source folder or in the folder above, if there is one.

    Raises
    ------
    InputError
        When it is not JSON or says what cannot be.
    """
    places = [source, source.absolute().parent] if source.is_dir() else [source.absolute().parent]
    path = next((place / NAME for place in places if (place / NAME).is_file()), None)
    if path is None:
        return Sidecar()
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"{shown(path)} is too large for a description of cells; is it another file?")
        said = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputError(
            f"{shown(path)} cannot be read as JSON ({shown(error)}); mend or remove it."
        ) from None
    if not isinstance(said, dict):
        raise InputError(f'{shown(path)} must hold one JSON object, such as {{"modality": "phase"}}.')
    modality = said.get("modality")
    if modality is not None and modality not in MODALITIES:
        raise InputError(f"{shown(path)}: modality {modality!r} is not one of {', '.join(MODALITIES)}.")
    channels = said.get("channels")
    if channels is not None:
        if not isinstance(channels, list) or not all(isinstance(name, str) and name for name in channels):
            raise InputError(f"{shown(path)}: channels must be a list of names, not {channels!r:.80}.")
        channels = tuple(channels)
    try:
        check_pixel_size(said.get("pixel_size_um"))
        phase = None if said.get("phase") is None else PhaseSettings.from_json(dict(said["phase"]))
        events = None if said.get("events") is None else EventSettings.from_json(said["events"])
    except (TypeError, ValueError) as error:
        raise InputError(f"{shown(path)}: {shown(error)}") from None
    return Sidecar(path, cast(Modality | None, modality), channels, said.get("pixel_size_um"), phase, events)


def check_pixel_size(pixel_size_um: object) -> None:
    """Raise InputError unless it is None or the side of a pixel in micrometres."""
    if pixel_size_um is None:
        return
    number = isinstance(pixel_size_um, int | float) and not isinstance(pixel_size_um, bool)
    low, high = PIXEL_SIZES_UM
    if not (number and low <= float(str(pixel_size_um)) <= high):
        raise InputError(f"The pixel size is {pixel_size_um!r}; give {low:g} to {high:g}, in micrometres.")
