"""Columns that a file holds for its cells, read when they are first looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[Any]
Load = Callable[[], Numbers]


class LazyColumn(Sequence[Any]):
    """One number (or text) a cell; nothing is read before one is asked for.

    Parameters
    ----------
    load
        Returns the numbers of all cells of the file; an error means that they cannot be read.
    rows
        (n,) which of them, in which order.
    """

    def __init__(self, load: Load, rows: npt.NDArray[np.int64]) -> None:
        self._load, self._rows = load, rows

    @cached_property
    def values(self) -> Numbers:
        """(n,) numbers; NaN where the file cannot be read any more."""
        try:
            return np.asarray(self._load()[self._rows])
        except (OSError, KeyError, ValueError, IndexError):
            return np.full(len(self._rows), np.nan)

    def take(self, rows: npt.NDArray[np.int64]) -> LazyColumn:
        """Return the same column of some cells."""
        return LazyColumn(self._load, self._rows[rows])

    def detached(self, rows: npt.NDArray[np.int64]) -> LazyColumn:
        """Return the same column of some cells; it carries nothing of the files that hold none of them."""
        kept = self._rows[rows]
        if isinstance(self._load, _Joined) and len(kept):
            load, first = self._load.around(int(kept.min()), int(kept.max()) + 1)
            return LazyColumn(load, kept - first)
        return LazyColumn(self._load, kept)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if not isinstance(index, int):
            return tuple(self.values[index].tolist())
        value = self.values[index]
        return value.item() if isinstance(value, np.generic) else value

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values.tolist())


@dataclass(frozen=True)
class _Joined:
    """The numbers of several files, one after the other; NaN for the cells of a file that has none."""

    parts: tuple[tuple[Sequence[Any] | None, int], ...]

    def __call__(self) -> Numbers:
        parts = [None if part is None else _values(part) for part, _ in self.parts]
        text = any(part is not None and part.dtype == object for part in parts)
        missing, kind = (None, object) if text else (np.nan, float)
        return np.concatenate(
            [
                np.full(count, missing, kind) if part is None else part
                for part, (_, count) in zip(parts, self.parts, strict=True)
            ]
        )

    def around(self, start: int, stop: int) -> tuple[_Joined, int]:
        """Return what holds the cells from `start` to before `stop`, and which cell is its first."""
        kept: list[tuple[Sequence[Any] | None, int]] = []
        begins = 0
        for part, count in self.parts:
            low, high = max(start - begins, 0), min(stop - begins, count)
            if low < high:
                rows = np.arange(low, high)
                kept.append((None if part is None else detached(part, rows), high - low))
            begins += count
        return _Joined(tuple(kept)), start


def _values(column: Sequence[Any]) -> Numbers:
    values = column.values if isinstance(column, LazyColumn) else np.asarray(column)
    return values if values.dtype.kind in "buif" else np.array(column, dtype=object)


def taken(values: Sequence[Any], rows: npt.NDArray[np.int64]) -> Sequence[Any]:
    """Return a column of some cells, as lazy as it was."""
    return values.take(rows) if isinstance(values, LazyColumn) else tuple(values[i] for i in rows)


def detached(values: Sequence[Any], rows: npt.NDArray[np.int64]) -> Sequence[Any]:
    """Return a column of some cells as `taken` does, without what it knows of the others."""
    return values.detached(rows) if isinstance(values, LazyColumn) else taken(values, rows)


def joined(parts: Sequence[tuple[Sequence[Any] | None, int]]) -> LazyColumn:
    """Return one column of the columns of several files, each with its number of cells; None: it has none."""
    return LazyColumn(_Joined(tuple(parts)), np.arange(sum(count for _, count in parts)))
