"""``CellFile``: what the header of a file says of the cells in it, and where their pixels come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from sparseattn.cells.modality import Modality

if TYPE_CHECKING:
    from sparseattn.cells.readers.layouts import Axes
    from sparseattn.cells.readers.phase.recorded import RecordedPhase
    from sparseattn.events.settings import EventSettings


class Source(Protocol):
    """One open-able file: gives the pixels of its cells one at a time, from any thread."""

    @property
    def path(self) -> Path:
        """The file, or the Zarr store."""

    def read(self, row: int) -> npt.NDArray[Any]:
        """Return cell `row` as (C, H, W); any exception means that it cannot be read."""


@runtime_checkable
class MaskedSource(Protocol):
    """A source that also knows which pixels are the cell's own."""

    def mask(self, row: int) -> npt.NDArray[np.bool_]:
        """Return (H, W) of cell `row`; any exception means that it cannot be read."""


@runtime_checkable
class ProcessedSource(Protocol):
    """A source whose pixels are computed from others, by settings that may change."""

    @property
    def recorded(self) -> Source:
        """What was recorded: the content that a cell is named by."""


@dataclass(frozen=True)
class CellFile:
    """What the header of one file says about the cells in it.

    Attributes
    ----------
    source
        Gives the pixels.
    cells
        How many cells the file holds; None when the file as a whole is one cell.
    channels
        How many channels each cell has.
    shape
        (H, W) of each cell.
    dtype
        Of the pixels.
    channel_names
        As the file gives them, or None.
    labels
        One class a cell where the file holds them, else None.
    first
        Index of its first cell, where a file is described in several parts.
    name_of
        Gives the id of cell `row`, where content and index are not what names it.
    columns
        What the file says of each cell besides, a value a cell.
    unit
        Of the pixels' values, such as "nm", where it is known.
    pixel_size_um
        Side of a pixel in micrometres, in the sample, where the file says it.
    modality
        The kind of instrument, where the file tells it.
    phase
        What the pixels are, where the file says that they are phase; see `sparseattn.phase`.
    events
        What became of a recording's events, where the file is one.
    axes
        Which axis of the image in the file is which; None where it holds no plain image.
    """

    source: Source
    cells: int | None
    channels: int
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    channel_names: tuple[str, ...] | None = None
    labels: tuple[str | None, ...] | None = None
    first: int = 0
    name_of: Callable[[int], str] | None = None
    columns: Mapping[str, Sequence[Any]] | None = None
    unit: str | None = None
    pixel_size_um: float | None = None
    modality: Modality | None = None
    phase: RecordedPhase | None = None
    events: EventSettings | None = None
    axes: Axes | None = None


@dataclass(frozen=True)
class MemorySource:
    """Cells of an array in memory (N, C, H, W)."""

    path: Path
    images: npt.NDArray[Any]

    def read(self, row: int) -> npt.NDArray[Any]:
        """Return cell `row` as (C, H, W)."""
        return np.array(self.images[row])


def recorded_source(source: Source) -> Source:
    """Return where the pixels come from before any processing."""
    return source.recorded if isinstance(source, ProcessedSource) else source
