"""``sparseattn report``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sparseattn.cli import options as shared
from sparseattn.cli.masks import MaskNames, Masks, find_masks, read_masks
from sparseattn.cli.models import load_model
from sparseattn.cli.output import note, percent, pixels_and_percent, print_facts, print_json
from sparseattn.cli.source_options import PLAIN_SOURCE, SourceOptions, reads_cells
from sparseattn.cli.sources import open_any, report_skipped
from sparseattn.cli.targets import check_output_file
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from sparseattn.cells import CellSet
    from sparseattn.classifier import Classifier
    from sparseattn.predictions import Predictions
    from sparseattn.report.report import Judgement


@reads_cells
def report(
    model: shared.ModelPath,
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA...",
            help="Cells, each of several is a sample; or a folder of parts that predict has made.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Report to write (.html).", show_default=False)
    ],
    figures: Annotated[
        Path | None, typer.Option(help="Folder to write every plot to, as SVG and PDF.", show_default=False)
    ] = None,
    table: Annotated[
        Path | None, typer.Option(help="Table to write (.csv or .parquet).", show_default=False)
    ] = None,
    table_of: Annotated[
        Literal["classes", "confusion", "samples", "conditions", "drift", "cells"] | None,
        typer.Option(help="Which table --table writes. [classes; samples where no cell has a class]"),
    ] = None,
    side: Annotated[
        Literal["auto", "test", "unseen", "validation", "train", "all"],
        typer.Option(
            help="Cells to judge by. auto: those set aside for testing, else those that are new to the "
            "model, else its validation cells, else its training cells."
        ),
    ] = "auto",
    sample_column: Annotated[str | None, typer.Option(help="Sample column. [sample, well or donor]")] = None,
    condition_column: Annotated[
        str | None, typer.Option(help="Sample column of the condition. [condition, treatment or group]")
    ] = None,
    masks: Masks = None,
    mask_names: MaskNames = None,
    explanations: Annotated[
        bool, typer.Option("--explanations", help="Test the selected pixels too; takes ten seconds and more.")
    ] = False,
    title: Annotated[str, typer.Option(help="Heading of the report.")] = "Cell report",
    pixels: shared.PixelsOption = None,
    options: SourceOptions = PLAIN_SOURCE,
    force: shared.Force = False,
    batch_size: shared.BatchSize = 256,
    device: shared.Device = "auto",
    as_json: shared.Json = False,
) -> None:
    """Say how good a model is and what it found: one HTML file, plots, tables.

    Per-class precision, recall and F1 with intervals, calibration, class fractions of samples, warnings where
    samples are unlike the training cells, mean attention, and a methods paragraph.
    """
    _check_targets(output, figures, table)
    classifier = load_model(model)
    grid_pixels = classifier.prepare.size**2
    k = classifier.k if pixels is None else shared.parse_pixels(pixels, grid_pixels)
    options = options.for_model(model)

    from sparseattn.scale.results import is_results

    if len(sources) == 1 and is_results(sources[0]):
        if pixels is not None:
            raise InputError(
                f"{sources[0]} holds answers already, at their own number of pixels; leave -k away"
            )
        cells, predictions = _answered(sources[0], classifier, force=force)
        k = predictions.k
    else:
        cells = _open_samples(sources, options, classifier.classes)
        predictions = classifier.predict(
            cells, k=k, batch_size=batch_size, strict=options.strict, device=device, force=force
        )
    skipped = [*cells.skipped, *predictions.skipped]
    report_skipped(skipped)

    from sparseattn.export.tables import write_table
    from sparseattn.report import draw_figures, make_report, report_tables, write_figures, write_html
    from sparseattn.report.trust import trust_statement

    masks = find_masks(sources[0], masks)
    made = make_report(
        classifier,
        predictions,
        judge_by=side,
        sample_column=sample_column,
        condition_column=condition_column,
        with_trust=explanations,
        compartments=None if masks is None else read_masks(classifier, predictions.cells, masks, mask_names),
    )
    if table is not None:
        tables = report_tables(made)
        wanted = table_of or ("samples" if made.judgement is None else "classes")
        if wanted not in tables:
            raise InputError(f"there is no table of {wanted} for these cells; there are {', '.join(tables)}")
        write_table(tables[wanted], table)
    if figures is not None:
        write_figures(draw_figures(made), figures)
    write_html(made, output, title=title)
    for sentence in made.notes:
        note(sentence)
    judged = made.judgement
    warnings = [sentence for drift in made.drift for sentence in drift.warnings]
    shortcuts = list(made.shortcuts)
    trust = None if made.trust is None else trust_statement(made.trust)
    if as_json:
        print_json(
            {
                "report": output,
                "n": len(predictions),
                "k": k,
                "pixel_fraction": k / grid_pixels,
                "skipped": len(skipped),
                "notes": predictions.notes,
                "model_hash": predictions.model_hash,
                "judged_by": None if judged is None else judged.cells.side,
                "statement": None if judged is None else judged.cells.statement,
                "metrics": None if judged is None else judged.metrics,
                "drift_warnings": warnings,
                "shortcut_warnings": shortcuts,
                "selected_pixels": trust,
                "looks_at": None if made.general is None else made.general.document(),
                "methods": made.methods,
            }
        )
        return
    print_facts(
        [
            ("report", output),
            ("cells", len(predictions)),
            ("accuracy", None if judged is None else _accuracy(judged)),
            ("selected pixels", pixels_and_percent(k, grid_pixels)),
            ("plots", figures),
            ("table", table),
            ("skipped", len(skipped) or None),
        ]
    )
    if trust is not None:
        print(trust)
    for sentence in (*shortcuts, *warnings):
        print(f"Warning: {sentence}")


def _answered(folder: Path, classifier: Classifier, *, force: bool) -> tuple[CellSet, Predictions]:
    """Return the cells of a run in parts, and the answers that it holds."""
    from sparseattn.cli.run_sources import open_sources
    from sparseattn.scale.results import open_results

    results = open_results(folder)
    cells = open_sources(folder, classifier.classes)
    predictions = results.predictions(cells)
    admitted = classifier.admit(predictions.cells, force=force or bool(predictions.notes))
    return cells, replace(predictions, cells=admitted.cells)


def _check_targets(output: Path, figures: Path | None, table: Path | None) -> None:
    """Refuse, before any work is done, what could not be written in the end."""
    if output.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"the report is an HTML file; let the name {output} end in .html")
    check_output_file(output)
    if table is not None:
        if table.suffix.lower() not in (".csv", ".parquet"):
            raise InputError(f"{table} is no known kind of table; let the name end in .csv or .parquet")
        check_output_file(table)
    if figures is not None and figures.exists() and not figures.is_dir():
        raise InputError(f"{figures} is a file; give --figures a folder")


def _open_samples(paths: list[Path], options: SourceOptions, classes: tuple[str, ...]) -> CellSet:
    """Open cells; each of several sources is a sample of its own where its cells name none."""
    from sparseattn.cells.cellset import CellSet

    if len(paths) == 1:
        return open_any(paths, options, classes)
    sets = []
    for path in paths:
        cells = open_any([path], options, classes)
        if cells.column("sample") is None:
            cells = cells.with_columns({"sample": (path.absolute().name,) * len(cells)})
        sets.append(cells)
    return CellSet.concatenate(sets)


def _accuracy(judgement: Judgement) -> str:
    which = {
        "test": "cells set aside for testing",
        "unseen": "cells new to the model",
        "validation": "validation cells: slightly optimistic",
        "train": "training cells: optimistic",
        "all": "all labelled cells",
    }
    return f"{percent(judgement.metrics['accuracy'])} ({which[judgement.cells.side]})"
