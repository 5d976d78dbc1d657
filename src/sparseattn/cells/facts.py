"""From whom a fact about a source is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def common(known: Sequence[Mapping[str, Known]]) -> dict[str, Known]:
    """Return what is known of several sources from the same side; without a path where that differs."""
    together = {}
    for name, first in known[0].items():
        others = [one.get(name) for one in known]
        if all(other == first for other in others):
            together[name] = first
        elif all(other is not None and other.by == first.by for other in others):
            together[name] = Known(first.by)
    return together
