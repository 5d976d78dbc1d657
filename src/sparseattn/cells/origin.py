"""Where a cell came from, and what was left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


def shown(path: object) -> str:
    """Return a path or a name as it may stand in a one-line message: what cannot be printed is escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(path))


@dataclass(frozen=True)
class Origin:
    """Where a cell came from.

    Attributes
    ----------
    path
        The file, or the Zarr store.
    index
        Page or row inside the file, from 0; None for a file that is one cell.
    """

    path: Path
    index: int | None

    def __str__(self) -> str:
        return shown(self.path) if self.index is None else f"{shown(self.path)}#{self.index}"


@dataclass(frozen=True)
class Skipped:
    """A file or cell that was left out, and why."""

    origin: str
    reason: str
