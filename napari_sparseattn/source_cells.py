"""The cells of a source: all that a folder or file holds, or some of those that large results are of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sparseattn.workspace_records import CellSource
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sparseattn.cells import CellSet

RESULTS, ROWS = "results", "rows"
"""Options of a source that is some cells of a folder of results: which folder, and their rows in it."""


def source_of_rows(folder: Path, path: Path, rows: Iterable[int]) -> CellSource:
    """Return the source that is some cells of large results; `path` is where their pictures are."""
    chosen = [int(row) for row in rows]
    name = f"{len(chosen):,} of {folder.name}" if len(chosen) != 1 else f"one of {folder.name}"
    return CellSource(path, {RESULTS: str(folder), ROWS: chosen}, name)


def is_of_results(source: CellSource) -> bool:
    """Whether a source is some cells of large results."""
    return RESULTS in source.options


def cells_of(source: CellSource) -> CellSet:
    """Open the cells of a source.

    Raises
    ------
    InputError
        Where it has no file, or they cannot be opened.
    """
    from sparseattn.cells import open_cells

    if source.path is None:
        raise InputError("the cells of a layer have no file to be opened again; open the image first")
    if not is_of_results(source):
        return open_cells(source.path, **source.options)
    return _rows_of(source.options)


def _rows_of(options: Any) -> CellSet:
    from napari_sparseattn.results_job import open_pictures
    from sparseattn.scale.results import open_results

    folder, rows = options[RESULTS], options.get(ROWS)
    if set(options) != {RESULTS, ROWS} or not isinstance(folder, str) or not isinstance(rows, list):
        raise InputError("cells of large results are opened as they were classified; open their files")
    results = open_results(Path(folder))
    if not all(type(row) is int and 0 <= row < len(results) for row in rows):
        raise InputError(f"{folder} has no such cells any more; choose them again")
    return open_pictures(results).detached(rows)
