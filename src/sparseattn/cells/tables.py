"""Tables beside a source: the class of its cells, and what is known of their samples.

A table is a CSV file in UTF-8 with a header, separated by comma, semicolon or tab. A row names its cells
in a column ``id`` by one of

- the path of the file relative to the source (a stack: all its cells; ``stack.tif#3``: its cell 3, from 0),
- the name of the file, where only one file of the source has it,
- the id of the cell (16 hex digits).

A ``'`` before what a spreadsheet takes for a formula is not part of the text: see `sparseattn.csv_text`.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sparseattn.cells.cellset import CellSet
from sparseattn.cells.origin import shown
from sparseattn.csv_text import unguarded
from sparseattn.errors import InputError
from sparseattn.plain_json import MOST_VALUES

LARGEST_TABLE = 256 << 20
"""Bytes; larger tables are not read."""

MOST_COLUMNS = 10_000


@dataclass(frozen=True)
class Table:
    """A CSV file as text: its columns, and its rows with the line that each ends on."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]

    def column(self, name: str) -> Iterator[tuple[int, str]]:
        """Yield line and value of a column."""
        place = self.columns.index(name)
        for line, values in self.rows:
            yield line, values[place]


def read_table(path: str | Path) -> Table:
    """Read a CSV file as text; spaces around values are dropped, blank lines passed over.

    Raises
    ------
    InputError
        When it is missing, too large, not UTF-8, has no header or rows, or rows of another length.
    """
    path = Path(path).expanduser()
    where = shown(path)
    try:
        if path.stat().st_size > LARGEST_TABLE:
            raise InputError(
                f"The table {where} is larger than {LARGEST_TABLE >> 20} MB; is it another file?"
            )
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"The table {where} is not UTF-8 text; save it as 'CSV UTF-8'.") from None
    except OSError as error:
        raise InputError(f"The table {where} cannot be read: {error.strerror}.") from None
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    if text.count(separator) > MOST_VALUES or first.count(separator) > MOST_COLUMNS:
        raise InputError(
            f"The table {where} has more columns or values than a table of cells; is it another file?"
        )
    reader = csv.reader(text.splitlines(keepends=True), delimiter=separator, strict=True)
    rows: list[tuple[int, tuple[str, ...]]] = []
    try:
        header = tuple(unguarded(name.strip()) for name in next(reader, []))
        for values in reader:
            if not any(value.strip() for value in values):
                continue
            if len(values) != len(header):
                raise InputError(
                    f"The table {where} has {len(header)} columns and {len(values)} values in line "
                    f"{reader.line_num}."
                )
            rows.append((reader.line_num, tuple(unguarded(value.strip()) for value in values)))
    except csv.Error as error:
        raise InputError(f"The table {where} is no CSV (line {reader.line_num}: {error}).") from None
    if not rows:
        raise InputError(f"The table {where} has no rows below its header.")
    if len(set(header)) != len(header):
        raise InputError(f"The table {where} names a column twice: {', '.join(map(shown, header))}.")
    return Table(path, header, tuple(rows))


def label_cells(cells: CellSet, source: Path, labels_csv: str | Path) -> CellSet:
    """Return the cells with the classes of a table with columns ``id`` and ``class``.

    Cells that the table does not name keep what they had. Further columns are passed over.

    Parameters
    ----------
    cells
        Of the source.
    source
        The folder or file that the paths in the table are relative to.
    labels_csv
        The table.

    Raises
    ------
    InputError
        When the table cannot be read, a column is missing, a class is empty, an id is unknown or names
        several files, or a cell is named twice.
    """
    table = read_table(labels_csv)
    _need(table, ("id", "class"))
    classes = dict(table.column("class"))
    empty = [line for line, name in classes.items() if not name]
    if empty:
        raise InputError(
            f"The table {shown(table.path)} has {_count(empty, 'empty class')}, first in line {empty[0]}."
        )
    labels = list(cells.labels)
    for position, line in _match(table, _Finder(cells, source), classes).items():
        labels[position] = classes[line]
    return cells.with_labels(labels)


def describe_samples(cells: CellSet, source: Path, samples_csv: str | Path) -> CellSet:
    """Return the cells with the columns of a table of samples.

    The table has a column ``id`` that names cells, or a column ``sample`` that names sample folders; every
    other column describes them (donor, condition, day ...). Empty values are None.

    Parameters
    ----------
    cells
        Of the source.
    source
        The folder or file that the paths in the table are relative to.
    samples_csv
        The table.

    Raises
    ------
    InputError
        When the table cannot be read, both columns are missing, an id or sample is unknown or named twice.
    """
    table = read_table(samples_csv)
    if "id" in table.columns:
        lines = _match(table, _Finder(cells, source), None)
    else:
        _need(table, ("sample",))
        lines = _match_samples(table, cells)
    values = dict(table.rows)
    columns = {
        name: tuple((values[lines[i]][place] or None) if i in lines else None for i in range(len(cells)))
        for place, name in enumerate(table.columns)
        if name != "id" and not (name == "sample" and "id" not in table.columns)
    }
    return cells.with_columns(columns)


class _Finder:
    """Finds the cells that an id in a table names."""

    def __init__(self, cells: CellSet, source: Path) -> None:
        self._cells = cells
        self._source = source
        folder = source if source.is_dir() else source.parent
        self._rows: dict[str, dict[int | None, int]] = {}  # path -> index in the file -> cell
        self._paths: dict[str, set[str]] = {}  # file name -> paths
        for position, origin in enumerate(cells.origins):
            path = _normal(
                origin.path.relative_to(folder).as_posix() if origin.path != folder else folder.name
            )
            self._rows.setdefault(path, {})[origin.index] = position
            self._paths.setdefault(path.rpartition("/")[2], set()).add(path)

    @property
    def ways(self) -> str:
        return f"an id is a path relative to {shown(self._source)}, a file name, or the id of a cell"

    @cached_property
    def _by_id(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self._cells.ids)}

    def find(self, key: str) -> list[int]:
        """Return the cells that `key` names; none when it is unknown.

        Raises
        ------
        ValueError
            When it is a file name that several files have.
        """
        key = _normal(key)
        name, mark, number = key.rpartition("#")
        if (rows := self._file(key)) is not None:
            return list(rows.values())
        if mark and number.isdecimal() and (rows := self._file(name)) is not None:
            return [rows[int(number)]] if int(number) in rows else []
        if len(key.partition("-")[0]) == 16 and key in self._by_id:
            return [self._by_id[key]]
        return []

    def _file(self, name: str) -> dict[int | None, int] | None:
        if name in self._rows:
            return self._rows[name]
        paths = self._paths.get(name, set())
        if len(paths) > 1:
            raise ValueError(f"{len(paths)} files have this name; give the path relative to the source")
        return self._rows[next(iter(paths))] if paths else None


def _normal(path: str) -> str:
    """Return a path as tables and file systems may both write it."""
    return unicodedata.normalize("NFC", path).replace("\\", "/").removeprefix("./")


def _match(table: Table, finder: _Finder, classes: dict[int, str] | None) -> dict[int, int]:
    """Return the line that names each cell."""
    lines: dict[int, int] = {}
    unknown: list[tuple[int, str]] = []
    repeated: list[tuple[int, str, int]] = []
    for line, key in table.column("id"):
        try:
            positions = finder.find(key)
        except ValueError as error:
            raise InputError(
                f"The table {shown(table.path)}, line {line}, id '{shown(key)}': {error}."
            ) from None
        if not positions:
            unknown.append((line, key))
        for position in positions:
            if position in lines:
                repeated.append((line, key, lines[position]))
            lines.setdefault(position, line)
    _refuse_unknown(table, unknown, finder.ways)
    _refuse_repeated(table, repeated, classes)
    return lines


def _match_samples(table: Table, cells: CellSet) -> dict[int, int]:
    there = cells.column("sample")
    if there is None:
        raise InputError(
            f"The table {shown(table.path)} describes samples, but the cells do not lie in sample folders; "
            f"open them with subfolders='samples', or give a column id."
        )
    known = set(there)
    line_of: dict[str, int] = {}
    unknown: list[tuple[int, str]] = []
    repeated: list[tuple[int, str, int]] = []
    for line, name in table.column("sample"):
        if name not in known:
            unknown.append((line, name))
        if name in line_of:
            repeated.append((line, name, line_of[name]))
        line_of.setdefault(name, line)
    _refuse_unknown(table, unknown, f"the sample folders are {', '.join(sorted(map(shown, known))[:10])}")
    _refuse_repeated(table, repeated, None)
    return {position: line_of[name] for position, name in enumerate(there) if name in line_of}


def _need(table: Table, names: Sequence[str]) -> None:
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise InputError(
            f"The table {shown(table.path)} has no column {' and no column '.join(missing)}; "
            f"its columns are {', '.join(map(shown, table.columns))}."
        )


def _refuse_unknown(table: Table, unknown: Sequence[tuple[int, str]], ways: str) -> None:
    if unknown:
        line, key = unknown[0]
        raise InputError(
            f"The table {shown(table.path)} has {_count(unknown, 'unknown id')}, the first '{shown(key)}' in "
            f"line {line}; {ways}."
        )


def _refuse_repeated(
    table: Table, repeated: Sequence[tuple[int, str, int]], classes: dict[int, str] | None
) -> None:
    if not repeated:
        return
    clashes = [row for row in repeated if classes is not None and classes[row[0]] != classes[row[2]]]
    line, key, before = (clashes or repeated)[0]
    how = "with another class " if clashes else ""
    raise InputError(
        f"The table {shown(table.path)} names {_count(clashes or repeated, 'cell')} again {how}, the first "
        f"'{shown(key)}' in lines {before} and {line}; leave one row a cell.".replace("  ", " ").replace(
            " ,", ","
        )
    )


def _count(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 'es' if name.endswith('s') else 's'}"
