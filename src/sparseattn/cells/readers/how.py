"""How files are to be read: what the caller says of all files of a source."""

from __future__ import annotations

from dataclasses import dataclass, field

from sparseattn.events.settings import EventSettings
from sparseattn.phase.settings import PhaseSettings


@dataclass(frozen=True)
class HowToRead:
    """What `sparseattn.cells.open_cells` was told.

    Attributes
    ----------
    layout, dataset, tile, phase, events
        As there.
    one_cell
        Whether the files lie in a folder of files that are one cell each.
    """

    layout: str | None = None
    dataset: str | None = None
    tile: tuple[int, int] | None = None
    phase: PhaseSettings | None = None
    events: EventSettings = field(default_factory=EventSettings)
    one_cell: bool = False
