"""``sparseattn train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from sparseattn.cli import options as shared
from sparseattn.cli.like import Recipe, recipe_of
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
    context: typer.Context,
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
    precision: shared.TrainingPrecision = "float32",
    like: Annotated[
        Path | None,
        typer.Option(
            help="Train as this model was: preparation, options, seed. What else is given wins.",
            show_default=False,
        ),
    ] = None,
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
    training = training_options(
        pixels=training_pixels(pixels, size), epochs=epochs, seed=seed, precision=precision
    )
    recipe = Recipe(training, split_list(channels), size, policy, grid_pixel_um)
    if like is not None:
        recipe, options = recipe_of(like, recipe, context), options.for_model(like)
    cells, split = open_sides(data, val, options, recipe.options.validation)
    trained = train_and_save(
        cells,
        output,
        options=recipe.options,
        progress=progress,
        resume=resume,
        obey_stdin=obey_stdin,
        channels=recipe.channels,
        size=recipe.size,
        policy=recipe.policy,
        grid_pixel_um=recipe.grid_pixel_um,
        split=split,
        device=device,
        strict=options.strict,
    )
    print_summary(summary(trained), trained.classifier, as_json=as_json)
