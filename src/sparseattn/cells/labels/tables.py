"""Labels as tables: written as CSV, and read from tables that others made."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import cast, get_args

from sparseattn.cells.labels.records import Label, LabelOrigin, Picked
from sparseattn.cells.origin import shown
from sparseattn.cells.tables import read_table
from sparseattn.csv_text import guarded
from sparseattn.errors import InputError
from sparseattn.writing import replaced_file

COLUMNS = ("id", "class", "origin", "annotator", "picked", "time", "set_aside")


def write_labels(labels: Iterable[Label], path: Path) -> None:
    """Write labels as CSV, a row a cell, with the columns `COLUMNS`.

    Raises
    ------
    InputError
        Where the file cannot be written.
    """
    with replaced_file(path) as draft, draft.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(COLUMNS)
        for label in labels:
            cell, name, annotator = map(guarded, (label.cell, label.name, label.annotator))
            row = (cell, name, label.origin, annotator, label.picked, label.time)
            table.writerow((*row, "yes" if label.set_aside else "no"))


def read_labels(path: Path, find: Callable[[str], Sequence[str]] | None, annotator: str) -> list[Label]:
    """Return the labels of a table with the columns id and class, one a cell; see `LabelLog.import_csv`.

    Raises
    ------
    InputError
        Where the table cannot be used, a cell has two classes in it, or ``find`` knows none of an id.
    """
    table = read_table(path)
    missing = [name for name in ("id", "class") if name not in table.columns]
    if missing:
        raise InputError(f"the table {shown(path)} has no column {' and no column '.join(missing)}")
    chosen: dict[str, tuple[int, dict[str, str]]] = {}
    for line, values in table.rows:
        row = dict(zip(table.columns, values, strict=True))
        cells = [row["id"]] if find is None else find(row["id"])
        if not cells or not row["id"]:
            raise InputError(
                f"the table {shown(path)} names no known cell in line {line}: {shown(row['id'])!r}; "
                "an id is that of a cell, or the name of its file"
            )
        if not row["class"]:
            raise InputError(f"the table {shown(path)} has an empty class in line {line}")
        for cell in cells:
            if cell in chosen and chosen[cell][1]["class"] != row["class"]:
                raise InputError(
                    f"the table {shown(path)} gives the cell {shown(row['id'])!r} two classes, in lines "
                    f"{chosen[cell][0]} and {line}; leave one"
                )
            chosen[cell] = (line, row)
    return [
        Label(
            cell,
            row["class"],
            cast(LabelOrigin, _one_of(row.get("origin"), ("bulk",), "imported")),
            row.get("annotator") or annotator,
            cast(Picked, _one_of(row.get("picked"), get_args(Picked), "hand")),
            "",
            False,
        )
        for cell, (_, row) in chosen.items()
    ]


def _one_of(value: str | None, known: Sequence[str], default: str) -> str:
    return value if value is not None and value in known else default
