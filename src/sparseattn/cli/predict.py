"""``sparseattn predict``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from sparseattn.cli import field as fields
from sparseattn.cli import options as shared
from sparseattn.cli.models import load_model
from sparseattn.cli.output import percent, pixels_and_percent, print_facts, print_json
from sparseattn.cli.recordings import events_of_model
from sparseattn.cli.sources import SourceOptions, open_any, report_skipped
from sparseattn.cli.targets import check_output_file
from sparseattn.errors import InputError


def predict(
    model: shared.ModelPath,
    sources: Annotated[list[Path], typer.Argument(metavar="SOURCE...", help="Cells.", show_default=False)],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Table: .csv, .parquet, .h5ad or .fcs.", show_default=False)
    ],
    pixels: shared.PixelsOption = None,
    labels: fields.LabelImage = None,
    painted: fields.Painted = None,
    neighbours: fields.NeighboursOption = "mask",
    margin: fields.Margin = 0.8,
    crop_side: fields.CropSide = None,
    least_familiar: fields.LeastFamiliar = 0.05,
    least_confidence: fields.LeastConfidence = 0.5,
    labels_csv: shared.LabelsCsv = None,
    samples_csv: shared.SamplesCsv = None,
    subfolders: shared.SubfoldersOption = None,
    layout: shared.Layout = None,
    dataset: shared.Dataset = None,
    modality: shared.ModalityOption = None,
    channel_names: shared.ChannelNames = None,
    strict: shared.Strict = False,
    batch_size: shared.BatchSize = 256,
    device: shared.Device = "auto",
    as_json: shared.Json = False,
) -> None:
    """Classify cells, one by one or those of a field (--labels): a table with a row a cell."""
    from sparseattn.export.tables import check_table_path, write_predictions

    check_output_file(output)
    check_table_path(output)
    if painted is not None:
        if labels is None:
            raise InputError("--painted paints the cells of a field; give --labels as well")
        fields.check_painted_path(painted)

    classifier = load_model(model)
    grid_pixels = classifier.prepare.size**2
    k = classifier.k if pixels is None else shared.parse_pixels(pixels, grid_pixels)
    source = SourceOptions(
        labels_csv,
        samples_csv,
        subfolders,
        layout,
        modality,
        channel_names,
        strict,
        events=events_of_model(model),
        dataset=dataset,
    )
    if labels is None:
        cells = open_any(sources, source, classifier.classes)
        predictions = classifier.predict(cells, k=k, batch_size=batch_size, strict=strict, device=device)
    else:
        from sparseattn.refusal import Refusal

        refusal = Refusal(least_familiar, least_confidence)
        found = fields.open_field_cells(sources, labels, source, neighbours, margin, crop_side)
        cells = found.cells
        predictions = classifier.predict(cells, k=k, batch_size=batch_size, strict=strict, device=device)
        if painted is not None:
            fields.write_painted(found, predictions, refusal, painted)
        predictions = fields.with_refusal(predictions, refusal)
    refused = None if labels is None else sum(predictions.cells.column("refused") or ())
    skipped = [*cells.skipped, *predictions.skipped]
    report_skipped(skipped)
    write_predictions(predictions, output)
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
                "model_hash": predictions.model_hash,
                **({} if labels is None else {"refused": refused, "painted": painted}),
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
            ("mean confidence", percent(float(predictions.confidence.mean()))),
            ("selected pixels", pixels_and_percent(k, grid_pixels)),
            ("skipped", len(skipped) or None),
        ]
    )
