"""``sparseattn predict`` into a folder: cells in parts, by several processes or machines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparseattn.cli.options import parse_pixels
from sparseattn.cli.output import percent, pixels_and_percent, print_facts, print_json, print_table
from sparseattn.cli.progress import cell_reporter
from sparseattn.cli.run_sources import write_sources
from sparseattn.cli.source_options import SourceOptions
from sparseattn.cli.sources import open_any, report_notes, report_skipped
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from sparseattn.classifier import Classifier
    from sparseattn.scale.summary import Summary

Workers = Annotated[
    int | None,
    typer.Option(min=1, help="With a folder as output: processes of this machine. [one a core]"),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        help="With a folder as output: a Dask scheduler whose workers share the work, as tcp://host:8786."
    ),
]
CellsAPart = Annotated[
    int | None, typer.Option(min=1, help="With a folder as output: rows of a file. [8192]")
]
Selected = Annotated[
    bool, typer.Option("--selected", help="With a folder as output: keep each cell's selected pixels (Zarr).")
]
Maps = Annotated[bool, typer.Option("--maps", help="With a folder as output: keep each cell's maps (Zarr).")]

MOST_SAMPLES = 20
"""Samples of which the text tells; summary.json has them all."""


def is_folder(output: Path) -> bool:
    """Whether an output is a folder of parts: it is one already, or its name has no ending."""
    return output.is_dir() or not output.suffix


def check_only_for_folders(output: Path, **given: object) -> None:
    """Raise InputError where an option was given that needs a folder as output."""
    for name, value in given.items():
        if value:
            raise InputError(
                f"--{name.replace('_', '-')} works on a folder of parts; let -o be a folder, such as "
                f"{output.with_suffix('')}/"
            )


def check_scale(model: Path, classifier: Classifier, error_rate: float | None) -> None:
    """Raise InputError where sets of classes are wanted of a model that holds no scores for them."""
    if error_rate is not None and classifier.scale is None:
        raise InputError(
            f"{model} holds no scores of validation cells, which --error-rate needs; add them with: "
            "sparseattn calibrate MODEL CELLS -o NEW_MODEL"
        )


def predict_in_parts(
    model: Path,
    sources: list[Path],
    output: Path,
    options: SourceOptions,
    *,
    pixels: str | None,
    workers: int | None,
    scheduler: str | None,
    cells_a_part: int | None,
    selected: bool,
    maps: bool,
    error_rate: float | None,
    refraction_increment: float,
    force: bool,
    batch_size: int,
    device: str,
    engine: str,
    as_json: bool,
) -> None:
    """Classify cells into a folder, or go on with what was begun there."""
    if workers is not None and scheduler is not None:
        raise InputError("--workers are processes of this machine, --scheduler has others; give one of both")
    if options.strict:
        raise InputError("--strict ends at a bad cell, and a folder of parts notes it; leave one of both out")

    from sparseattn.cli.models import load_model
    from sparseattn.scale.batch import CELLS_A_PART, BatchSettings, classify_in_parts, dask, processes

    classifier = load_model(model)
    check_scale(model, classifier, error_rate)
    grid_pixels = classifier.prepare.size**2
    k = classifier.k if pixels is None else parse_pixels(pixels, grid_pixels)
    # Workers may have another folder of their own, and the run may go on from another one.
    sources, options = [source.absolute() for source in sources], options.for_model(model)
    cells = open_any(sources, options, classifier.classes)
    report_skipped(cells.skipped)
    settings = BatchSettings(
        k=k,
        cells_a_part=cells_a_part or CELLS_A_PART,
        batch_size=batch_size,
        device=device,
        engine=engine,
        force=force,
        error_rate=error_rate,
        refraction_increment=refraction_increment,
        selected=selected,
        maps=maps,
    )
    those = processes(workers or cores()) if scheduler is None else dask(scheduler)
    with cell_reporter("classified") as report:
        summary = classify_in_parts(model, cells, output, settings, workers=those, on_cells=report)
    write_sources(output, sources, options, model)
    report_notes(summary.notes)
    if as_json:
        print_json({"folder": output, "pixel_fraction": k / grid_pixels, **summary.to_json()})
        return
    _print_summary(summary, output, grid_pixels)


def cores() -> int:
    """Return how many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on every system
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def _print_summary(summary: Summary, output: Path, grid_pixels: int) -> None:
    speed, own = summary.cells_per_second, summary.cells_per_processor_second
    peak = summary.peak_mib_per_worker
    print_facts(
        [
            ("tables", f"{output}/part-*.parquet ({summary.parts})"),
            ("cells", f"{summary.cells:,}"),
            ("predicted", ", ".join(f"{number:,} {name}" for name, number in summary.predicted.items())),
            ("selected pixels", pixels_and_percent(summary.k, grid_pixels)),
            ("errors", f"{summary.errors:,}" if summary.errors else None),
            ("the first", ": ".join(summary.first_errors[0]) if summary.first_errors else None),
            ("classified now", f"{summary.classified:,} by {summary.workers} workers"),
            ("speed", None if speed is None else f"{speed:,.0f} cells a second"),
            ("of one core", None if own is None else f"{own:,.0f} cells a second of its time"),
            ("memory", None if peak is None else f"{peak:,.0f} MiB a worker at most"),
        ]
    )
    if not summary.samples:
        return
    classes = list(summary.predicted)
    rows = []
    for name, counts in list(summary.samples.items())[:MOST_SAMPLES]:
        total = sum(counts.values())
        rows.append([name, f"{total:,}", *(percent(counts.get(one, 0) / total) for one in classes)])
    print()
    print_table(["sample", "cells", *classes], rows)
    if len(summary.samples) > MOST_SAMPLES:
        print(f"and {len(summary.samples) - MOST_SAMPLES} more samples in {output / 'summary.json'}")
