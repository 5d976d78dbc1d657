"""``sparseattn bench``."""

from __future__ import annotations

import os
import statistics
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from sparseattn.cli import options as shared
from sparseattn.cli.output import note, print_json, print_table
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from sparseattn.bench.measure import Measured

SHAPES = ((3, 64, 64), (2, 40, 40), (1, 128, 128))


def bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="Under a minute: 64x64x3 alone, fewer turns.")
    ] = False,
    threads: Annotated[int, typer.Option(min=0, help="Of the CPU; 0 for one a core.")] = 0,
    models: Annotated[str | None, typer.Option(help="Names with commas between. [all]")] = None,
    as_json: shared.Json = False,
) -> None:
    """Measure this net and its peers side by side: speed, latency, memory, arithmetic."""
    from sparseattn.bench.accuracy import balanced_accuracy
    from sparseattn.bench.contenders import LARGE, NAMES, contenders, missing
    from sparseattn.bench.measure import QUICK, Effort, machine, measure

    names = shared.split_list(models) or list(NAMES)
    for name in names:
        if name not in NAMES:
            raise InputError(f"there is no model {name!r}; choose from {', '.join(NAMES)}")
    if (reason := missing(names)) is not None:
        note(reason)
        names = [name for name in names if name not in LARGE]
    if not names:
        raise InputError("none of the models can be built here")
    threads = threads or os.cpu_count() or 1
    chosen = contenders(SHAPES[:1] if quick else SHAPES, names)
    measured = measure(chosen, threads, QUICK if quick else Effort(), _say)
    rows = [one.row(balanced_accuracy(one.contender)) for one in measured]
    if as_json:
        print_json({"machine": machine(threads), "rows": rows})
        return
    _print_measured(measured)


def _print_measured(measured: list[Measured]) -> None:
    header = ("model", "image", "runtime", "cells/s", "x small CNN", "p50 ms", "p99 ms", "MFLOP", "MiB")
    lines = []
    for one in measured:
        ratio = "-"
        if one.ratios:
            low, middle, high = min(one.ratios), statistics.median(one.ratios), max(one.ratios)
            ratio = f"{middle:.2f} ({low:.2f} to {high:.2f})"
        lines.append(
            [
                one.contender.title,
                "x".join(map(str, one.contender.shape)),
                one.runtime,
                f"{one.cells_per_s:,.0f}",
                ratio,
                f"{one.p50_ms:.2f}",
                f"{one.p99_ms:.2f}",
                f"{one.mflop:.1f}",
                "-" if one.peak_mib is None else f"{one.peak_mib:.0f}",
            ]
        )
    print_table(header, lines)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
