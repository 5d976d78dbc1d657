"""Where a cell came from, and what was left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sparseattn.errors import one_line


def shown(path: object) -> str:
    """Return a path or a name as it may stand in a one-line message: what cannot be printed is escaped."""
    return one_line(path)


def reason_of(error: Exception) -> str:
    """Return in a few words why a file cannot be used.

    Readers say it by ValueError and OSError; anything else is what damage made a library trip over.
    """
    if isinstance(error, MemoryError):
        return "it would fill the memory"
    said = one_line(error) or type(error).__name__
    return (
        said if isinstance(error, ValueError | OSError) else f"it is damaged ({type(error).__name__}: {said})"
    )


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
