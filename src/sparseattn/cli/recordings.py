"""Event-camera recordings on the command line: what is said of them, and what a model knows of them."""

from __future__ import annotations

import re
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sparseattn.errors import InputError

if TYPE_CHECKING:
    from sparseattn.events.settings import EventSettings

Representation = Literal["histogram", "time_surface", "voxel_grid"]
Meaning = Literal["cells", "passages"]


def events_of_model(path: Path) -> EventSettings | None:
    """Return the settings of events that a model was made with, without loading the model."""
    from sparseattn.events.settings import EventSettings
    from sparseattn.model_file import ModelFile

    preparation = ModelFile(path).card.get("preparation")
    said = preparation.get("events") if isinstance(preparation, dict) else None
    return None if said is None else EventSettings.from_json(said)


def describe_recording(path: Path) -> dict[str, Any] | None:
    """Return what is known of a recording when all of it has been read; None for other files."""
    from sparseattn.events.files import is_recording, open_recording

    if not is_recording(path):
        return None
    try:
        recording = open_recording(path)
        store = recording.store()
    except (ValueError, OSError) as error:
        raise InputError(f"{path} cannot be used: {error}.") from None
    return {
        "format": recording.kind,
        "height": store.size[0],
        "width": store.size[1],
        "events": store.count,
        "start_us": store.start,
        "stop_us": store.stop,
        "note": recording.note,
    }


def parse_window(text: str | None) -> dict[str, int | None]:
    """Return which events of a cell ``20ms``, ``500us``, ``3000`` or ``all`` leaves; nothing for None.

    Raises
    ------
    InputError
        If it is no such text.
    """
    if text is None:
        return {}
    match = re.fullmatch(r"(\d{1,12}(?:\.\d+)?)\s*(us|µs|ms|s|events)?|all", text.strip(), re.ASCII)
    if match is None or (match[1] and match[2] in (None, "events") and "." in match[1]):
        raise InputError(f"--event-window {text!r} is no time or count; give one such as 20ms, 500us or 3000")
    window: dict[str, int | None] = {"window_us": None, "window_events": None}
    if match[1]:
        factor = {"us": 1, "µs": 1, "ms": 1000, "s": 1_000_000}.get(match[2] or "")
        if factor is None:
            window["window_events"] = int(match[1])
        else:
            window["window_us"] = round(float(match[1]) * factor)
    return window


def parse_slice(milliseconds: float | None) -> int | None:
    """Return a slice of time in µs; None stays None.

    Raises
    ------
    InputError
        If it is no number.
    """
    if milliseconds is None:
        return None
    if not isfinite(milliseconds):
        raise InputError(f"--event-slice {milliseconds:g} is no time; give milliseconds, such as 2")
    return round(1000 * milliseconds)


def window_text(settings: EventSettings) -> str:
    """Return what `parse_window` reads as the window of these settings."""
    if settings.window_us is not None:
        return f"{settings.window_us}us"
    return "all" if settings.window_events is None else f"{settings.window_events}"
