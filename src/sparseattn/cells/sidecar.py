"""``cells.json``: what is said of the cells of a folder, or of one file in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from sparseattn.cells.facts import Known
from sparseattn.cells.modality import MODALITIES, Modality
from sparseattn.cells.origin import shown
from sparseattn.cells.readers.layouts import LAYOUTS
from sparseattn.errors import InputError
from sparseattn.events.settings import EventSettings
from sparseattn.phase.settings import PhaseSettings
from sparseattn.plain_json import parse_json

NAME = "cells.json"
FILES = "files"
"""The entry that holds what is said of single files, by their path in the folder."""

PIXEL_SIZES_UM = (0.001, 1000.0)

_LARGEST = 1 << 20


@dataclass(frozen=True)
class Sidecar:
    """What is said; None where nothing is.

    Attributes
    ----------
    modality, layout, pixel_size_um, phase, events
        As `sparseattn.cells.open_cells` takes them.
    channels
        A name a channel in the order of the pixels, or new names by the names that the file gives.
    known
        Who says each of these, by its name.
    """

    modality: Modality | None = None
    layout: str | None = None
    channels: tuple[str, ...] | Mapping[str, str] | None = None
    pixel_size_um: float | None = None
    phase: PhaseSettings | None = None
    events: EventSettings | None = None
    known: Mapping[str, Known] = field(default_factory=dict)


def read_document(path: Path) -> dict[str, Any]:
    """Return what a ``cells.json`` holds; nothing where there is none.

    Raises
    ------
    InputError
        When it is not JSON or says what cannot be.
    """
    if not os.path.isfile(path):  # not Path.is_file, which may raise where a folder cannot be read
        return {}
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"{shown(path)} is too large for a description of cells; is it another file?")
        said = parse_json(path.read_text(encoding="utf-8-sig"))
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise InputError(
            f"{shown(path)} cannot be read as JSON ({shown(error)}); mend or remove it."
        ) from None
    if not isinstance(said, dict):
        raise InputError(f'{shown(path)} must hold one JSON object, such as {{"modality": "phase"}}.')
    check_document(said, path)
    return said


def check_document(said: Mapping[str, Any], path: Path) -> None:
    """Raise InputError, which names the path, unless what it says can be.

    Entries that are not ours are passed over.
    """
    parse_sidecar(said, {}, path)
    files = said.get(FILES, {})
    if not isinstance(files, dict) or not all(isinstance(one, dict) for one in files.values()):
        raise InputError(f"{shown(path)}: {FILES} must hold an object a file, by the file's name.")
    for one in files.values():
        parse_sidecar(one, {}, path)


def parse_sidecar(said: Mapping[str, Any], known: Mapping[str, Known], path: Path) -> Sidecar:
    """Return what a JSON object says of cells.

    Raises
    ------
    InputError
        When it says what cannot be; names the path.
    """
    modality, layout = said.get("modality"), said.get("layout")
    if modality is not None and modality not in MODALITIES:
        raise InputError(f"{shown(path)}: modality {modality!r} is not one of {', '.join(MODALITIES)}.")
    if layout is not None and layout not in LAYOUTS:
        raise InputError(f"{shown(path)}: layout {layout!r} is not one of {', '.join(LAYOUTS)}.")
    try:
        check_pixel_size(said.get("pixel_size_um"))
        phase = None if said.get("phase") is None else PhaseSettings.from_json(dict(said["phase"]))
        events = None if said.get("events") is None else EventSettings.from_json(said["events"])
    except (TypeError, ValueError) as error:
        raise InputError(f"{shown(path)}: {shown(error)}") from None
    channels = _channels(said.get("channels"), path)
    return Sidecar(
        cast(Modality | None, modality), layout, channels, said.get("pixel_size_um"), phase, events, known
    )


def _channels(said: Any, path: Path) -> tuple[str, ...] | dict[str, str] | None:
    if said is None:
        return None
    names = [*said, *said.values()] if isinstance(said, dict) else said
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise InputError(
            f"{shown(path)}: channels must be a list of names, or new names by old ones, not {said!r:.80}."
        )
    return dict(said) if isinstance(said, dict) else tuple(said)


def check_pixel_size(pixel_size_um: object) -> None:
    """Raise InputError unless it is None or the side of a pixel in micrometres."""
    if pixel_size_um is None:
        return
    number = isinstance(pixel_size_um, int | float) and not isinstance(pixel_size_um, bool)
    low, high = PIXEL_SIZES_UM
    if not (number and low <= float(str(pixel_size_um)) <= high):
        raise InputError(f"The pixel size is {pixel_size_um!r}; give {low:g} to {high:g}, in micrometres.")
