"""What the workspace holds, in small pieces that do not change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class CellSource:
    """One place that cells were opened from, and how, so that a project can open it again.

    ``path`` is None for cells that have no file: those of a layer. ``options`` are the keyword arguments of
    `sparseattn.cells.open_cells`, plain JSON values.
    """

    path: Path | None
    options: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""

    @property
    def title(self) -> str:
        return self.name or (self.path.name if self.path is not None else "layer")


@dataclass(frozen=True)
class Placement:
    """Where a cell lies in the image that it is shown in, in that image's own pixels.

    ``leading`` are the indices of the axes before the last two (the row of a stack, the plane of a field);
    ``offset`` is (y, x) of the cell's upper left pixel.
    """

    leading: tuple[int, ...] = ()
    offset: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Shown:
    """What is drawn over the cell, and how strongly."""

    selected: bool = True
    neighbourhood: bool = False
    coarse: bool = False
    fine: bool = False
    evidence: bool = False
    changing: bool = False
    cell_outline: bool = False
    opacity: float = 0.6


class NamedClass(Protocol):
    """A class that cells may be given."""

    @property
    def name(self) -> str: ...


class LabelLog(Protocol):
    """What the workspace asks of a label log (`sparseattn.cells.labels`)."""

    @property
    def path(self) -> Path: ...

    @property
    def classes(self) -> Sequence[NamedClass]: ...

    def current(self) -> Mapping[str, str]:
        """Return the label of each labelled cell by its id."""


@dataclass(frozen=True)
class Token:
    """The cells and the model that a job was started for; see `Workspace.token`."""

    cells: int
    model: int
