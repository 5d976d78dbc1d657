"""``sparseattn pack``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sparseattn.cli import options as shared
from sparseattn.cli.output import print_facts, print_json
from sparseattn.cli.progress import cell_reporter
from sparseattn.cli.source_options import PLAIN_SOURCE, SourceOptions, reads_cells
from sparseattn.cli.sources import open_source, report_skipped


@reads_cells
def pack(
    sources: Annotated[list[Path], typer.Argument(metavar="SOURCE...", help="Cells.", show_default=False)],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Store to write (.zarr).", show_default=False)
    ],
    options: SourceOptions = PLAIN_SOURCE,
    as_json: shared.Json = False,
) -> None:
    """Pack many small files into one store, which opens at once and is read fast.

    Cells keep their ids, classes, samples and channels. Each is read back and compared. Started again after
    whatever ended it, it goes on.
    """
    from sparseattn.cells.cellset import CellSet
    from sparseattn.scale.pack import pack as pack_cells

    sets = [open_source(source.absolute(), options) for source in sources]
    cells = sets[0] if len(sets) == 1 else CellSet.concatenate(sets)
    report_skipped(cells.skipped)
    with cell_reporter("packed") as report:
        packed = pack_cells(cells, output, on_cells=report)
    if as_json:
        print_json(
            {
                "store": packed.path,
                "cells": packed.cells,
                "errors": [{"source": one.origin, "reason": one.reason} for one in packed.errors],
                "skipped": len(cells.skipped),
                "files": packed.files,
                "bytes_on_disk": packed.bytes_on_disk,
                "bytes_of_pixels": packed.bytes_of_pixels,
            }
        )
        return
    on_disk, before = packed.bytes_on_disk, packed.bytes_of_pixels
    print_facts(
        [
            ("store", packed.path),
            ("cells", f"{packed.cells:,}, each read back and equal"),
            ("errors", f"{len(packed.errors)} cells cannot be read" if packed.errors else None),
            ("the first", f"{packed.errors[0].origin}: {packed.errors[0].reason}" if packed.errors else None),
            ("left out", f"{len(cells.skipped)} could not be opened" if cells.skipped else None),
            ("files", packed.files),
            ("size", f"{on_disk / 2**20:,.1f} MiB, of {before / 2**20:,.1f} MiB of pixels"),
        ]
    )
