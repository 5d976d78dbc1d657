"""Open the cells that a command was pointed to."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from sparseattn.cli.options import Subfolders, parse_channel_names
from sparseattn.cli.output import listed, note
from sparseattn.cli.source_options import SourceOptions
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from sparseattn.cells.cellset import CellSet
    from sparseattn.cells.modality import Modality
    from sparseattn.cells.origin import Skipped


def open_source(path: Path, options: SourceOptions) -> CellSet:
    """Open cells; subfolders are read as classes, and it is said, where nothing else is given."""
    assumed = options.subfolders is None and options.labels_csv is None
    cells = _open(path, replace(options, subfolders="classes") if assumed else options)
    if assumed and cells.classes and _has_subfolders(path) and options.labels_log is None:
        note(f"Subfolders of {path} read as classes: {listed(cells.classes)}.")
    return cells


def open_labelled(path: Path, options: SourceOptions) -> CellSet:
    """Open cells as `open_source` does, and see that some have a class."""
    cells = open_source(path, options)
    if not cells.classes:
        raise InputError(
            f"no cell of {path} has a class; put the cells in class folders, or give --labels-csv or "
            "--labels-log"
        )
    return cells


def open_any(
    paths: Sequence[Path], options: SourceOptions, classes: Sequence[str], *, may_ask: bool = True
) -> CellSet:
    """Open cells of one or several sources for a model with these classes.

    Subfolders that are all named like its classes are read as classes; what others are is asked on a
    terminal, and refused elsewhere and where nobody may be asked.
    """
    from sparseattn.cells.cellset import CellSet

    sets = [_open_for_model(path, options, classes, may_ask=may_ask) for path in paths]
    return sets[0] if len(sets) == 1 else CellSet.concatenate(sets)


def report_skipped(skipped: Sequence[Skipped]) -> None:
    """Say on stderr how many cells were left out, and why the first one was."""
    if skipped:
        first = skipped[0]
        note(f"Skipped {len(skipped)} that could not be used; the first: {first.origin}: {first.reason}.")


def report_notes(notes: Sequence[str]) -> None:
    """Say on stderr what a reader of the results must know."""
    for sentence in notes:
        note(f"Note: {sentence}.")


def _open(path: Path, options: SourceOptions) -> CellSet:
    from sparseattn.cells import open_cells

    cells = open_cells(
        path,
        subfolders=options.subfolders,
        layout=options.layout,
        labels_csv=options.labels_csv,
        samples_csv=options.samples_csv,
        channel_names=parse_channel_names(options.channel_names),
        modality=cast("Modality | None", options.modality),
        strict=options.strict,
        **options.reading.arguments(),
    )
    if options.labels_log is None:
        return cells
    from sparseattn.cells.labels import LabelLog, labelled_by

    with LabelLog.open(options.labels_log, read_only=True) as log:
        return labelled_by(cells, log)


def _has_subfolders(path: Path) -> bool:
    """Whether a source is a folder that may have others in it; stores of Zarr are files to us."""
    from sparseattn.cells.readers.zarr_store import is_zarr

    return path.is_dir() and not is_zarr(path)


def test_cells(options: SourceOptions) -> frozenset[str]:
    """Return the ids of the cells that the label log sets aside for testing; none without a log."""
    if options.labels_log is None:
        return frozenset()
    from sparseattn.cells.labels import LabelLog

    with LabelLog.open(options.labels_log, read_only=True) as log:
        return log.test_cells


def _open_for_model(path: Path, options: SourceOptions, classes: Sequence[str], *, may_ask: bool) -> CellSet:
    if options.subfolders is not None or not _has_subfolders(path):
        return _open(path, options)
    cells = _open(path, replace(options, subfolders="classes", labels_csv=None))
    inner = (file.source.path.relative_to(path).parts for file in cells.files)
    names = sorted({parts[0] for parts in inner if len(parts) > 1})
    if not names:
        return cells if options.labels_csv is None else _open(path, options)
    if set(names) <= set(classes) and options.labels_csv is None:
        note(
            f"Subfolders of {path} read as classes of the model; --subfolders samples makes samples of them."
        )
        return cells
    return _open(path, replace(options, subfolders=_ask(path, names, may_ask=may_ask)))


def _ask(path: Path, names: Sequence[str], *, may_ask: bool) -> Subfolders:
    question = f"the subfolders of {path} ({listed(names)}) could be classes or samples"
    if may_ask and sys.stdin.isatty() and sys.stderr.isatty():
        import typer

        answer = typer.prompt(f"{question}; which?", default="samples", err=True)
        if answer in ("classes", "samples"):
            return cast(Subfolders, answer)
    raise InputError(f"{question}; say which with --subfolders classes or --subfolders samples")
