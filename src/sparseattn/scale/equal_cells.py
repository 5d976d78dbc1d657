"""Equal cells in different parts: as in one set, the second gets the id ``...-2``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet

from sparseattn.cells.catalogue import unique_names
from sparseattn.scale.part_table import write_part

SideOf = Callable[[str], str | None]


def number_equal_cells(paths: Sequence[Path], side_of: SideOf) -> list[int]:
    """Give cells of equal id the ids that they have in one set, in the files of a run.

    Eight bytes a cell are in memory. When it is broken off it can be done again.

    Parameters
    ----------
    paths : sequence of Path
        The files of all parts, in order.
    side_of : callable
        On which side of the model's split a cell of this id was.

    Returns
    -------
    list of int
        Which of the files were written anew.
    """
    stems = [_stem_keys(_ids(path)) for path in paths]
    keys, counts = np.unique(np.concatenate(stems), return_counts=True) if stems else (np.empty(0), [])
    several = keys[np.asarray(counts) > 1]
    if not len(several):
        return []
    places: list[tuple[int, int]] = []
    names: list[str] = []
    for number, (path, stem) in enumerate(zip(paths, stems, strict=True)):
        rows = np.flatnonzero(np.isin(stem, several))
        if len(rows):
            ids = _ids(path)
            known = [row for row in rows.tolist() if ids[row] is not None]
            places += [(number, row) for row in known]
            names += [str(ids[row]) for row in known]
    changed: dict[int, dict[int, str]] = {}
    for (number, row), old, new in zip(places, names, unique_names(names), strict=True):
        if old != new:
            changed.setdefault(number, {})[row] = new
    for number, renamed in changed.items():
        _rename(paths[number], renamed, side_of)
    return list(changed)


def _ids(path: Path) -> npt.NDArray[np.object_]:
    ids: npt.NDArray[np.object_] = (
        parquet.read_table(path, columns=["id"]).column("id").to_numpy(zero_copy_only=False)
    )
    return ids


def _stem_keys(ids: npt.NDArray[np.object_]) -> npt.NDArray[np.uint64]:
    """Return (n,) numbers, equal where ids are equal up to their ``-2``; 0 stands for no id."""
    known = np.array([name is not None for name in ids], dtype=bool)
    keys = np.zeros(len(ids), np.uint64)
    stems = np.array([name.partition("-")[0] for name in ids[known]], dtype=object)
    keys[known] = pd.util.hash_array(stems)
    return keys


def _rename(path: Path, renamed: dict[int, str], side_of: SideOf) -> None:
    table = parquet.read_table(path)
    ids, sides = table.column("id").to_pylist(), table.column("split").to_pylist()
    read = table.column("predicted").is_valid().to_pylist()
    for row, name in renamed.items():
        ids[row] = name
        sides[row] = side_of(name) if read[row] else None
    for column, values in (("id", ids), ("split", sides)):
        place = table.schema.get_field_index(column)
        table = table.set_column(place, column, pa.array(values, type=pa.string()))
    write_part(table, path)
