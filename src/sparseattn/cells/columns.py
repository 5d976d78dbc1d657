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
    """One number a cell; nothing is read before one is asked for.

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

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self.values[index].item() if isinstance(index, int) else tuple(self.values[index].tolist())

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values.tolist())


@dataclass(frozen=True)
class _Joined:
    """The numbers of several files, one after the other; NaN for the cells of a file that has none."""

    parts: tuple[tuple[Sequence[Any] | None, int], ...]

    def __call__(self) -> Numbers:
        return np.concatenate(
            [
                np.full(count, np.nan)
                if part is None
                else part.values
                if isinstance(part, LazyColumn)
                else np.asarray(part)
                for part, count in self.parts
            ]
        )


def taken(values: Sequence[Any], rows: npt.NDArray[np.int64]) -> Sequence[Any]:
    """Return a column of some cells, as lazy as it was."""
    return values.take(rows) if isinstance(values, LazyColumn) else tuple(values[i] for i in rows)


def joined(parts: Sequence[tuple[Sequence[Any] | None, int]]) -> LazyColumn:
    """Return one column of the columns of several files, each with its number of cells; None: it has none."""
    return LazyColumn(_Joined(tuple(parts)), np.arange(sum(count for _, count in parts)))
