"""The cells of a source: those of a folder or file, of some files of a folder, or some of large results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sparseattn.workspace_records import CellSource
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sparseattn.cells import CellSet

RESULTS, ROWS = "results", "rows"
"""Options of a source that is some cells of a folder of results: which folder, and their rows in it."""

FILES = "files"
"""Option of a source that is some files of a folder: their places in it. Other options hold for each."""


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
    if is_of_results(source):
        return _rows_of(source.options)
    if FILES in source.options:
        return _files_of(source.path, source.options)
    return open_cells(source.path, **source.options)


def _files_of(folder: Path, options: Mapping[str, Any]) -> CellSet:
    """Open some files of a folder; one that is gone, or cannot be read, is left out."""
    from sparseattn.cells import CellSet, Skipped, open_cells

    names = options[FILES]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise InputError(f"which files of {folder} are meant is damaged; open them again")
    others = {name: value for name, value in options.items() if name != FILES}
    opened, skipped, real = [], [], folder.resolve()
    for name in names:
        path = folder / name
        if not path.resolve().is_relative_to(real):
            raise InputError(f"{path} lies outside of {folder} and is not opened; open it by itself")
        try:
            cells = open_cells(path, **others)
        except InputError as error:
            if len(names) == len(skipped) + 1:
                raise
            skipped.append(Skipped(name, str(error)))
            continue
        sample = path.parent.relative_to(folder).as_posix()
        opened.append(cells if sample == "." else cells.with_columns({"sample": (sample,) * len(cells)}))
    joined = CellSet.concatenate(opened)
    return replace(joined, skipped=(*skipped, *joined.skipped))


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
