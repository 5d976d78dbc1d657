"""From whom a fact about a source is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

KnownFrom = Literal["caller", "settings", "folder", "file", "guess", "default"]
"""The caller; the user's own settings; ``cells.json`` beside the cells; the file itself; a guess by what the
pixels look like; or what is taken where nobody says otherwise."""


@dataclass(frozen=True)
class Known:
    """From whom a fact is known.

    Attributes
    ----------
    by
        See `KnownFrom`.
    path
        The ``cells.json``, or the file of the user's settings, that says so.
    """

    by: KnownFrom
    path: Path | None = None
