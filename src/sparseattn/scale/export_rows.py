"""Some rows of a run in parts as one table, a part at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from sparseattn.csv_text import write_csv
from sparseattn.errors import InputError
from sparseattn.scale.results import Results
from sparseattn.writing import replaced_file

OnRows = Callable[[int, int], None]

SUFFIXES = (".parquet", ".csv")


def write_rows(results: Results, rows: NDArray[np.int64], path: Path, on_rows: OnRows | None = None) -> None:
    """Write some rows with all their columns, in the order of the results.

    Parameters
    ----------
    results : Results
        The run.
    rows : ndarray
        (m,) which rows, in any order.
    path : Path
        File to write, .parquet or .csv; what was there before is replaced when all is written.
    on_rows : callable, optional
        Called with the rows that are looked at, and all; what it raises ends it, and nothing is written.

    Raises
    ------
    InputError
        Where the ending is another, a part is damaged, or the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"{path} is no known kind of table; let the name end in {' or '.join(SUFFIXES)}")
    wanted = np.zeros(len(results), bool)
    wanted[rows] = True
    parts = _chosen(results, wanted, on_rows or (lambda *_: None))
    with replaced_file(path) as draft:
        if suffix == ".csv":
            for number, table in enumerate(parts):
                write_csv(table.to_pandas(), draft, append=number > 0)
            return
        schema = pa.schema([(name, pa.type_for_alias(kind)) for name, kind in results.plan.columns])
        with parquet.ParquetWriter(draft, schema, compression="zstd") as writer:
            for table in parts:
                writer.write_table(table)


def _chosen(results: Results, wanted: NDArray[np.bool_], report: OnRows) -> Iterator[pa.Table]:
    """Yield the wanted rows of the first part, be they none, and of the others that have some."""
    for part in results.plan.parts:
        inside = wanted[part.start : part.stop]
        if inside.any() or part.number == 0:
            yield results.part(part.number, results.columns).filter(pa.array(inside))
        report(part.stop, len(results))
