"""One door for recordings: which files are one, and what each is."""

from __future__ import annotations

from pathlib import Path

from sparseattn.events.formats import arrays, by_faery, hdf5, nmnist, tables
from sparseattn.events.recording import Recording

ALWAYS = frozenset(by_faery.KINDS) | {nmnist.SUFFIX}
"""Suffixes of files that hold nothing but events."""

SOMETIMES = arrays.SUFFIXES | tables.SUFFIXES | hdf5.SUFFIXES
"""Suffixes of files whose content tells whether they hold events."""


def is_recording(path: Path) -> bool:
    """Whether a file holds events: by its suffix, else by its first bytes; False where it cannot be told."""
    suffix = path.suffix.lower()
    if suffix in ALWAYS:
        return path.is_file()
    if suffix not in SOMETIMES or not path.is_file():
        return False
    try:
        return _of_content(path) is not None
    except Exception:  # what a broken file makes libraries trip over; its own reader gives the reason
        return False


def open_recording(path: Path) -> Recording:
    """Describe a recording from its header.

    Raises
    ------
    ValueError, OSError
        With the reason why it is none, or cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix == nmnist.SUFFIX:
        return nmnist.open_nmnist(path)
    if suffix in by_faery.KINDS:
        return by_faery.open_by_faery(path)
    recording = _of_content(path) if suffix in SOMETIMES else None
    if recording is None:
        raise ValueError("it holds no events: no columns of x, y, t and p can be told in it")
    return recording


def _of_content(path: Path) -> Recording | None:
    suffix = path.suffix.lower()
    if suffix in arrays.SUFFIXES:
        return arrays.open_event_array(path)
    if suffix in tables.SUFFIXES:
        return tables.open_event_table(path)
    return hdf5.open_event_hdf5(path)
