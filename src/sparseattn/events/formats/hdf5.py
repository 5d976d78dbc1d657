"""Events in HDF5: Metavision's CD/events, groups of x, y, t, p (DSEC, e2vid), or rows of four (MVSEC, v2e).

Links out of the file, and data that lie in other files, are not followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sparseattn.events.event import Events
from sparseattn.events.formats.columns import (
    Columns,
    events_from,
    guessed_columns,
    microseconds_per,
    named_columns,
)
from sparseattn.events.recording import LARGEST_SIDE, Recording

SUFFIXES = frozenset({".h5", ".hdf5"})

MAGIC = b"\x89HDF\r\n\x1a\n"

_AT_ONCE = 1 << 18
_SEEN = 4096
_MOST_NODES, _DEEPEST = 500, 5

_ECF = 0x8ECF
"""Number of the filter that Metavision compresses with; its plugin comes with Prophesee's own software."""


@dataclass(frozen=True)
class _Place:
    """Where the events are: a dataset of fields or of rows of four, or a group with a dataset a column."""

    name: str
    columns: Columns | None
    letters: tuple[str, ...] | None
    unit: float
    offset: float


def open_event_hdf5(path: Path) -> Recording | None:
    """Describe a recording from what the file holds; None where there are no events in it.

    Raises
    ------
    ValueError, OSError
        With the reason why its events cannot be read.
    """
    with path.open("rb") as stream:
        if stream.read(len(MAGIC)) != MAGIC:
            return None
    with _open(path) as file:
        place = _find(file)
        if place is None:
            return None
        size = _size(file, place.name)
    return Recording(path, "HDF5", size, partial(_packets, path, place))


def _open(path: Path) -> Any:
    try:
        import h5py
    except ImportError:
        raise ValueError(
            "HDF5 recordings need a further package: pip install 'napari-sparseattn[events]'"
        ) from None
    try:
        return h5py.File(path, "r")
    except (OSError, RuntimeError, KeyError) as error:
        raise ValueError(f"it is damaged or truncated ({str(error)[:100]})") from None


def _find(file: Any) -> _Place | None:
    """Look at groups and datasets, nearest first, for one that holds events."""
    import h5py

    waiting, seen = [(file, 0)], 0
    while waiting:
        group, depth = waiting.pop(0)
        inside = {}
        for name in group:
            seen += 1
            if seen > _MOST_NODES:
                return None
            if isinstance(group.get(name, getlink=True), h5py.HardLink):
                inside[name] = group[name]
        datasets = {name: node for name, node in inside.items() if isinstance(node, h5py.Dataset)}
        columns = named_columns(name for name, node in datasets.items() if node.ndim == 1)
        if columns is not None:
            for name in columns.values():
                _check(datasets[name])
            if len({datasets[name].shape for name in columns.values()}) != 1:
                raise ValueError("its columns of x, y, t and p are not of one length")
            unit = microseconds_per(columns["t"], datasets[columns["t"]][:_SEEN])
            return _Place(group.name, columns, None, unit, _offset(datasets) * unit)
        for name, node in datasets.items():
            place = _of_dataset(name, node)
            if place is not None:
                return place
        if depth < _DEEPEST:
            waiting += [(node, depth + 1) for node in inside.values() if isinstance(node, h5py.Group)]
    return None


def _of_dataset(name: str, node: Any) -> _Place | None:
    if node.dtype.names is not None and node.ndim == 1:
        columns = named_columns(node.dtype.names)
        if columns is None:
            return None
        _check(node)
        unit = microseconds_per(columns["t"], node[:_SEEN][columns["t"]])
        return _Place(node.name, columns, None, unit, 0)
    if "events" in name.lower() and node.ndim == 2 and node.shape[1] == 4:
        _check(node)
        head = node[:_SEEN]
        letters = guessed_columns(head)
        if letters is not None:
            unit = microseconds_per("t", head[:, letters.index("t")])
            return _Place(node.name, None, tuple(letters), unit, 0)
    return None


def _check(dataset: Any) -> None:
    """Raise ValueError where the numbers lie in another file, or are packed in a way unknown here."""
    import h5py

    if dataset.external or dataset.is_virtual:
        raise ValueError("its events lie in other files, which are not followed; copy them into one file")
    properties = dataset.id.get_create_plist()
    filters = {properties.get_filter(i)[0] for i in range(properties.get_nfilters())}
    if not all(h5py.h5z.filter_avail(number) for number in filters):
        if _ECF in filters:
            raise ValueError(
                "it is packed with Metavision's ECF codec; export it as RAW or CSV in Metavision Studio, or "
                "set HDF5_PLUGIN_PATH to the folder of Prophesee's plugin"
            )
        raise ValueError(f"it is packed with a filter that is not installed ({sorted(filters)})")


def _offset(datasets: dict[str, Any]) -> float:
    """Return what is to be added to all times, as DSEC stores it."""
    offset = datasets.get("t_offset")
    return float(offset[()]) if offset is not None and offset.shape == () else 0.0


def _size(file: Any, name: str) -> tuple[int, int] | None:
    """Return (H, W) of the sensor where attributes say it."""
    node = file[name]
    for attributes in (node.attrs, node.parent.attrs, file.attrs):
        for width, height in (("width", "height"), ("sensor_width", "sensor_height")):
            if width in attributes and height in attributes:
                try:
                    size = int(attributes[height]), int(attributes[width])
                except (TypeError, ValueError):
                    continue
                if 0 < min(size) <= max(size) <= LARGEST_SIDE:
                    return size
    return None


def _packets(path: Path, place: _Place) -> Iterator[Events]:
    with _open(path) as file:
        node = file[place.name]
        times = node[place.columns["t"]] if place.columns and not hasattr(node, "dtype") else node
        for start in range(0, times.shape[0], _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            try:
                events = events_from(_columns(node, place, part), place.unit)
            except (OSError, RuntimeError, KeyError) as error:
                raise ValueError(f"it is damaged or truncated ({str(error)[:100]})") from None
            events["t"] += np.int64(place.offset)
            yield events


def _columns(node: Any, place: _Place, part: slice) -> dict[str, Any]:
    if place.letters is not None:
        rows = node[part]
        return {letter: rows[:, i] for i, letter in enumerate(place.letters)}
    assert place.columns is not None
    if hasattr(node, "dtype"):
        rows = node[part]
        return {letter: rows[name] for letter, name in place.columns.items()}
    return {letter: node[name][part] for letter, name in place.columns.items()}
