"""Event-camera recordings: each is one cell, or is searched for the cells that pass through its field."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparseattn.cells.cell_file import CellFile
from sparseattn.cells.readers.kept_passages import passages_of
from sparseattn.events.files import ALWAYS, is_recording, open_recording
from sparseattn.events.formats import nmnist
from sparseattn.events.passages import Passages
from sparseattn.events.recording import Recording
from sparseattn.events.representations import image_of
from sparseattn.events.settings import EventSettings

__all__ = ["ALWAYS", "is_recording", "open_recording_cells"]

_MOST_EVENTS = 1 << 24
"""Of one cell; what is longer is a recording of many."""


@dataclass(frozen=True)
class _OneCell:
    """A recording that is one cell."""

    path: Path
    size: tuple[int, int]
    settings: EventSettings

    def read(self, row: int) -> npt.NDArray[Any]:
        parts, count = [], 0
        for events in open_recording(self.path).packets():
            parts.append(events)
            count += len(events)
            if count > _MOST_EVENTS:
                raise ValueError(f"it has more than {_MOST_EVENTS:,} events, too many for one cell")
        if not parts:
            raise ValueError("it holds no events")
        events = np.concatenate(parts)
        events = events[np.argsort(events["t"], kind="stable")]
        return image_of(events, self.size, self.settings)


@dataclass(frozen=True)
class _Passing:
    """The cells that pass through the field of a recording."""

    path: Path
    settings: EventSettings
    changed: int

    def read(self, row: int) -> npt.NDArray[Any]:
        return self.passages().image(row)

    def name(self, row: int) -> str:
        return self.passages().name(row)

    def passages(self) -> Passages:
        """Return what was found; it is looked for again when others were read meanwhile."""
        if self.path.stat().st_mtime_ns != self.changed:
            raise OSError("it has changed since it was opened")
        return passages_of(self.path, self.changed, self.settings)


def open_recording_cells(path: Path, *, settings: EventSettings, one_cell: bool) -> list[CellFile]:
    """Describe the cells of a recording; to find cells that pass, all of it is read.

    Parameters
    ----------
    path
        A file of events.
    settings
        What is a cell, and what its image shows.
    one_cell
        Whether the file lies in a folder, so that it is one cell where the settings do not say.

    Raises
    ------
    ValueError, OSError
        With the reason why it holds no cells.
    """
    recording = open_recording(path)
    alone = one_cell or recording.path.suffix.lower() == nmnist.SUFFIX
    settings = replace(settings, recordings=settings.recordings or ("cells" if alone else "passages"))
    dtype = np.dtype(np.uint16 if settings.representation == "histogram" else np.float32)
    if settings.recordings == "cells":
        size = recording.size or recording.store().size
        return [
            CellFile(
                source=_OneCell(path, size, settings),
                cells=None,
                channels=len(settings.channels),
                shape=size,
                dtype=dtype,
                channel_names=settings.channels,
                modality="events",
                events=settings,
            )
        ]
    return [_passing_cells(recording, settings, dtype)]


def _passing_cells(recording: Recording, settings: EventSettings, dtype: np.dtype[Any]) -> CellFile:
    source = _Passing(recording.path, settings, recording.path.stat().st_mtime_ns)
    found = source.passages()
    if not len(found):
        raise ValueError(
            f"no cell of about {settings.diameter:g} pixels passes through it; give another diameter or time "
            f"slice, or say that the recording is one cell"
        )
    begun = found.store.start
    passages = found.passages
    columns = {
        "time_ms": tuple(round((p.middle_us - begun) / 1000, 3) for p in passages),
        "duration_ms": tuple(round((p.stop - p.start) / 1000, 3) for p in passages),
        "from_y": tuple(round(float(p.places[0, 0]), 1) for p in passages),
        "from_x": tuple(round(float(p.places[0, 1]), 1) for p in passages),
        "to_y": tuple(round(float(p.places[-1, 0]), 1) for p in passages),
        "to_x": tuple(round(float(p.places[-1, 1]), 1) for p in passages),
        "path_px": tuple(round(p.length, 1) for p in passages),
        "speed_px_per_ms": tuple(round(p.speed, 3) for p in passages),
        "events": tuple(p.events for p in passages),
    }
    return CellFile(
        source=source,
        cells=len(found),
        channels=len(settings.channels),
        shape=(settings.side, settings.side),
        dtype=dtype,
        channel_names=settings.channels,
        name_of=source.name,
        columns=columns,
        modality="events",
        events=settings,
    )
