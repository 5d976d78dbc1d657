"""Following the table of a watched folder while another process writes it: each row is read once."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from sparseattn.csv_text import unguarded
from sparseattn.errors import InputError
from sparseattn.scale.watch.row_table import MODIFIED, SOURCE

_NEEDED = (SOURCE, "sample", "predicted", "confidence", "in_distribution", MODIFIED, "error")
_AT_ONCE = 1 << 18
"""Bytes that are read at once: some thousand rows."""


@dataclass(frozen=True)
class NewCell:
    """One row of the table.

    Attributes
    ----------
    source
        Its file, and its place in it: ``file#3``.
    sample
        The subfolder that it lies in; None where it lies in none.
    predicted, confidence, in_distribution
        What the model said; None where the cell could not be read.
    modified_ns
        When its file was written.
    error
        Why it could not be read; None where it could.
    """

    source: str
    sample: str | None
    predicted: str | None
    confidence: float | None
    in_distribution: float | None
    modified_ns: int
    error: str | None

    def place(self) -> tuple[Path, int | None]:
        """Return the file, and the row in it where it holds several cells."""
        stem, mark, number = self.source.rpartition("#")
        if mark and number.isdigit() and not Path(self.source).exists():  # ``#`` may be part of the name
            return Path(stem), int(number)
        return Path(self.source), None


@dataclass(frozen=True)
class NewRows:
    """What came since the table was last looked at.

    Attributes
    ----------
    cells
        In their order.
    anew
        Whether the table was begun anew, so that what was read before counts no more.
    more
        Whether there is more to be read at once.
    """

    cells: tuple[NewCell, ...]
    anew: bool
    more: bool


class Following:
    """Reads what is added to a table.

    Parameters
    ----------
    table : Path
        As `sparseattn.scale.watch.watching.watch` writes it; it need not be there yet.
    """

    def __init__(self, table: Path) -> None:
        self._table = table
        self._offset = 0
        self._columns: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The model's classes; none before the first look at a table that is there."""
        return tuple(name.removeprefix("p_") for name in self._columns if name.startswith("p_"))

    def read(self) -> NewRows:
        """Return the whole rows that came since the last time; a row that is being written comes later.

        Raises
        ------
        InputError
            Where it is no such table, or cannot be read.
        """
        try:
            with self._table.open("rb") as stream:
                size = stream.seek(0, 2)
                anew = size < self._offset  # a row that was not whole was taken away, or the file is another
                if anew:
                    self._offset, self._columns = 0, ()
                stream.seek(self._offset)
                found = stream.read(_AT_ONCE)
        except FileNotFoundError:
            return NewRows((), anew=False, more=False)
        except OSError as error:
            raise InputError(f"{self._table} cannot be read ({error.strerror})") from None
        whole = found[: found.rfind(b"\n") + 1]
        self._offset += len(whole)
        lines = whole.decode(errors="replace").split("\n")[:-1]
        if lines and not self._columns:
            self._columns = tuple(map(unguarded, next(csv.reader(lines[:1]))))
            del lines[0]
            if not set(_NEEDED) <= set(self._columns):
                raise InputError(f"{self._table} is no table of a watched folder; give one that watch wrote")
        rows = (row for row in csv.reader(lines) if len(row) == len(self._columns))
        cells = tuple(self._cell(dict(zip(self._columns, map(unguarded, row), strict=True))) for row in rows)
        return NewRows(cells, anew=anew, more=len(whole) > 0 and self._offset < size)

    def _cell(self, row: dict[str, str]) -> NewCell:
        modified = row[MODIFIED]
        return NewCell(
            source=row[SOURCE],
            sample=row["sample"] or None,
            predicted=row["predicted"] or None,
            confidence=_number(row["confidence"]),
            in_distribution=_number(row["in_distribution"]),
            modified_ns=int(modified) if modified.isdigit() else 0,
            error=row["error"] or None,
        )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
