"""The table of a part: a row a cell, whether it could be read or not, with the same columns in every part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet

from sparseattn.cells.columns import LazyColumn
from sparseattn.cells.measure import Measurements
from sparseattn.cells.measure_phase import is_path_difference
from sparseattn.export.tables import answer_columns, cell_columns, is_missing, plain_column, text_column
from sparseattn.writing import replaced_file

if TYPE_CHECKING:
    from sparseattn.cells import CellSet
    from sparseattn.predictions import Predictions

ERROR = "error"
"""Why a cell could not be read; none where it could."""

_BEFORE = (("id", "string"), ("source", "string"))
_AFTER = (
    ("entropy", "float"),
    ("in_distribution", "float"),
    ("k", "int32"),
    ("human_label", "string"),
    ("split", "string"),
    ("model_hash", "string"),
    (ERROR, "string"),
)

Columns = tuple[tuple[str, str], ...]


def columns_for(cells: CellSet, classes: Sequence[str], *, sets: bool, notes: bool) -> Columns:
    """Return name and Arrow type of each column of the tables of these cells.

    Parameters
    ----------
    cells : CellSet
        All of them, so that a column has one type in every part.
    classes : sequence of str
        Of the model.
    sets, notes : bool
        Whether there are columns ``set`` and ``notes``.
    """
    shares = [(f"p_{name}", "float") for name in text_column(classes)]
    answers = [("predicted", "string"), ("confidence", "float"), *shares, *_AFTER]
    taken = {name for name, _ in answers}
    samples: dict[str, str] = {}
    kinds = {name: _kind(cells, name) for name in cells.column_names}
    if is_path_difference(cells):
        kinds |= dict.fromkeys(Measurements.none_of(cells).further, "double")
    kinds |= {"set": "string"} if sets else {}
    kinds |= {"notes": "string"} if notes else {}
    for name, kind in kinds.items():
        (free,) = text_column([name])
        while free in taken or free in dict(_BEFORE) or free in samples:
            free = f"sample_{free}"
        samples[free] = kind
    return (*_BEFORE, *samples.items(), *answers)


def _kind(cells: CellSet, name: str) -> str:
    values: Any = cells.column(name)
    if isinstance(values, LazyColumn):  # a copy: what it reads is not kept
        values = values.take(np.arange(len(values))).values
    plain = plain_column(pd.Series(values))
    return "string" if plain.dtype == object else str(pa.from_numpy_dtype(plain.dtype))


def part_table(
    columns: Columns, cells: CellSet, predictions: Predictions, errors: Mapping[int, str]
) -> pa.Table:
    """Return the table of a part.

    Parameters
    ----------
    columns : tuple
        As `columns_for` gives them.
    cells : CellSet
        All n cells of the part, with all sample columns but ``set``.
    predictions : Predictions
        Of those that could be read; may be none.
    errors : mapping
        Why the others could not, by their place in the part.
    """
    count, rows = len(cells), predictions.indices
    answers = answer_columns(predictions)
    found = cell_columns(cells, {*answers, ERROR})
    raw = dict(zip(list(found)[len(_BEFORE) :], cells.column_names, strict=True))
    own_set = predictions.cells.column("set")
    arrays = []
    for name, kind in columns:
        if name in ("k", "model_hash"):
            values: Any = [getattr(predictions, name)] * count
        elif name == ERROR:
            values = [errors.get(row) for row in range(count)]
        elif name == "human_label":
            values = list(cells.labels)
        elif name in answers or (name == "set" and own_set is not None and "set" not in raw):
            said = np.asarray(answers[name] if name in answers else np.array(own_set, dtype=object))
            values = np.full(count, None if kind == "string" else np.nan, said.dtype)
            values[rows] = said
        elif name in raw and kind == "string":
            values = cells.column(raw[name])
        else:
            values = found.get(name, [None] * count)
        arrays.append(_array(values, kind))
    return pa.table(arrays, names=[name for name, _ in columns])


def _array(values: Any, kind: str) -> pa.Array:
    if kind == "string":
        texts = [None if is_missing(value) else str(value) for value in values]
        return pa.array(text_column(texts), type=pa.string())
    return pa.array(values, type=pa.type_for_alias(kind), from_pandas=True)


def write_part(table: pa.Table, path: Path) -> None:
    """Write a table as Parquet: the same bytes for the same rows.

    Raises
    ------
    InputError
        Where the file cannot be written.
    """
    with replaced_file(path) as draft:
        parquet.write_table(table, draft, compression="zstd")
