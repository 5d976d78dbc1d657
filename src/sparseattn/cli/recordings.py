"""Event-camera recordings on the command line: the options that say what becomes of their events."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sparseattn.errors import InputError

if TYPE_CHECKING:
    from sparseattn.events.settings import EventSettings

Representation = Annotated[
    Literal["histogram", "time_surface", "voxel_grid"] | None,
    typer.Option(help="Of recordings: what becomes of a cell's events. [histogram]"),
]
Bins = Annotated[int | None, typer.Option(help="Of recordings: moments of the voxel grid, 2 to 16. [5]")]
Window = Annotated[
    str | None,
    typer.Option("--event-window", help="Of recordings: 20ms, 500us or 3000 (events) of a cell. [all]"),
]
Meaning = Annotated[
    Literal["cells", "passages"] | None,
    typer.Option(help="What recordings are: one cell each, or cells passing. [alone: passages]"),
]
Diameter = Annotated[
    float | None, typer.Option("--cell-diameter", help="Of recordings: of a passing cell, in pixels. [30]")
]
Slice = Annotated[
    float | None,
    typer.Option("--event-slice", help="Of recordings: ms in which a cell moves half its diameter. [2]"),
]


def event_settings(
    representation: Literal["histogram", "time_surface", "voxel_grid"] | None,
    bins: int | None,
    window: str | None,
    meaning: Literal["cells", "passages"] | None,
    diameter: float | None,
    slice_ms: float | None,
) -> EventSettings | None:
    """Return the settings that the options make; None where none of them is given.

    Raises
    ------
    InputError
        When one of them makes no sense.
    """
    given: dict[str, Any] = {
        "representation": representation,
        "bins": bins,
        "recordings": meaning,
        "diameter": diameter,
        "slice_us": None if slice_ms is None else round(1000 * slice_ms),
        **_window(window),
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    if not chosen:
        return None
    from sparseattn.events.settings import EventSettings

    return EventSettings(**chosen)


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


def _window(text: str | None) -> dict[str, int]:
    if text is None or text == "all":
        return {}
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(us|µs|ms|s|events)?", text.strip(), re.ASCII)
    if match is None or (match[2] in (None, "events") and "." in match[1]):
        raise InputError(f"--event-window {text!r} is no time or count; give one such as 20ms, 500us or 3000")
    factor = {"us": 1, "µs": 1, "ms": 1000, "s": 1_000_000}.get(match[2] or "")
    if factor is None:
        return {"window_events": int(match[1])}
    return {"window_us": round(float(match[1]) * factor)}
