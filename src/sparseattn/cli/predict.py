"""``sparseattn predict``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from sparseattn.cli import options as shared
from sparseattn.cli.models import load_model
from sparseattn.cli.output import percent, pixels_and_percent, print_facts, print_json
from sparseattn.cli.sources import SourceOptions, open_any, report_skipped
from sparseattn.cli.targets import check_output_file


def predict(
    model: shared.ModelPath,
    sources: Annotated[list[Path], typer.Argument(metavar="SOURCE...", help="Cells.", show_default=False)],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Table: .csv, .parquet, .h5ad or .fcs.", show_default=False)
    ],
    pixels: shared.PixelsOption = None,
    labels_csv: shared.LabelsCsv = None,
    samples_csv: shared.SamplesCsv = None,
    subfolders: shared.SubfoldersOption = None,
    layout: shared.Layout = None,
    modality: shared.ModalityOption = None,
    channel_names: shared.ChannelNames = None,
    strict: shared.Strict = False,
    batch_size: shared.BatchSize = 256,
    device: shared.Device = "auto",
    as_json: shared.Json = False,
) -> None:
    """Classify cells: a table with a row a cell."""
    from sparseattn.export.tables import check_table_path, write_predictions

    check_output_file(output)
    check_table_path(output)

    classifier = load_model(model)
    grid_pixels = classifier.prepare.size**2
    k = classifier.k if pixels is None else shared.parse_pixels(pixels, grid_pixels)
    source = SourceOptions(labels_csv, samples_csv, subfolders, layout, modality, channel_names, strict)
    cells = open_any(sources, source, classifier.classes)
    predictions = classifier.predict(cells, k=k, batch_size=batch_size, strict=strict, device=device)
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
            }
        )
        return
    print_facts(
        [
            ("table", output),
            ("cells", len(predictions)),
            ("predicted", ", ".join(f"{number} {name}" for name, number in counts.items())),
            ("mean confidence", percent(float(predictions.confidence.mean()))),
            ("selected pixels", pixels_and_percent(k, grid_pixels)),
            ("skipped", len(skipped) or None),
        ]
    )
