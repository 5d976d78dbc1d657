"""A field of many cells on the command line: its cells, and the picture of their classes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from sparseattn.cli.options import parse_channel_names
from sparseattn.cli.source_options import SourceOptions
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from sparseattn.cells import Field, FieldCells, Marks, Modality
    from sparseattn.predictions import Predictions
    from sparseattn.refusal import Refusal

OTHER = "other"

LabelImage = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        help="SOURCE is a field: its label image, or YOLO, COCO or GeoJSON of its cells.",
    ),
]
FindCells = Annotated[
    bool,
    typer.Option("--find", help="SOURCE is a field without a label image: find its cells by brightness."),
]
RefractionIncrement = Annotated[
    float, typer.Option(help="Of optical path differences: µm³/pg, from which the dry mass is computed.")
]
Painted = Annotated[
    Path | None,
    typer.Option(help="With --labels: write the field with each cell painted by its class (.tif)."),
]
NeighboursOption = Annotated[
    Literal["mask", "keep"], typer.Option(help="With --labels: fill other cells with background, or not.")
]
Margin = Annotated[
    float, typer.Option(help="With --labels: what to show around a cell, as a share of its longer side.")
]
CropSide = Annotated[
    int | None, typer.Option(help="With --labels: side of every crop in pixels, instead of the margin.")
]
LeastFamiliar = Annotated[
    float, typer.Option(help="With --labels: cells less like the training cells (0 to 1) are other.")
]
LeastConfidence = Annotated[
    float, typer.Option(help="With --labels: cells of less confidence (0 to 1) are other.")
]


def open_field_cells(
    sources: Sequence[Path],
    labels: Path | None,
    options: SourceOptions,
    neighbours: Literal["mask", "keep"],
    margin: float,
    side: int | None,
) -> FieldCells:
    """Open a field and what marks its cells, or find them where that is None, and cut them out.

    Raises
    ------
    InputError
        Where several sources or options for folders of cells are given, or the images do not fit.
    """
    from sparseattn.cells import CropSettings, cut_marked_cells, open_field, open_marks
    from sparseattn.cells.tables import describe_samples

    if len(sources) != 1:
        raise InputError(
            f"--labels and --find go with one field, not with {len(sources)} sources; run once for each"
        )
    if options.subfolders is not None or options.labels_csv is not None:
        raise InputError(
            "--subfolders and --labels-csv are for folders of cells; leave them out with a field"
        )
    field = open_field(
        sources[0],
        layout=options.layout,
        channel_names=parse_channel_names(options.channel_names),
        modality=cast("Modality | None", options.modality),
        **options.reading.of_a_field(),
    )
    if labels is None:
        marks = _found(field)
    else:
        # a layout that names channels is the field's alone
        layout = options.layout.replace("C", "") if options.layout else None
        marks = open_marks(labels, field, layout=layout if field.planes > 1 else None)
    found = cut_marked_cells(field, marks, CropSettings(neighbours, margin, side))
    if options.samples_csv is not None:
        described = describe_samples(found.cells, sources[0], options.samples_csv)
        return found.with_cells(described)
    return found


def _found(field: Field) -> Marks:
    """Return the cells that are found in a field."""
    import numpy as np

    from sparseattn.cells import Field, Marks, find_cells

    if field.large:
        raise InputError(
            f"{field.name} is too large for --find; find its cells by sparseattn segment -o CELLS.zarr, "
            "and give these by --labels"
        )
    planes = [find_cells(field, plane=plane) for plane in range(field.planes)]
    if not any(plane.any() for plane in planes):
        raise InputError(f"no cell is found in {field.name}; give its label image by --labels")
    return Marks(Field.from_array(np.stack(planes), "NYX", name=f"cells found in {field.name}"))


def with_refusal(predictions: Predictions, refusal: Refusal) -> Predictions:
    """Return the predictions with the sample column ``refused``: 1 for cells that are to be called other."""
    from dataclasses import replace

    refused = refusal.refused(predictions).astype(int).tolist()
    return replace(predictions, cells=predictions.cells.with_columns({"refused": tuple(refused)}))


def write_painted(found: FieldCells, predictions: Predictions, refusal: Refusal, path: Path) -> None:
    """Write a TIFF as large as the field: 0 ground, 1 and on the classes, and after them other.

    Which number is which class stands in its description, as JSON.
    """
    import numpy as np
    import tifffile

    from sparseattn.writing import replaced_file

    numbers = np.zeros(len(found), np.int64)
    numbers[predictions.indices] = refusal.numbers(predictions)
    names = [*predictions.classes, OTHER]
    dtype = np.uint8 if len(names) <= 255 else np.uint16
    several = found.field.planes > 1
    with replaced_file(path) as draft, tifffile.TiffWriter(draft) as tiff:
        tiff.write(
            (found.paint(plane, numbers, dtype=dtype) for plane in range(found.field.planes)),
            shape=(found.field.planes, *found.field.shape) if several else found.field.shape,
            dtype=dtype,
            compression="zlib",
            metadata={
                "axes": "TYX" if several else "YX",
                "classes": json.dumps(dict(enumerate(names, start=1))),
                "model_hash": predictions.model_hash,
            },
        )


def check_painted_path(path: Path) -> None:
    """Raise InputError unless the picture can be written there."""
    from sparseattn.cli.targets import check_output_file

    if path.suffix.lower() not in (".tif", ".tiff"):
        raise InputError(f"--painted {path} is no TIFF; let the name end in .tif")
    check_output_file(path)
