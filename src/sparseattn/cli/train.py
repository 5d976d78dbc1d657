"""``sparseattn train``."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from sparseattn.cli import options as shared
from sparseattn.cli.options import split_list
from sparseattn.cli.reading import parse_micrometres
from sparseattn.cli.source_options import PLAIN_SOURCE, SourceOptions, reads_labels
from sparseattn.cli.targets import check_output_file
from sparseattn.cli.training import (
    open_sides,
    print_summary,
    summary,
    train_and_save,
    training_options,
    training_pixels,
)
from sparseattn.errors import InputError


@reads_labels
def train(
    data: shared.DataPath,
    output: shared.NewModelPath,
    channels: Annotated[
        str | None, typer.Option(help="Channels to use, by number from 0 or by name: 0,2. [all]")
    ] = None,
    size: Annotated[int, typer.Option(min=4, max=1024, help="Side of the net's grid in pixels.")] = 64,
    policy: Annotated[
        Literal["resize", "crop"] | None,
        typer.Option(help="resize to the grid, or crop at the cells' own scale. [resize]"),
    ] = None,
    grid_pixel: Annotated[
        str | None,
        typer.Option(help="Side of a pixel of the net's grid in the sample, such as 0.3um: keeps the scale."),
    ] = None,
    epochs: shared.Epochs = None,
    seed: shared.Seed = 0,
    pixels: shared.TrainingPixels = "auto",
    val: shared.Validation = None,
    options: SourceOptions = PLAIN_SOURCE,
    progress: shared.Progress = "bar",
    resume: shared.Resume = False,
    obey_stdin: shared.ObeyStdin = False,
    device: shared.Device = "auto",
    as_json: shared.Json = False,
) -> None:
    """Train a model on labelled cells.

    DATA are class folders, or any other source together with --labels-csv.
    """
    check_output_file(output)
    grid_pixel_um = parse_micrometres(grid_pixel, "--grid-pixel", "0.3um")
    if grid_pixel_um is not None and policy == "resize":
        raise InputError("--grid-pixel keeps the scale of cells and --policy resize does not; leave one out")
    training = training_options(pixels=training_pixels(pixels, size), epochs=epochs, seed=seed)
    cells, split = open_sides(data, val, options, training.validation)
    classifier, skipped = train_and_save(
        cells,
        output,
        options=training,
        progress=progress,
        resume=resume,
        obey_stdin=obey_stdin,
        channels=split_list(channels),
        size=size,
        policy=policy,
        grid_pixel_um=grid_pixel_um,
        split=split,
        device=device,
        strict=options.strict,
    )
    print_summary(summary(classifier, output, skipped), classifier, as_json=as_json)
