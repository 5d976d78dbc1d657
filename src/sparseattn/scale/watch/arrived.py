"""Files of a watched folder that are complete, each once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sparseattn.cells.readers.headers import is_source


@dataclass(frozen=True)
class Arrived:
    """A file that was written and closed.

    Attributes
    ----------
    path
        The file.
    modified_ns, size
        When it was written, and its size: a file that is written again is another one.
    closed
        When it was closed, in seconds since 1970; None where nobody saw it.
    """

    path: Path
    modified_ns: int
    size: int
    closed: float | None = None


def look_at(path: Path, closed: float | None = None) -> Arrived | None:
    """Return what a file is now; None where it has gone."""
    try:
        said = path.stat()
    except OSError:
        return None
    return Arrived(path, said.st_mtime_ns, said.st_size, closed)


def may_hold_cells(path: Path, folder: Path) -> bool:
    """Whether a file of a watched folder may hold cells; names with ``_`` or ``.`` before are passed over."""
    try:
        parts = path.relative_to(folder).parts
    except ValueError:
        return False
    if any(part.startswith(("_", ".")) for part in parts):
        return False
    try:
        return is_source(path) and not path.is_dir()
    except OSError:
        return False
