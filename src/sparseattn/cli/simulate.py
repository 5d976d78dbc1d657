"""``sparseattn simulate``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from sparseattn.cli import options as shared
from sparseattn.cli.output import print_facts, print_json


def simulate(
    instrument: Annotated[
        Literal["opd", "events", "stained"],
        typer.Argument(help="opd: path difference in nm; events: event camera; stained: brightfield."),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder to write, new or empty.", show_default=False)
    ],
    count: Annotated[int, typer.Option("-n", "--count", help="Number of cells.")] = 100,
    seed: shared.Seed = 0,
    size: Annotated[int, typer.Option(help="Pixels along each side.")] = 64,
    as_json: shared.Json = False,
) -> None:
    """Simulate white blood cells, with ground truth.

    Five types in class folders; the masks of nucleus, cytoplasm and granules beside them.
    """
    from sparseattn.simulate import simulate as write_cells
    from sparseattn.simulate.write import class_counts

    write_cells(instrument, output, count, seed, size=size, on_cell=_count if sys.stderr.isatty() else None)
    counts = class_counts(count)
    if as_json:
        print_json({"folder": output, "instrument": instrument, "n": count, "seed": seed, "classes": counts})
        return
    print_facts(
        [
            ("folder", output),
            ("cells", f"{count} ({', '.join(f'{number} {name}' for name, number in counts.items())})"),
            ("ground truth", output / "_masks"),
        ]
    )


def _count(done: int, cells: int) -> None:
    print(f"\r{done}/{cells} cells", end="\n" if done == cells else "", file=sys.stderr, flush=True)
