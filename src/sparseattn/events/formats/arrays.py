"""Events as numpy arrays: named fields or four columns in an .npy; in an .npz also a member a column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from sparseattn.events.event import Events
from sparseattn.events.formats.columns import (
    Columns,
    events_from,
    guessed_columns,
    microseconds_per,
    named_columns,
)
from sparseattn.events.recording import Recording
from sparseattn.npy_header import NpyHeader, opened_npz, read_npy_header

SUFFIXES = frozenset({".npy", ".npz"})

_AT_ONCE = 1 << 18
_LARGEST_ROW = 256
"""Bytes: what is longer, text mostly, is no event."""

_SEEN = 4096
"""Rows by which the columns of an array without names are told apart."""


@dataclass(frozen=True)
class _Layout:
    """Where the columns are: fields of an array, members of an archive, or places in rows of four."""

    member: str | None  # of an archive; None for a .npy, and for columns that are members
    columns: Columns | None
    letters: Sequence[str] | None
    unit: float


def open_event_array(path: Path) -> Recording | None:
    """Describe an array of events from its headers; None where it holds something else, such as images.

    Raises
    ------
    ValueError, OSError
        With the reason why it cannot be read.
    """
    layout = _archive_layout(path) if path.suffix.lower() == ".npz" else _npy_layout(path)
    return None if layout is None else Recording(path, "array", None, partial(_packets, path, layout))


def _npy_layout(path: Path) -> _Layout | None:
    with path.open("rb") as stream:
        header = read_npy_header(stream)
        if path.stat().st_size < header.offset + header.size:
            raise ValueError("it is truncated")
        return _array_layout(stream, header, None)


def _archive_layout(path: Path) -> _Layout | None:
    with opened_npz(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
        columns = named_columns(names)
        if columns is not None:
            headers = {}
            for letter, name in columns.items():
                with archive.open(f"{name}.npy") as stream:
                    headers[letter] = read_npy_header(stream)
            if len({header.shape for header in headers.values()}) != 1 or len(headers["t"].shape) != 1:
                raise ValueError("its columns of x, y, t and p are not of one length")
            if max(header.dtype.itemsize for header in headers.values()) > _LARGEST_ROW:
                return None
            with archive.open(f"{columns['t']}.npy") as stream:
                header = read_npy_header(stream)
                head = _rows(stream, header, min(_SEEN, header.shape[0]))
            return _Layout(None, columns, None, microseconds_per(columns["t"], head))
        if len(names) == 1:
            with archive.open(f"{names[0]}.npy") as stream:
                return _array_layout(stream, read_npy_header(stream), names[0])
    return None


def _array_layout(stream: IO[bytes], header: NpyHeader, member: str | None) -> _Layout | None:
    """Return where the columns of one array are; None where it holds no events."""
    names = header.dtype.names
    if header.dtype.itemsize > _LARGEST_ROW:
        return None
    if names is not None:
        columns = named_columns(names)
        if columns is None or len(header.shape) != 1:
            return None
        times = _rows(stream, header, min(_SEEN, header.shape[0]))[columns["t"]]
        return _Layout(member, columns, None, microseconds_per(columns["t"], times))
    if len(header.shape) != 2 or header.shape[1] != 4 or (header.fortran and member is not None):
        return None
    head = _rows(stream, header, min(_SEEN, header.shape[0]))
    letters = guessed_columns(head)
    if letters is None:
        return None
    return _Layout(member, None, letters, microseconds_per("t", head[:, letters.index("t")]))


def _rows(stream: IO[bytes], header: NpyHeader, count: int, start: int = 0) -> npt.NDArray[Any]:
    """Read so many rows from where the stream is; from row `start` where the columns lie one by one."""
    if header.fortran and len(header.shape) == 2:
        columns = []
        for column in range(header.shape[1]):
            stream.seek(header.offset + (column * header.shape[0] + start) * header.dtype.itemsize)
            columns.append(_numbers(stream, (count,), header.dtype))
        return np.stack(columns, axis=1)
    return _numbers(stream, (count, *header.shape[1:]), header.dtype)


def _numbers(stream: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    wanted = int(np.prod(shape)) * dtype.itemsize
    data = bytearray()
    while len(data) < wanted:
        more = stream.read(wanted - len(data))
        if not more:
            raise ValueError("it is truncated")
        data += more
    return np.frombuffer(data, dtype).reshape(shape)


def _packets(path: Path, layout: _Layout) -> Iterator[Events]:
    with ExitStack() as open_files:
        if layout.columns is not None and layout.member is None and path.suffix.lower() == ".npz":
            archive = open_files.enter_context(opened_npz(path))
            streams = {
                letter: open_files.enter_context(archive.open(f"{name}.npy"))
                for letter, name in layout.columns.items()
            }
            headers = {letter: read_npy_header(stream) for letter, stream in streams.items()}
            count = headers["t"].shape[0]
            for start in range(0, count, _AT_ONCE):
                size = min(_AT_ONCE, count - start)
                read = {letter: _rows(stream, headers[letter], size) for letter, stream in streams.items()}
                yield events_from(read, layout.unit)
            return
        stream: IO[bytes]
        if layout.member is None:
            stream = open_files.enter_context(path.open("rb"))
        else:
            archive = open_files.enter_context(opened_npz(path))
            stream = open_files.enter_context(archive.open(f"{layout.member}.npy"))
        header = read_npy_header(stream)
        for start in range(0, header.shape[0], _AT_ONCE):
            rows = _rows(stream, header, min(_AT_ONCE, header.shape[0] - start), start)
            if layout.columns is not None:
                columns = {letter: rows[name] for letter, name in layout.columns.items()}
            else:
                columns = {letter: rows[:, i] for i, letter in enumerate(layout.letters or ())}
            yield events_from(columns, layout.unit)
