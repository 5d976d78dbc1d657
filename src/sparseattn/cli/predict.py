"""``sparseattn predict``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from sparseattn.cli import batch
from sparseattn.cli import field as fields
from sparseattn.cli import options as shared
from sparseattn.cli.models import load_model
from sparseattn.cli.output import percent, pixels_and_percent, print_facts, print_json
from sparseattn.cli.source_options import PLAIN_SOURCE, SourceOptions, reads_cells
from sparseattn.cli.sources import open_any, report_notes, report_skipped
from sparseattn.cli.targets import check_output_file
from sparseattn.errors import InputError
from sparseattn.phase.settings import REFRACTION_INCREMENT, check_increment


@reads_cells
def predict(
    model: shared.ModelPath,
    sources: Annotated[list[Path], typer.Argument(metavar="SOURCE...", help="Cells.", show_default=False)],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="Table: .csv, .parquet, .h5ad or .fcs; of one .rtdc, a copy of it with scores; or a folder "
            "(a name without an ending) of Parquet files, for any number of cells.",
            show_default=False,
        ),
    ],
    pixels: shared.PixelsOption = None,
    labels: fields.LabelImage = None,
    find: fields.FindCells = False,
    painted: fields.Painted = None,
    neighbours: fields.NeighboursOption = "mask",
    margin: fields.Margin = 0.8,
    crop_side: fields.CropSide = None,
    least_familiar: fields.LeastFamiliar = 0.05,
    least_confidence: fields.LeastConfidence = 0.5,
    refraction_increment: fields.RefractionIncrement = REFRACTION_INCREMENT,
    error_rate: Annotated[
        float | None,
        typer.Option(help="Add a column 'set': classes of which at most this share misses the right one."),
    ] = None,
    workers: batch.Workers = None,
    scheduler: batch.Scheduler = None,
    cells_a_part: batch.CellsAPart = None,
    selected: batch.Selected = False,
    maps: batch.Maps = False,
    options: SourceOptions = PLAIN_SOURCE,
    force: shared.Force = False,
    batch_size: shared.BatchSize = 256,
    device: shared.Device = "auto",
    engine: shared.Engine = "auto",
    as_json: shared.Json = False,
) -> None:
    """Classify cells, one by one or those of a field (--labels, --find): a table with a row a cell.

    Into a folder: in parts, by several processes (--workers) or machines (--scheduler). Started again after
    whatever ended it, it does what is missing.
    """
    from sparseattn.cells.measure import with_measured_columns
    from sparseattn.export.recording import SUFFIX, check_recording
    from sparseattn.export.tables import check_table_path, write_predictions

    check_increment(refraction_increment)
    if error_rate is not None and not 0 < error_rate < 1:
        raise InputError(f"--error-rate {error_rate} is no share; give a number between 0 and 1, such as 0.1")
    if batch.is_folder(output):
        if labels is not None or find or painted is not None:
            raise InputError(f"cells of a field make one table; let {output} end in .csv or .parquet")
        batch.predict_in_parts(
            model,
            sources,
            output,
            options,
            pixels=pixels,
            workers=workers,
            scheduler=scheduler,
            cells_a_part=cells_a_part,
            selected=selected,
            maps=maps,
            error_rate=error_rate,
            refraction_increment=refraction_increment,
            force=force,
            batch_size=batch_size,
            device=device,
            engine=engine,
            as_json=as_json,
        )
        return
    check_output_file(output)
    check_table_path(output)
    batch.check_only_for_folders(
        output, workers=workers, scheduler=scheduler, cells_a_part=cells_a_part, selected=selected, maps=maps
    )
    if output.suffix.lower() == SUFFIX:
        check_recording(sources, output)
    field = labels is not None or find
    if labels is not None and find:
        raise InputError("--labels says where the cells are, --find looks for them; give one of both")
    if painted is not None:
        if not field:
            raise InputError("--painted paints the cells of a field; give --labels or --find as well")
        fields.check_painted_path(painted)

    classifier = load_model(model)
    batch.check_scale(model, classifier, error_rate)
    grid_pixels = classifier.prepare.size**2
    k = classifier.k if pixels is None else shared.parse_pixels(pixels, grid_pixels)
    options = options if field else options.for_model(model)
    how: dict[str, Any] = {
        "k": k,
        "batch_size": batch_size,
        "strict": options.strict,
        "device": device,
        "engine": engine,
        "force": force,
        "features": output.suffix.lower() == ".h5ad",
    }
    if not field:
        cells = open_any(sources, options, classifier.classes)
        classifier.admit(cells, force=force)  # before they are measured
        cells = with_measured_columns(cells, refraction_increment)
        predictions = classifier.predict(cells, **how)
    else:
        from sparseattn.refusal import Refusal

        refusal = Refusal(least_familiar, least_confidence)
        found = fields.open_field_cells(sources, labels, options, neighbours, margin, crop_side)
        classifier.admit(found.cells, force=force)
        cells = with_measured_columns(found.cells, refraction_increment)
        predictions = classifier.predict(cells, **how)
        if painted is not None:
            fields.write_painted(found, predictions, refusal, painted)
        predictions = fields.with_refusal(predictions, refusal)
    refused = None if not field else sum(predictions.cells.column("refused") or ())
    skipped = [*cells.skipped, *predictions.skipped]
    report_skipped(skipped)
    report_notes(predictions.notes)
    sets: dict[str, Any] = {}
    if error_rate is not None:
        inside = classifier.prediction_sets(predictions, error_rate)
        predictions = predictions.with_set_column(inside)
        sets = {"error_rate": error_rate, "mean_set_size": float(inside.sum(axis=1).mean())}
    write_predictions(predictions.with_note_column(), output)
    counts = dict(Counter(map(str, predictions.predicted)).most_common())
    if as_json:
        print_json(
            {
                "table": output,
                "n": len(predictions),
                "predicted": counts,
                "mean_confidence": float(predictions.confidence.mean()),
                "k": k,
                "pixel_fraction": k / grid_pixels,
                "skipped": len(skipped),
                "notes": predictions.notes,
                "engine": predictions.engine,
                "model_hash": predictions.model_hash,
                **({} if not field else {"refused": refused, "painted": painted}),
                **sets,
            }
        )
        return
    print_facts(
        [
            ("table", output),
            ("cells", len(predictions)),
            ("predicted", ", ".join(f"{number} {name}" for name, number in counts.items())),
            ("unlike or unsure", refused or None),
            ("painted", painted),
            ("classes in a set", f"{sets['mean_set_size']:.2f} on average" if sets else None),
            ("mean confidence", percent(float(predictions.confidence.mean()))),
            ("selected pixels", pixels_and_percent(k, grid_pixels)),
            ("skipped", len(skipped) or None),
        ]
    )
