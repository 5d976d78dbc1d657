"""``sparseattn segment``."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from sparseattn.cli import options as shared
from sparseattn.cli.options import parse_channel_names
from sparseattn.cli.output import print_facts, print_json
from sparseattn.cli.source_options import PLAIN_SOURCE, SourceOptions, reads_a_field
from sparseattn.cli.targets import check_output_file
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from sparseattn.cells import Field, Modality, SegmentSettings


@reads_a_field
def segment(
    path: Annotated[Path, typer.Argument(metavar="FIELD", help="Image of many cells.", show_default=False)],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="Label image: .tif; .zarr if large.", show_default=False),
    ],
    looks: Annotated[
        Literal["auto", "bright", "dark", "stain"] | None,
        typer.Option(
            help="Cells are brighter or darker than the ground, or stained nuclei in colour. [auto]"
        ),
    ] = None,
    channel: Annotated[str | None, typer.Option(help="Channel to look at. [mean of all]")] = None,
    threshold: Annotated[
        Literal["local", "otsu"] | None,
        typer.Option(help="One threshold for each place, or one for all. [local; otsu for phase]"),
    ] = None,
    sensitivity: Annotated[
        float | None, typer.Option(help="-1 to 1: towards 1 fainter pixels count. [0; 0.7 for phase]")
    ] = None,
    split: Annotated[
        Literal["distance", "intensity", "none"] | None,
        typer.Option(help="How cells that touch are told apart. [distance; none for stain]"),
    ] = None,
    diameter: Annotated[float | None, typer.Option(help="Of a usual cell in pixels. [as found]")] = None,
    smallest: Annotated[
        int | None, typer.Option(help="Area in pixels. [30; 60 for phase; 3000 for stain]")
    ] = None,
    grow: Annotated[int | None, typer.Option(help="Pixels to grow each cell by. [0; 14 for stain]")] = None,
    options: SourceOptions = PLAIN_SOURCE,
    as_json: shared.Json = False,
) -> None:
    """Find the cells of a field without a model: a label image for predict --labels."""
    from sparseattn.cells import SegmentSettings, open_field

    large = output.suffix.lower() == ".zarr"
    if large:
        if output.exists():
            raise InputError(f"{output} is there already; give another name")
    elif output.suffix.lower() in (".tif", ".tiff"):
        check_output_file(output)
    else:
        raise InputError(f"{output} is no label image; let the name end in .tif or .zarr")
    field = open_field(
        path,
        layout=options.layout,
        channel_names=parse_channel_names(options.channel_names),
        modality=cast("Modality | None", options.modality),
        **options.reading.of_a_field(),
    )
    given: dict[str, Any] = {
        "looks": looks,
        "channel": channel,
        "threshold": threshold,
        "sensitivity": sensitivity,
        "split": split,
        "diameter": diameter,
        "smallest": smallest,
        "grow": grow,
    }
    usual = SegmentSettings.for_stain() if looks == "stain" else SegmentSettings.for_field(field)
    settings = replace(usual, **{name: value for name, value in given.items() if value is not None})
    count = _write_large(field, settings, output) if large else _write(field, settings, output)
    if as_json:
        print_json({"labels": output, "cells": count, "planes": field.planes})
        return
    planes = field.planes if field.planes > 1 else None
    print_facts([("labels", output), ("cells", count), ("planes", planes)])


def _write_large(field: Field, settings: SegmentSettings, output: Path) -> int:
    import shutil

    from sparseattn.cells.segment_large import find_cells_of_large

    if field.planes != 1:
        raise InputError(f"{field.name} has {field.planes} planes; a .zarr of labels is made of one")
    draft = output.with_name(f".{output.stem}-draft.zarr")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        count = find_cells_of_large(field, draft, settings, on_tile=_count if sys.stderr.isatty() else None)
        draft.rename(output)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return count


def _write(field: Field, settings: SegmentSettings, output: Path) -> int:
    import numpy as np
    import tifffile

    from sparseattn.cells import find_cells
    from sparseattn.writing import replaced_file

    if field.large:
        raise InputError(
            f"{field.name} is too large for a .tif of labels; give a name that ends in .zarr, "
            "which is written tile by tile"
        )
    planes = [find_cells(field, settings, plane=plane) for plane in range(field.planes)]
    labels = np.stack(planes) if field.planes > 1 else planes[0]
    with replaced_file(output) as draft:
        axes = "TYX" if field.planes > 1 else "YX"
        tifffile.imwrite(draft, labels, compression="zlib", metadata={"axes": axes})
    return sum(int(plane.max()) for plane in planes)


def _count(done: int, tiles: int) -> None:
    print(f"\r{done}/{tiles} tiles", end="\n" if done == tiles else "", file=sys.stderr, flush=True)
