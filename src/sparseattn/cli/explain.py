"""``sparseattn explain``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparseattn.cli import options as shared
from sparseattn.cli.models import load_model
from sparseattn.cli.options import split_list
from sparseattn.cli.output import listed, percent, print_facts, print_json
from sparseattn.cli.source_options import PLAIN_SOURCE, SourceOptions, reads_cells
from sparseattn.cli.sources import open_any, report_notes, report_skipped
from sparseattn.errors import CellError, InputError

if TYPE_CHECKING:
    from sparseattn.cells.cellset import CellSet
    from sparseattn.cells.origin import Skipped
    from sparseattn.classifier import Classifier
    from sparseattn.explain.explanation import Explanation


@reads_cells
def explain(
    model: shared.ModelPath,
    source: Annotated[Path, typer.Argument(help="Cells.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write.", show_default=False)],
    pixels: shared.PixelsOption = None,
    cells: Annotated[
        str | None, typer.Option(help="Ids of the cells to explain: id,id. [spread over SOURCE]")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many cells at most.")] = 20,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace earlier explanations.")] = False,
    options: SourceOptions = PLAIN_SOURCE,
    force: shared.Force = False,
    as_json: shared.Json = False,
) -> None:
    """Show which pixels decided.

    For each cell: the selected pixels (CSV), the coarse and the fine map (TIFF), one picture (PNG).
    """
    from sparseattn.explain.files import INDEX_FILE, check_output_folder, write_explanations

    check_output_folder(output, overwrite=overwrite)

    classifier = load_model(model)
    grid_pixels = classifier.prepare.size**2
    k = classifier.k if pixels is None else shared.parse_pixels(pixels, grid_pixels)
    options = options.for_model(model)
    opened = open_any([source], options, classifier.classes)
    admitted = classifier.admit(opened, force=force)
    opened = admitted.cells
    report_notes(admitted.notes)
    skipped = list(opened.skipped)
    wanted = _wanted(opened, split_list(cells), limit)
    index = write_explanations(
        _explanations(classifier, opened, wanted, k, skipped, strict=options.strict, force=force),
        output,
        overwrite=overwrite,
    )
    report_skipped(skipped)
    rows = index.to_dict("records")
    if as_json:
        print_json(
            {
                "folder": output,
                "k": k,
                "pixel_fraction": k / grid_pixels,
                "cells": rows,
                "skipped": len(skipped),
                "notes": admitted.notes,
            }
        )
        return
    read = index["read_pixels"].mean()
    print_facts(
        [
            ("explained", f"{len(rows)} of {len(opened)} cells"),
            ("selected pixels", f"{index['selected_pixels'].iloc[0]} ({percent(k / grid_pixels)})"),
            ("read pixels", f"{read:.0f} ({percent(read / grid_pixels)}), with the windows around them"),
            ("skipped", len(skipped) or None),
            ("pictures", output / "*" / "overlay.png"),
            ("index", output / INDEX_FILE),
        ]
    )


def _wanted(cells: CellSet, ids: list[str] | None, limit: int) -> list[int]:
    if ids is None:
        count = min(limit, len(cells))  # spread over the source, whose first cells may all be of one class
        return [row * len(cells) // count for row in range(count)]
    rows = {name: row for row, name in enumerate(cells.ids)}
    unknown = [name for name in ids if name not in rows]
    if unknown:
        raise InputError(f"there is no cell {listed(unknown)}; the first of this source is {cells.ids[0]}")
    return [rows[name] for name in ids][:limit]


def _explanations(
    classifier: Classifier,
    cells: CellSet,
    rows: list[int],
    k: int,
    skipped: list[Skipped],
    *,
    strict: bool,
    force: bool,
) -> Iterator[Explanation]:
    from sparseattn.cells.origin import Skipped
    from sparseattn.explain.explanation import explain_cell

    explained = 0
    for row in rows:
        try:
            explanation = explain_cell(classifier, cells, row, k=k, force=force)
        except CellError as error:
            if strict:
                raise
            skipped.append(Skipped(str(cells.origins[row]), str(error)))
            continue
        explained += 1
        yield explanation
    if not explained:
        raise InputError(f"none of the cells could be explained; the first: {skipped[-1].reason}")
