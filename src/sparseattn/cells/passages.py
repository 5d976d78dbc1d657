"""The cells that pass through the field of a recording: where each was, and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sparseattn.cells.origin import shown
from sparseattn.cells.readers.how import HowToRead
from sparseattn.cells.readers.kept_passages import passages_of
from sparseattn.cells.remembered import read_remembered
from sparseattn.cells.worked_out import Given, how_to_read
from sparseattn.errors import InputError
from sparseattn.events.files import is_recording
from sparseattn.events.formats import nmnist
from sparseattn.events.passages import Passages
from sparseattn.events.settings import EventSettings


def holds_passages(path: str | Path, events: EventSettings | Mapping[str, Any] | None = None) -> bool:
    """Whether a file is a recording that, opened by itself, is searched for cells: not one cell.

    Raises
    ------
    InputError
        When the settings make no sense.
    """
    path = Path(path).expanduser()
    if not is_recording(path) or path.suffix.lower() == nmnist.SUFFIX:
        return False
    return _settings(path, events).recordings != "cells"


def open_passages(
    path: str | Path,
    events: EventSettings | Mapping[str, Any] | None = None,
    *,
    on_slice: Callable[[int, int], None] | None = None,
) -> Passages:
    """Find the cells that pass through a recording; `open_cells` of it then gives them in the same order.

    All of the recording is read. What was found of late is not looked for again.

    Parameters
    ----------
    path
        A recording of an event camera.
    events
        As for `open_cells`.
    on_slice
        Called with the number of time slices that are done, and of all; may raise to stop.

    Returns
    -------
    Passages
        None of them where no cell passes.

    Raises
    ------
    InputError
        When the recording cannot be read.
    """
    path = Path(path).expanduser()
    settings = _settings(path, events)
    try:
        return passages_of(path, path.stat().st_mtime_ns, settings, on_slice)
    except (ValueError, OSError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{shown(path)} cannot be used: {shown(error)}.") from None


def _settings(path: Path, events: EventSettings | Mapping[str, Any] | None) -> EventSettings:
    return how_to_read(path, HowToRead(), Given(events=events), read_remembered(path)).events
